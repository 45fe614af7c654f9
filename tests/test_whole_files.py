"""Files that are complete or absent."""

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from stat import S_IMODE

import pytest

from mien.whole_files import (
    make_folder,
    make_private,
    replaced_folder,
    whole_file,
    whole_folder,
    write_whole_bytes,
    write_whole_text,
)


def test_a_file_appears_only_when_it_is_complete(tmp_path: Path):
    target = tmp_path / "new" / "report.json"
    with whole_file(target) as scratch:
        scratch.write_text("half")
        assert not target.exists()
        assert scratch.suffix == ".json"
        scratch.write_text("whole")
    assert target.read_text() == "whole"
    assert [path.name for path in target.parent.iterdir()] == ["report.json"]


def test_a_failed_write_keeps_the_old_file_and_leaves_no_scratch(tmp_path: Path):
    target = tmp_path / "report.json"
    write_whole_text(target, "old")
    with pytest.raises(ValueError, match="stop"), whole_file(target) as scratch:
        scratch.write_text("half")
        raise ValueError("stop")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_text_keeps_its_line_ends_and_bytes_their_bytes(tmp_path: Path):
    write_whole_text(tmp_path / "a", "one\r\nhai ạ\n")
    assert (tmp_path / "a").read_bytes() == "one\r\nhai ạ\n".encode()
    write_whole_bytes(tmp_path / "b", b"\x00\xff\n")
    assert (tmp_path / "b").read_bytes() == b"\x00\xff\n"


def test_a_folder_appears_only_when_it_is_complete(tmp_path: Path):
    target = tmp_path / "model"
    with pytest.raises(ValueError, match="stop"), whole_folder(target) as scratch:
        (scratch / "card.toml").write_text("x")
        raise ValueError("stop")
    assert list(tmp_path.iterdir()) == []
    with whole_folder(target) as scratch:
        (scratch / "card.toml").write_text("x")
        assert not target.exists()
    assert (target / "card.toml").read_text() == "x"
    with pytest.raises(FileExistsError), whole_folder(target):
        pass
    assert (target / "card.toml").read_text() == "x"


def test_a_folder_is_replaced_as_a_whole_or_stays(tmp_path: Path):
    target = tmp_path / "model"
    for content in ("first", "second"):
        with replaced_folder(target) as scratch:
            (scratch / "card.toml").write_text(content)
    with pytest.raises(ValueError, match="stop"), replaced_folder(target) as scratch:
        (scratch / "card.toml").write_text("half")
        raise ValueError("stop")
    assert (target / "card.toml").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_two_who_make_one_folder_at_once_leave_one_of_theirs(tmp_path: Path):
    target = tmp_path / "model"
    with replaced_folder(target) as mine, replaced_folder(target) as other:
        assert mine != other
        for scratch, content in ((mine, "mine"), (other, "other")):
            (scratch / "card.toml").write_text(content)
    assert (target / "card.toml").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.fixture
def open_umask() -> Iterator[None]:
    """The umask under which everybody may read and write what is made."""
    before = os.umask(0)
    yield
    os.umask(before)


def rights(path: Path) -> int:
    return S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("open_umask")
def test_private_files_are_closed_to_others_from_their_first_byte(tmp_path: Path):
    target = tmp_path / "new" / "deep" / "faces.csv"
    with whole_file(target, private=True) as scratch:
        scratch.write_text("a")
        assert rights(scratch) == 0o600
    write_whole_text(target.with_name("a.csv"), "a", private=True)
    write_whole_bytes(target.with_name("b.csv"), b"b", private=True)
    assert {rights(path) for path in target.parent.iterdir()} == {0o600}
    assert rights(target.parent) == rights(target.parent.parent) == 0o700


def test_private_files_are_readable_by_their_owner_under_every_umask(tmp_path: Path):
    before = os.umask(0o777)
    try:
        write_whole_text(tmp_path / "new" / "a.csv", "a", private=True)
    finally:
        os.umask(before)
    assert rights(tmp_path / "new" / "a.csv") == 0o600
    assert rights(tmp_path / "new") == 0o700


