"""What is counted of a data set."""

from pathlib import Path

import pytest

from mien.data.inspection import inspect_set
from mien.data.sample import Problem, Sample
from mien.data.sources.registry import SOURCES
from mien.data.sources.source import Source
from mien.types import Box, floats


def test_counts_of_everything_that_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        Sample(Path("a.jpg"), "An", box=Box(0, 0, 1, 1), known={"sex": "f", "age": 3}),
        Sample(Path("a.jpg"), "An", landmarks=floats([[0, 0]] * 5), known={"sex": "f"}),
        Sample(Path("p.rec"), "An", record=0, known={"sex": "m"}),
        Sample(Path("p.rec"), "Bo", record=8, known={"sex": "a"}),
        Sample(Path("b.jpg"), "Cy", known={"sex": "b"}),
        Sample(Path("c.jpg"), "", known={"sex": "c"}),
        Problem("row 7", "is broken"),
    ]
    made_up = Source(
        name="own", summary="what this test says", recognizes=lambda path: False, read=lambda path: iter(rows)
    )
    monkeypatch.setitem(SOURCES, "own", made_up)
    seen = inspect_set(tmp_path, source="own")
    assert (seen.source, seen.summary) == ("own", "what this test says")
    assert (seen.rows, seen.images, seen.subjects, seen.single) == (6, 5, 3, 2)
    assert seen.rows_per_subject == (1, 1.0, 3) and (seen.with_box, seen.with_landmarks) == (1, 1)
    assert seen.columns["age"] == (1, {"3": 1})
    assert seen.columns["sex"][0] == 6 and len(seen.columns["sex"][1]) == 4 and seen.columns["sex"][1]["f"] == 2
    assert (seen.problems, seen.shown) == (1, (rows[-1],))


def test_a_set_without_subjects_says_nothing_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [Sample(Path("a.jpg"), "")]
    made_up = Source(name="own", summary="faces", recognizes=lambda path: False, read=lambda path: iter(rows))
    monkeypatch.setitem(SOURCES, "own", made_up)
    seen = inspect_set(tmp_path, source="own")
    assert seen.rows_per_subject is None and (seen.subjects, seen.single) == (0, 0)
