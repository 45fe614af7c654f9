"""Outputs mirror the inputs, never share a name, and never replace what is not mien's."""

import os
import unicodedata
from pathlib import Path

import pytest

from mien.errors import OutputError
from mien.output_names import INDEX, OutputGuard, output_names, read_index


def stems(*sources: str, roots: tuple[str, ...] = ()) -> list[str]:
    return [name.stem for name in output_names(sources, [Path(root) for root in roots])]


def make(path: Path, text: str = "own") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_three_images_of_two_stems_in_three_folders_have_three_names() -> None:
    assert stems("a/x.jpg", "b/x.jpg", "c/x-2.jpg") == ["a/x", "b/x", "c/x-2"]
    assert stems("a/x.jpg", "a/x.png", "a/x-2.jpg") == ["x", "x-3", "x-2"]
    assert stems("a/x.png", "a/x.jpg") == ["x-2", "x"], "the one that is called so already keeps its name"
    assert stems(*["x.jpg"] * 3) == ["x", "x-2", "x-3"]


def test_names_mirror_the_tree_below_what_was_searched() -> None:
    assert stems("t/a/x.jpg", roots=("t",)) == ["a/x"]
    assert stems("t/a/x.jpg", "u/x.jpg", roots=("t", "u")) == ["t/a/x", "u/x"]
    assert stems("t/a/x.jpg", "t/y.jpg") == ["a/x", "y"]
    assert stems("clip.mp4", "camera:0") == ["clip", "camera-0"]


@pytest.mark.parametrize("source", ["../p.jpg", "/p.jpg", "../../a/../p.jpg", "..jpg", "...jpg"])
def test_no_name_leads_out_of_the_folder_of_outputs(source: str, tmp_path: Path) -> None:
    for sources in ([source], [source, "q/r.jpg", "/usr/s.jpg"]):
        for name in output_names(sources):
            path = Path(os.path.normpath(name.path(tmp_path / "out", ".txt")))
            assert path.is_relative_to(tmp_path / "out") and ".." not in path.parts


def test_names_that_some_file_system_takes_for_one_are_kept_apart() -> None:
    composed, decomposed = (unicodedata.normalize(form, "Trần/ảnh.jpg") for form in ("NFC", "NFD"))
    found = stems(composed, decomposed, "TRẦN/ẢNH.jpg", "a/Straße.jpg", "a/STRASSE.jpg")
    keys = {unicodedata.normalize("NFC", unicodedata.normalize("NFC", one).casefold()) for one in found}
    assert len(keys) == 5


def test_a_name_of_255_bytes_leaves_room_for_numbers_and_endings(tmp_path: Path) -> None:
    long = ["ả" * 83 + "aa.jpg", "ả" * 83 + "ab.jpg"]
    names = output_names(long)
    assert len({name.stem for name in names}) == 2
    for name in names:
        with OutputGuard().write(name.path(tmp_path, "-0001.jpg")) as scratch:
            scratch.write_text("x")


def test_a_name_that_is_not_utf8_is_written_and_remembered(tmp_path: Path) -> None:
    (name,) = output_names([os.fsdecode(b"caf\xe9.jpg")])
    guard = OutputGuard()
    with guard.write(name.path(tmp_path, ".jpg")) as scratch:
        scratch.write_text("x")
    OutputGuard().check([name.path(tmp_path, ".jpg")])


def test_ten_thousand_equal_names_are_numbered_quickly() -> None:
    assert (
        len({name.stem for name in output_names([f"a/{'x' if n % 2 else 'X'}.jpg" for n in range(10_000)])}) == 10_000
    )


def test_a_file_that_mien_wrote_is_replaced_and_one_that_was_changed_since_is_not(tmp_path: Path) -> None:
    path = tmp_path / "out" / "x.txt"
    for text in ("first", "second"):
        OutputGuard().write_text(path, text)
    assert path.read_text() == "second" and (path.parent / INDEX).stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in path.parent.iterdir()) == [INDEX, "x.txt"]
    path.write_text("corrected by hand")
    with pytest.raises(OutputError, match=r"x\.txt was not made by mien, or was changed since.*--overwrite"):
        OutputGuard().write_text(path, "third")
    assert path.read_text() == "corrected by hand"
    OutputGuard(overwrite=True).write_text(path, "third")
    OutputGuard().write_text(path, "fourth")
    assert path.read_text() == "fourth"


