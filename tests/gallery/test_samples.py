"""The samples of a subject: listed, written and erased by the name as it was typed."""

import unicodedata
from collections.abc import Callable
from pathlib import Path
from stat import S_IMODE

import pytest

from mien.errors import GalleryError, OutputError, SubjectNotFoundError
from mien.gallery.people import list_subjects
from mien.gallery.records import Identity, NewTemplate
from mien.gallery.samples import list_samples, remove_sample, write_portraits
from mien.gallery.stores import create_store

NAME = "Nguyễn Hồng"
TYPED = f" {unicodedata.normalize('NFD', NAME)} "


@pytest.fixture
def path(tmp_path: Path, identity: Identity, template: Callable[[str, int], NewTemplate]) -> Path:
    store = create_store(tmp_path / "people.gallery", identity)
    store.add([template(NAME, 1), template("An", 2), template(NAME, 3)])
    store.close()
    return tmp_path / "people.gallery"


def test_portraits_are_written_under_the_ids_of_their_samples(
    path: Path, tmp_path: Path, template: Callable[[str, int], NewTemplate]
) -> None:
    assert [row.number for row in list_samples(path, TYPED)] == [1, 3]
    written = write_portraits(path, TYPED, tmp_path / "out")
    assert [file.name for file in written] == ["1.jpg", "3.jpg"]
    assert [file.read_bytes() for file in written] == [template(NAME, n).portrait.jpeg for n in (1, 3)]
    assert {S_IMODE(file.stat().st_mode) for file in written} == {0o600}
    assert S_IMODE((tmp_path / "out").stat().st_mode) == 0o700
    assert write_portraits(path, TYPED, tmp_path / "out") == written, "its own files are replaced"


def test_files_of_others_are_not_replaced(path: Path, tmp_path: Path) -> None:
    (tmp_path / "3.jpg").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"3\.jpg was not made by mien"):
        write_portraits(path, NAME, tmp_path)
    assert (tmp_path / "3.jpg").read_bytes() == b"mine" and not (tmp_path / "1.jpg").exists()
    write_portraits(path, NAME, tmp_path, overwrite=True)
    assert (tmp_path / "3.jpg").read_bytes() != b"mine"


def test_samples_are_erased_by_their_ids(path: Path) -> None:
    with pytest.raises(GalleryError, match="no sample 2 of 'Nguyễn Hồng'; see `mien samples"):
        remove_sample(path, NAME, 2)
    assert remove_sample(path, TYPED, 1)[1] is False and remove_sample(path, NAME, 3)[1] is True
    assert [row.name for row in list_subjects(path).subjects] == ["An"]
    with pytest.raises(SubjectNotFoundError):
        list_samples(path, NAME)
