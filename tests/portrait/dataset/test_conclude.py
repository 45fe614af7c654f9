"""What is accepted: readable, no failed rule of severity error, not a duplicate, and no doubtful label."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mien.portrait.dataset import conclude as module
from mien.portrait.dataset.conclude import conclude
from mien.portrait.dataset.measure_files import AuditModels
from mien.portrait.dataset.measurements import from_table, schema
from mien.portrait.dataset.structure import Entry, Listing
from mien.portrait.rules.schema import Rule, RuleSet

NAMES = ("good", "small", "odd", "broken", "duplicate", "doubtful")


@pytest.fixture
def concluded(monkeypatch: pytest.MonkeyPatch):
    """An audit of six images, each with one thing that may be wrong."""

    def marks(name: str) -> np.ndarray:
        return np.array([one == name for one in NAMES])

    monkeypatch.setattr(module, "find_duplicates", lambda *_: (marks("duplicate"), []))
    monkeypatch.setattr(module, "find_wrong_labels", lambda *_: (marks("doubtful"), []))
    rows = [{"path": f"p/{name}.jpg", "width": 300.0, "height": 300.0, "faces": 1.0} for name in NAMES]
    rows[1]["width"], rows[2]["height"] = 100.0, 100.0
    rows[3] = {"path": "p/broken.jpg", "error": "p/broken.jpg is cut off"}
    rules = RuleSet(
        name="mine",
        version=1,
        rule=tuple(
            Rule(id=measure, measure=measure, unit="px", min=200, severity=severity)
            for measure, severity in (("width", "error"), ("height", "warning"))
        ),
    )
    listing = Listing(Path("set"), [Entry(row["path"], "p") for row in rows])
    measurements = from_table(pa.Table.from_pylist(rows, schema()))
    return conclude(listing, measurements, rules, AuditModels(recognizer=""), None)


def test_an_image_is_accepted_if_nothing_is_wrong_with_it(concluded) -> None:
    accepted = {name for name, good in zip(NAMES, concluded.accepted, strict=True) if good}
    assert accepted == {"good", "odd"}, "a failed rule of severity warning does not matter"


def test_what_was_found_is_counted(concluded) -> None:
    assert (concluded.unreadable, concluded.no_face, concluded.passed) == (1, 0, False)
    assert [(f.kind, f.place) for f in concluded.findings] == [
        ("unreadable-image", "p/broken.jpg"),
        ("few-images", "p"),
    ]
    (person,) = concluded.people
    assert (person.images, person.distinct, person.accepted) == (6, 4, 2)
    assert dict(concluded.findings[1].arguments) == {"distinct": 4, "needed": 5}
