"""What is accepted: readable, no failed rule of severity error, not a duplicate, and no doubtful label."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mien.portrait.dataset import conclude as module
from mien.portrait.dataset.conclude import conclude
from mien.portrait.dataset.measure_files import AuditModels
from mien.portrait.dataset.measurements import gather, schema
from mien.portrait.dataset.structure import Entry, Listing
from mien.portrait.report.sentences import never_judged
from mien.portrait.rules.schema import Rule, RuleSet
from mien.portrait.rules.verdicts import UNKNOWN

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
    measurements = gather([pa.Table.from_pylist(rows, schema())])
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


def with_rules(monkeypatch: pytest.MonkeyPatch, rows: list[dict], *measures: tuple[str, str, float]):
    """An audit of these rows by rules of severity error: measure, unit, minimum."""
    monkeypatch.setattr(module, "find_duplicates", lambda *_: (np.zeros(len(rows), bool), []))
    monkeypatch.setattr(module, "find_wrong_labels", lambda *_: (np.zeros(len(rows), bool), []))
    rules = tuple(
        Rule(id=name.replace("_", "-"), measure=name, unit=unit, min=min_, severity="error")
        for name, unit, min_ in measures
    )
    listing = Listing(Path("set"), [Entry(row["path"], "p") for row in rows])
    measurements = gather([pa.Table.from_pylist(rows, schema())])
    rule_set = RuleSet(name="mine", version=1, rule=rules)
    return conclude(listing, measurements, rule_set, AuditModels(recognizer=""), None)


def test_an_image_that_cannot_be_judged_is_not_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was: a rule that left an image open counted as kept."""
    rows = [{"path": f"{n}.jpg", "faces": 1.0, "width": 300.0} for n in range(2)]
    rows[0]["eye_ratio"] = 0.3
    found = with_rules(monkeypatch, rows, ("width", "px", 200), ("eye_ratio", "", 0.15))
    assert found.accepted.tolist() == [True, False] and found.never_judged == []


def test_a_rule_that_lacks_its_model_decides_about_no_image_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"path": f"{n}.jpg", "faces": 1.0, "width": 150.0 * (n + 1)} for n in range(2)]
    found = with_rules(monkeypatch, rows, ("width", "px", 200), ("eye_ratio", "", 0.15))
    assert found.accepted.tolist() == [False, True]
    assert [rule.id for rule in found.never_judged] == ["eye-ratio"]
    (said,) = never_judged(found, "en")
    assert "images are accepted without it" in said.text("en") and "models pull recommended" in said.text("en")


def test_images_without_a_face_are_counted_once_not_for_each_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"path": f"{n}.jpg", "faces": float(n), "width": 300.0} for n in range(2)]
    found = with_rules(monkeypatch, rows, ("faces", "", 1), ("face_share", "", 0.1), ("glare", "", 0))
    assert found.no_face == 1 and [found.open(one) for one in found.results] == [0, 1, 1]
    assert [one.count(UNKNOWN) for one in found.results] == [0, 2, 2]
