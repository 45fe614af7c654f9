"""Manifests in memory: rows from samples and samples from rows."""

from pathlib import Path

import pytest

from mien.data import manifest as manifests
from mien.data.manifest import KNOWN, tabulate
from mien.data.sample import Sample
from mien.types import Box


def test_columns_are_those_that_any_sample_has_the_known_ones_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where samples become rows in several parts."""
    monkeypatch.setattr(manifests, "ROWS", 2)
    samples = [
        Sample(Path("/x/a.jpg"), "An", known={"shoe": 43}),
        Sample(Path("/x/b.jpg"), "Bo", box=Box(1, 2, 3, 4)),
        Sample(Path("/x/c.jpg"), "", known={"sex": "female"}),
    ]
    made = tabulate(samples, Path("/x"), "set")
    assert set(made.columns) == {"path", "subject", "x1", "y1", "x2", "y2", "sex", "shoe"}
    assert made.subjects == ["An", "Bo", ""]
    assert [(s.path, s.box, dict(s.known)) for s in made.samples([2, 0])] == [
        (Path("/x/c.jpg"), None, {"sex": "female"}),
        (Path("/x/a.jpg"), None, {"shoe": 43}),
    ]
    assert made.take([1]).subjects == ["Bo"] and made.take([1], "one").name == "one" and made.row(0) == "set, row 2"
    assert list(KNOWN)[:2] == ["path", "subject"]


def test_no_samples_make_an_empty_manifest() -> None:
    empty = tabulate([], Path("/x"), "none")
    assert len(empty) == 0 and empty.columns == ["path", "subject"]
