"""Output folders of long work: never between a user's files, never with other settings, private."""

import os
import stat
from pathlib import Path

import pytest

from mien.data.work_folder import (
    FOLDER,
    NO_FILE,
    file_stamp,
    keep_in_parts,
    open_work,
    read_rows,
    remove_work,
    stamp_first,
    write_rows,
)
from mien.errors import ResumeError
from mien.progress import Progress

PLAN = {"model": "a", "rate": 0.001, "gallery": ""}
NAMES = "part-{:06d}.txt"


def test_the_stamp_of_a_file_changes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    assert file_stamp(str(path)) == NO_FILE and file_stamp("x" * 5000) == NO_FILE and file_stamp("a\0b") == NO_FILE
    path.write_bytes(b"abc")
    first = file_stamp(str(path))
    os.utime(path, ns=(1, 1))
    assert first[0] == 3 and file_stamp(str(path)) == (3, 1) != first


def test_work_goes_on_with_the_same_settings_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with open_work(out, PLAN, NAMES, "mien x").append() as path:
        path.write_text("one")
    assert len(open_work(out, PLAN, NAMES, "mien x").files()) == 1
    with pytest.raises(ResumeError) as refused:
        open_work(out, PLAN | {"rate": 0.01, "gallery": "staff"}, NAMES, "mien x")
    said = str(refused.value)
    assert "rate was 0.001 and is now 0.01; gallery was not set and is now staff" in said and "model" not in said
    assert {stat.S_IMODE(path.stat().st_mode) for path in (out, out / FOLDER)} == {0o700}


def test_a_folder_with_a_users_files_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    (mine / FOLDER).mkdir(parents=True)
    (mine / FOLDER / "photo.jpg").write_bytes(b"abc")
    for refuse in (
        lambda: open_work(mine, PLAN, NAMES, "mien x"),
        lambda: remove_work(mine, ["photo.jpg"], "mien x"),
    ):
        with pytest.raises(ResumeError, match="nothing in it is from `mien x`"):
            refuse()
    with pytest.raises(ResumeError, match="is a file"):
        open_work(mine / FOLDER / "photo.jpg", PLAN, NAMES, "mien x")
    assert (mine / FOLDER / "photo.jpg").read_bytes() == b"abc"


def test_only_the_works_own_files_are_removed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    remove_work(out, ["report.html"], "mien x")
    open_work(out, PLAN, NAMES, "mien x")
    for name in ("report.html", "notes.txt"):
        (out / name).write_text(name)
    remove_work(out, ["report.html"], "mien x")
    assert [path.name for path in out.iterdir()] == ["notes.txt"]


def test_what_was_made_is_written_whatever_ends_the_work() -> None:
    written: list[list[int]] = []
    seen: list[tuple[int, int | None]] = []

    def until_seven(point: Progress) -> None:
        seen.append((point.done, point.total))
        if point.done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keep_in_parts(
            range(20),
            lambda some: written.append(list(some)),
            3,
            stage="x",
            done=2,
            total=22,
            on_progress=until_seven,
        )
    assert written == [[0, 1, 2], [3, 4]] and seen == [(number, 22) for number in range(2, 8)]


def test_stamps_are_taken_before_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"abc")
    stamps: dict[str, tuple[int, int]] = {}
    for given in stamp_first([path], stamps):
        given.write_bytes(b"changed while it is read")
    assert stamps[str(path)][0] == 3


def test_a_damaged_part_is_named_and_a_whole_one_is_private(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parts = open_work(tmp_path / "out", PLAN, "part-{:06d}.parquet", "mien x")
    write_rows(parts, [{"path": "a", "bytes": 3}], pa.schema({"path": pa.string(), "bytes": pa.int64()}))
    (file,) = parts.files()
    assert read_rows(file, ["bytes"]) == [{"bytes": 3}] and stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(ResumeError, match="is damaged; begin again with --overwrite"):
        read_rows(file)
