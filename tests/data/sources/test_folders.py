"""Folders of subjects."""

from pathlib import Path

from mien.data.sample import Problem, Sample
from mien.data.sources import folders


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def samples_of(rows: object) -> list[Sample]:
    return [row for row in rows if isinstance(row, Sample)]  # type: ignore[attr-defined]


def reasons_of(rows: object) -> list[str]:
    return [row.reason for row in rows if isinstance(row, Problem)]  # type: ignore[attr-defined]


def test_folders_of_subjects(tmp_path: Path) -> None:
    touch(tmp_path, "Bình/1.jpg", "Bình/deep/2.png", "An/notes.txt", "loose.jpg")
    rows = list(folders.read(tmp_path))
    assert [(s.subject, s.path.name) for s in samples_of(rows)] == [("Bình", "1.jpg"), ("Bình", "2.png")]
    assert reasons_of(rows) == ["the folder holds no images", "is not in a subject's folder"]