def test_what_is_refused_is_found_before_anything_is_written_and_counted(tmp_path: Path) -> None:
    paths = [make(tmp_path / f"{n}.txt") for n in range(3)]
    with pytest.raises(OutputError, match=r"0\.txt was not made.*\(and 2 more\)"):
        OutputGuard().check([*paths, tmp_path / "new.txt"])
    OutputGuard(overwrite=True).check(paths)


@pytest.mark.parametrize("kind", ["same", "symbolic link", "hard link", "other spelling", "linked folder"])
def test_a_file_that_is_read_is_never_replaced_however_it_is_called(kind: str, tmp_path: Path) -> None:
    source = make(tmp_path / "in" / "x.jpg")
    target = tmp_path / "out" / "x.jpg"
    target.parent.mkdir()
    if kind == "same":
        target = source
    elif kind == "symbolic link":
        target.symlink_to(source)
    elif kind == "hard link":
        os.link(source, target)
    elif kind == "other spelling":
        target = tmp_path / "out" / ".." / "in" / "x.jpg"
    else:
        (tmp_path / "linked").symlink_to(source.parent)
        target = tmp_path / "linked" / "x.jpg"
    other = make(tmp_path / "in" / "y.jpg")
    for overwrite in (False, True):
        guard = OutputGuard([source, other], overwrite=overwrite)
        with pytest.raises(OutputError, match="is read as an input"), guard.write(target, str(other)):
            pass
    with pytest.raises(OutputError, match="or say --overwrite"):
        OutputGuard([source]).check_outputs([(target, str(source))])
    OutputGuard([source], overwrite=True).write_text(target, "covered", str(source))
    assert target.read_text() == "covered" and other.read_text() == "own"


def test_a_folder_and_a_dangling_link_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").mkdir()
    (tmp_path / "y.jpg").symlink_to(tmp_path / "gone")
    with pytest.raises(OutputError, match="is a folder"):
        OutputGuard(overwrite=True).check([tmp_path / "x.jpg"])
    with pytest.raises(OutputError, match="was not made by mien"):
        OutputGuard().check([tmp_path / "y.jpg"])


def test_an_output_that_fails_is_absent_and_the_old_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    OutputGuard().write_text(path, "old")
    with pytest.raises(ValueError, match="stop"), OutputGuard().write(path) as scratch:
        scratch.write_text("half")
        raise ValueError("stop")
    assert path.read_text() == "old" and sorted(one.name for one in tmp_path.iterdir()) == [INDEX, "x.txt"]


def test_damaged_lines_of_the_index_make_files_foreign_and_nothing_else(tmp_path: Path) -> None:
    OutputGuard().write_text(tmp_path / "x.txt", "x")
    OutputGuard().write_text(tmp_path / "y.txt", "y")
    lines = (tmp_path / INDEX).read_bytes().splitlines()
    (tmp_path / INDEX).write_bytes(b"\n".join([lines[0][:9], b"\xff\x00", b"3", b'["a"]', lines[1]]) + b"\n")
    assert set(read_index(tmp_path)) == {"y.txt"}
    OutputGuard().check([tmp_path / "y.txt"])
    with pytest.raises(OutputError):
        OutputGuard().check([tmp_path / "x.txt"])


def test_an_index_of_many_runs_is_shortened(tmp_path: Path) -> None:
    OutputGuard().write_text(tmp_path / "x.txt", "x")
    index = tmp_path / INDEX
    index.write_bytes(index.read_bytes() * 2000)
    OutputGuard().check([tmp_path / "x.txt"])
    assert len(index.read_bytes().splitlines()) == 1