@pytest.mark.usefixtures("open_umask")
def test_a_file_that_others_could_read_becomes_private_when_it_is_written_again(tmp_path: Path):
    target = tmp_path / "faces.csv"
    target.write_text("old")
    assert rights(target) == 0o666
    write_whole_text(target, "new", private=True)
    assert rights(target) == 0o600
    write_whole_text(tmp_path / "report.md", "open")
    assert rights(tmp_path / "report.md") == 0o666


@pytest.mark.usefixtures("open_umask")
@pytest.mark.parametrize("make", [whole_folder, replaced_folder])
def test_all_that_is_in_a_private_folder_is_closed_to_others(
    tmp_path: Path, make: Callable[..., AbstractContextManager[Path]]
):
    with make(tmp_path / "new" / "audit", private=True) as scratch:
        assert rights(scratch) == 0o700
        (scratch / "crops").mkdir()
        (scratch / "crops" / "a.jpg").write_bytes(b"a")
    assert rights(tmp_path / "new") == rights(tmp_path / "new" / "audit") == 0o700
    assert rights(tmp_path / "new" / "audit" / "crops") == 0o700
    assert rights(tmp_path / "new" / "audit" / "crops" / "a.jpg") == 0o600
    with make(tmp_path / "open") as scratch:
        (scratch / "card.toml").write_text("x")
    assert rights(tmp_path / "open") == 0o777


@pytest.mark.usefixtures("open_umask")
def test_a_folder_that_exists_keeps_its_rights(tmp_path: Path):
    (tmp_path / "shared").mkdir()
    assert make_folder(tmp_path / "shared", private=True) == tmp_path / "shared"
    assert rights(tmp_path / "shared") == 0o777
    assert rights(make_folder(tmp_path / "shared" / "mine", private=True)) == 0o700


def test_rights_that_the_mount_fixes_are_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(path: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    (tmp_path / "a").write_text("a")
    make_private(tmp_path / "a")
    write_whole_text(tmp_path / "new" / "b", "b", private=True)
    assert (tmp_path / "new" / "b").read_text() == "b"


@pytest.mark.parametrize("name", ["a" * 251 + ".csv", "ạ" * 83 + ".json", "." + "b" * 254, "c." + "d" * 253])
def test_names_as_long_as_the_file_system_takes_can_be_written(tmp_path: Path, name: str):
    write_whole_text(tmp_path / name, "whole")
    with replaced_folder(tmp_path / "folder" / name):
        pass
    assert (tmp_path / name).read_text() == "whole"
    assert [path.name for path in (tmp_path / "folder").iterdir()] == [name]


@pytest.mark.parametrize("place", [whole_file, whole_folder, replaced_folder])
def test_a_full_disk_names_what_was_to_be_written(
    place: Callable[[Path], AbstractContextManager[Path]], tmp_path: Path
):
    for target, file in ((tmp_path / "report.json", None), (tmp_path / "b.json", "/tmp/.b.1.part.json")):
        with pytest.raises(OSError, match="No space") as caught, place(target) as scratch:
            scratch.touch()
            raise OSError(errno.ENOSPC, "No space left on device", file)
        assert caught.value.filename == str(target)
    assert list(tmp_path.iterdir()) == []


def test_another_files_error_keeps_its_name(tmp_path: Path):
    with pytest.raises(FileNotFoundError) as caught, whole_file(tmp_path / "a.json"):
        (tmp_path / "none.jpg").read_bytes()
    assert caught.value.filename == str(tmp_path / "none.jpg")


def test_bytes_of_names_that_are_not_utf_8_are_written_out(tmp_path: Path):
    write_whole_text(tmp_path / "a.json", json.dumps({"path": "caf\udce9"}, ensure_ascii=False))
    assert json.loads((tmp_path / "a.json").read_bytes()) == {"path": "caf\udce9"}
