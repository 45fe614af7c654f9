"""Folders of numbered subjects."""

from pathlib import Path

from mien.data.sample import Problem, Sample
from mien.data.sources import vn_celeb
from mien.data.sources.registry import find_source


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def samples_of(rows: object) -> list[Sample]:
    return [row for row in rows if isinstance(row, Sample)]  # type: ignore[attr-defined]


def test_numbered_folders_sort_as_numbers(tmp_path: Path) -> None:
    touch(tmp_path, "10/0.png", "9/0.png", "9/1.png")
    assert find_source(tmp_path).name == "folders", "numbers can be anybody's: the name is never guessed"
    assert find_source(tmp_path, "vn-celeb") is vn_celeb.SOURCE
    assert [s.subject for s in samples_of(vn_celeb.read(tmp_path))] == ["vn-celeb-9", "vn-celeb-9", "vn-celeb-10"]


def test_numbers_keep_their_digits_and_strange_folders_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "007/0.png", "7/0.png", "x/0.png")
    (tmp_path / "8").mkdir()
    rows = list(vn_celeb.read(tmp_path))
    assert [s.subject for s in samples_of(rows)] == ["vn-celeb-007", "vn-celeb-7"]
    assert [row.reason for row in rows if isinstance(row, Problem)] == [
        "the folder holds no images",
        "the folder's name is not a number",
    ]
