"""Folders of numbered subjects."""

from pathlib import Path

from mien.data.sample import Sample
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
    assert find_source(tmp_path).name == "vn-celeb"
    assert [s.subject for s in samples_of(vn_celeb.read(tmp_path))] == ["vn-celeb-9", "vn-celeb-9", "vn-celeb-10"]
