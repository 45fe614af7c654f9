"""What a command reads: nothing of a folder is left out in silence."""

from pathlib import Path

import pytest

from mien.media_files import find_media, skipped_sentence


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Images, videos, links that work, loop and lead nowhere, and other files."""
    root = tmp_path / "root"
    for name in ("a/x.jpg", "a/clip.mts", "b/y.PNG", "notes.txt", "README", ".hidden/z.jpg", "b/.z.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "w.jpg").write_text("x")
    (outside / "back").symlink_to(root)
    (root / "a" / "far").symlink_to(outside)
    (root / "far again").symlink_to(outside)
    (root / "b" / "gone").symlink_to(tmp_path / "nowhere")
    (root / "b" / "self").symlink_to(root / "b" / "self")
    return root


def test_a_tree_is_read_whole_and_each_linked_folder_once(tree: Path) -> None:
    found = find_media([tree])
    assert [str(path.relative_to(tree)) for path in found.images] == ["a/x.jpg", "b/y.PNG", "far again/w.jpg"]
    assert found.videos == (str(tree / "a" / "clip.mts"),) and found.roots == (tree,)
    assert [path.name for path in found.skipped] == ["README", "notes.txt"]
    words = "\n".join(found.faults)
    assert len(found.faults) == 4 and "a/far links to a folder that is read already" in words
    assert "back links to a folder that is read already" in words
    assert "gone is a link to what does not exist" in words and "self is a link to what does not exist" in words


def test_what_is_named_is_taken_in_its_order(tree: Path) -> None:
    names = [tree / "notes.txt", tree / "a" / "clip.mts", Path("camera:0"), tree / "absent.jpg"]
    found = find_media(names)
    assert found.images == (names[0], names[3]) and found.videos == (str(names[1]), "camera:0")
    assert found.sources == (str(names[0]), str(names[3]), str(names[1]), "camera:0")
    assert found.skipped == found.faults == found.empty == ()


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    found = find_media([tmp_path])
    assert found.empty == (tmp_path,) and found.sources == ()


def test_skipped_files_are_counted_by_their_endings() -> None:
    many = [Path(f"{n}.{ending}") for n, ending in enumerate(["txt", "TXT", "pdf"])] + [Path("README")]
    assert skipped_sentence(many) == "skipped 4 files: neither image nor video (.txt 2, .pdf 1, no ending 1)"
    assert skipped_sentence([Path(f"a.{n}") for n in range(9)]).endswith(", ...)")
    assert skipped_sentence(many[:1], "not an image") == "skipped 1 file: not an image (.txt 1)"
