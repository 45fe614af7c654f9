"""Adults and children."""

from pathlib import Path

from mien.data.sample import Problem, Sample
from mien.data.sources import portraits
from mien.data.sources.registry import find_source


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def samples_of(rows: object) -> list[Sample]:
    return [row for row in rows if isinstance(row, Sample)]  # type: ignore[attr-defined]


def reasons_of(rows: object) -> list[str]:
    return [row.reason for row in rows if isinstance(row, Problem)]  # type: ignore[attr-defined]


def test_adults_and_children(tmp_path: Path) -> None:
    touch(tmp_path, "adults/An/1.jpg", "children/Bo/1.jpg", "children/An/2.jpg", "teens/C/1.jpg")
    (tmp_path / "adults" / "Empty").mkdir()
    assert find_source(tmp_path).name == "portraits"
    rows = list(portraits.read(tmp_path))
    assert [(s.subject, s.known["age_group"]) for s in samples_of(rows)] == [
        ("An", "adult"),
        ("An", "child"),
        ("Bo", "child"),
    ]
    why = reasons_of(rows)
    assert len(why) == 3 and any("under adults and under children" in reason for reason in why)
