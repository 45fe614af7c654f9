"""How long a survey takes, before it begins."""

from pathlib import Path
from typing import Any

import pytest

from mien.evaluate.detectors import estimate as module
from mien.evaluate.detectors.estimate import estimate, expected_seconds
from mien.evaluate.detectors.spoken import Stopped
from mien.evaluate.detectors.survey import Plan, make_plan


def test_the_seconds_of_a_plan_add_up() -> None:
    """20 calls of one size and batch take 20 times one image and the first call, if they fit into the budget."""
    plan = make_plan(quick=True)
    assert expected_seconds(0.01, plan) == pytest.approx(5 + 0.01 + 0.2)
    assert expected_seconds(0.2, plan) == pytest.approx(5 + 0.2 + 1.0), "a second of timing at most"
    with_set = Plan(sets=(Path("a"),), max_images=40, sizes=((640, 480),), budget=plan.budget)
    assert expected_seconds(0.1, with_set) == pytest.approx(5 + 0.1 + 1.0 + (40 + 13) * 0.1)
    assert expected_seconds(9.0, with_set) == 60, "at most the limit"


def test_the_quick_ones_come_first_and_those_not_tried_last(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = [("a", 2.0), ("b", 0.01), Stopped()]
    monkeypatch.setattr(module, "spoken_by", lambda *_: iter(answers))
    found = estimate(["a", "b", "c"], make_plan(quick=True))
    assert [one.name for one in found] == ["b", "a", "c"] and found[2].seconds == 60


def test_a_detector_is_tried_on_one_image() -> None:
    said: list[tuple[str, float]] = []
    module._try_all(said.append, ("haar", "nothere"), make_plan().engine)
    assert said[0][0] == "haar" and 0 < said[0][1] < 5 and said[1] == ("nothere", 0.0)
