"""Decisions on rows: outcomes, reasons, and what a person should look at."""

from collections.abc import Callable

import pytest

from mien.models import store
from mien.scope import Scope
from mien.settings import EVERYBODY
from mien.verify.decisions import DecisionRule, count_outcomes, decide_pair, order_for_review, score_all_pairs
from mien.verify.review import review_band

CARD = store.load("dlib-resnet").card
LIMIT = CARD.threshold(1e-3)
MASKED = Scope({"mask": 0.9, "size": 90.0}, ("mask",))


def rule(policy: str = "warn") -> DecisionRule:
    band = review_band(LIMIT, CARD, EVERYBODY, 2)
    return DecisionRule(threshold=LIMIT, card=CARD, policy=policy, band=band)  # type: ignore[arg-type]


def test_scores_decide(made_image: Callable, made_pair: Callable) -> None:
    images = {name: made_image(name, angle) for name, angle in (("a", 0), ("b", 10), ("c", 80))}
    pairs = [made_pair(2, "a", "b"), made_pair(3, "a", "c"), made_pair(4, "b", "b")]
    scores = score_all_pairs(pairs, images, "l2", {3: 0.9})
    assert scores[2] == pytest.approx(0.17431, abs=1e-4) and scores[3] == 0.9, "a known score is not computed again"
    found = [decide_pair(pair, images, scores[pair.row], rule()) for pair in pairs]
    assert [one.outcome for one in found] == ["match", "no match", "match"]
    assert [bool(one) for one in found] == [True, False, True]
    assert [one.review for one in found] == [False, False, True]
    assert [reason.code for reason in found[2].reasons] == ["same-image"]
    assert count_outcomes(found) == {"match": 2, "no match": 1, "uncertain": 0, "failed": 0}


def test_a_score_near_the_threshold_is_reviewed_whatever_it_decides(
    made_image: Callable, made_pair: Callable
) -> None:
    images = {"a": made_image("a"), "b": made_image("b")}
    found = [decide_pair(made_pair(2, "a", "b"), images, LIMIT.value + step, rule()) for step in (-0.005, 0.005, 0.2)]
    assert [(one.outcome, one.review) for one in found] == [("match", True), ("no match", True), ("no match", False)]
    assert order_for_review([found[2], found[1], found[0]], LIMIT.value) == [1, 2]
    no_band = DecisionRule(threshold=LIMIT, card=CARD, policy="warn", band=None)
    assert not decide_pair(made_pair(2, "a", "b"), images, LIMIT.value, no_band).review


def test_a_face_outside_of_the_scope_is_uncertain_or_refused(made_image: Callable, made_pair: Callable) -> None:
    images = {"a": made_image("a"), "b": made_image("b", scope=MASKED)}
    found = decide_pair(made_pair(2, "a", "b"), images, 0.1, rule())
    assert found.outcome == "uncertain" and found.review and not found
    assert [(reason.code, reason.side) for reason in found.reasons] == [("mask", "b")]
    refused = decide_pair(made_pair(2, "a", "b"), images, 0.1, rule("demand"))
    assert refused.outcome == "failed" and [reason.code for reason in refused.reasons] == ["refused"]


def test_failures_say_which_image_and_are_no_review(made_image: Callable, made_pair: Callable) -> None:
    images = {"a": made_image("a"), "b": made_image("b", problem="b is broken", embedding=None)}
    found = decide_pair(made_pair(2, "a", "b"), images, None, rule())
    assert (found.outcome, found.review, found.is_right) == ("failed", False, None)
    assert [(reason.side, reason.text) for reason in found.reasons] == [("b", "b is broken")]
    row = decide_pair(made_pair(3, "", "", problem="row 3: nothing"), {}, None, rule())
    assert row.outcome == "failed" and row.images == (None, None) and row.reasons[0].text == "row 3: nothing"
    assert order_for_review([found, row], LIMIT.value) == []


@pytest.mark.parametrize(
    ("score", "label", "right", "code"),
    [
        (0.1, True, True, None),
        (0.1, False, False, "false-match"),
        (0.9, True, False, "false-nonmatch"),
        (0.9, False, True, None),
        (0.9, None, None, None),
    ],
)
def test_a_decision_that_contradicts_the_list_is_reviewed(
    score: float, label: bool | None, right: bool | None, code: str | None, made_image: Callable, made_pair: Callable
) -> None:
    images = {"a": made_image("a"), "b": made_image("b")}
    found = decide_pair(made_pair(2, "a", "b", label), images, score, rule())
    assert found.is_right is right
    assert [reason.code for reason in found.reasons] == ([code] if code else [])


def test_another_prominent_face_is_reviewed(made_image: Callable, made_pair: Callable) -> None:
    images = {"a": made_image("a", others=1, ambiguous=True), "b": made_image("b", others=2)}
    found = decide_pair(made_pair(2, "a", "b"), images, 0.1, rule())
    assert [(reason.code, reason.side) for reason in found.reasons] == [("two-faces", "a")] and found.review
