"""What readers of annotation files share: numbered lines, finding files, and numbers with a place."""

import unicodedata
from pathlib import Path

import pytest

from mien.data.sources.text import ImageFinder, blocks, find_file, folders_in, is_file, lines, numbers
from mien.errors import ManifestError


def test_lines_keep_their_numbers_and_lose_their_ends(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one \r\n\r\n   \n\tB\xecnh\nlast")
    assert list(lines(tmp_path / "a.txt")) == [(1, "one "), (4, "\tB\udcecnh"), (5, "last")]
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
    for bad in (["1", "nan"], ["inf"]):
        with pytest.raises(ManifestError, match="should be numbers"):
            numbers(bad, "a.txt, line 3")
    with pytest.raises(ManifestError, match=r"a\.txt, line 3: '1 two' should be numbers"):
        numbers(["1", "two"], "a.txt, line 3")


def test_folders_and_files_and_names_that_no_file_can_have(tmp_path: Path) -> None:
    for name in ("b/1.jpg", "a/x.txt", ".hidden/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("")
    assert folders_in(tmp_path) == [tmp_path / "a", tmp_path / "b"]
    assert is_file(tmp_path / "b/1.jpg") and not is_file(tmp_path / "b")
    assert not is_file(tmp_path / ("x" * 5000)) and not is_file(tmp_path / "a\0b")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lists_begin_with_a_byte_order_mark_or_not(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.txt").write_bytes("Bình.jpg 1\nAn.jpg 2\n".encode(encoding))
    assert list(lines(tmp_path / "a.txt")) == [(1, "Bình.jpg 1"), (2, "An.jpg 2")]


def test_a_damaged_block_ends_where_the_next_one_begins(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("junk\n1 2\na/x.jpg\n1\n1 2 z\nb/y.jpg\n")
    assert list(blocks(tmp_path / "a.txt", lambda line: line.endswith(".jpg"))) == [
        (1, "junk", [(2, "1 2")]),
        (3, "a/x.jpg", [(4, "1"), (5, "1 2 z")]),
        (6, "b/y.jpg", []),
    ]


def test_images_are_found_in_any_root_and_under_any_form_of_their_name(tmp_path: Path) -> None:
    for name in ("one/a.jpg", "two/x/b c.jpg", unicodedata.normalize("NFD", "two/Bình.jpg")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    finder = ImageFinder(tmp_path / "one", tmp_path / "two")
    assert finder.find("gone.jpg") is None and finder.missing("gone.jpg").endswith("one/gone.jpg is missing")
    assert finder.find("x\\b c.jpg") == tmp_path / "two/x/b c.jpg"
    assert finder.roots[0] == tmp_path / "two", "the next one is looked for there first"
    assert finder.find("a.jpg") == tmp_path / "one/a.jpg"
    found = finder.find(unicodedata.normalize("NFC", "Bình.jpg"))
    assert found is not None and found.is_file()
