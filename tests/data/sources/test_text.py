"""What readers of annotation files share: numbered lines, finding files, and numbers with a place."""

from pathlib import Path

import pytest

from mien.data.sources.text import find_file, folders_in, is_file, lines, numbers
from mien.errors import ManifestError


def test_lines_keep_their_numbers_and_lose_their_ends(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one \r\n\r\n   \n\tB\xecnh\nlast")
    assert list(lines(tmp_path / "a.txt")) == [(1, "one "), (4, "\tB\ufffdnh"), (5, "last")]
    with pytest.raises(ManifestError, match=r"gone\.txt cannot be read: No such file"):
        list(lines(tmp_path / "gone.txt"))


def test_a_file_is_found_in_the_folder_or_one_below_by_the_first_name(tmp_path: Path) -> None:
    for name in ("b/list.txt", "a/list.txt", "a/other.txt", "a/deep/far.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "folder.txt").mkdir()
    assert find_file(tmp_path, "list.txt") == tmp_path / "a/list.txt"
    assert find_file(tmp_path, "gone.txt", "other.txt", "list.txt") == tmp_path / "a/other.txt"
    assert find_file(tmp_path / "a", "list.txt") == tmp_path / "a/list.txt"
    assert find_file(tmp_path, "far.txt") is None and find_file(tmp_path, "folder.txt") is None


def test_words_are_numbers_or_named_with_their_place() -> None:
    assert numbers(["1", "-2.5", "1e3"], "x") == [1, -2.5, 1000]
    with pytest.raises(ManifestError, match=r"a\.txt, line 3: '1 two' should be numbers"):
        numbers(["1", "two"], "a.txt, line 3")


def test_folders_and_files_and_names_that_no_file_can_have(tmp_path: Path) -> None:
    for name in ("b/1.jpg", "a/x.txt", ".hidden/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("")
    assert folders_in(tmp_path) == [tmp_path / "a", tmp_path / "b"]
    assert is_file(tmp_path / "b/1.jpg") and not is_file(tmp_path / "b")
    assert not is_file(tmp_path / ("x" * 5000)) and not is_file(tmp_path / "a\0b")
