"""Error rates of labelled lists: counted by hand, and by people rather than by pairs."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.models import store
from mien.verify.decisions import DecisionRule, PairDecision, decide_pair
from mien.verify.labelled import rates_by_label

CARD = store.load("dlib-resnet").card
RULE = DecisionRule(threshold=CARD.threshold(1e-3), card=CARD, policy="warn", band=None)


def decided(
    made_image: Callable, made_pair: Callable, rows: list[tuple[str, str, float | None, bool | None]]
) -> list[PairDecision]:
    images = {name: made_image(name) for row in rows for name in row[:2]}
    broken = {a: made_image(a, problem="broken") for a, _, score, _ in rows if score is None}
    return [
        decide_pair(made_pair(number, a, b, label), {**images, **broken}, score, RULE)
        for number, (a, b, score, label) in enumerate(rows, start=2)
    ]


def test_counts_and_rates_are_those_of_the_rows(made_image: Callable, made_pair: Callable) -> None:
    rows = [(f"a{n}", f"b{n}", 0.1 if n < 18 else 0.9, True) for n in range(20)]
    rows += [(f"c{n}", f"d{n}", 0.1 if n < 3 else 0.9, False) for n in range(30)]
    rows += [("broken", "e", None, True), ("f", "g", 0.1, None)]
    found = rates_by_label(decided(made_image, made_pair, rows), RULE.threshold.value, "l2")
    assert found is not None and found.fnmr is not None and found.fmr is not None
    assert found.same == {"match": 18, "no match": 2, "uncertain": 0, "failed": 1}
    assert found.different == {"match": 3, "no match": 27, "uncertain": 0, "failed": 0}
    assert found.fnmr.value == pytest.approx(0.1) and found.fmr.value == pytest.approx(0.1)
    assert found.fnmr.low < 0.1 < found.fnmr.high and found.fmr.low < 0.1 < found.fmr.high
    assert (found.fnmr.count, found.fmr.count) == (20, 30), "pairs that failed are in neither rate"


def test_intervals_are_wider_where_few_people_are_in_many_pairs(made_image: Callable, made_pair: Callable) -> None:
    scores = [0.9 if n % 10 == 0 else 0.1 for n in range(60)]
    apart = [(f"a{n}", f"b{n}", score, True) for n, score in enumerate(scores)]
    # Six people with ten pairs each; all misses are of one of them.
    misses = [0.9] * 6 + [0.1] * 54
    joined = [(f"card{n // 10}", f"b{n}", score, True) for n, score in enumerate(misses)]
    wide, narrow = (
        rates_by_label(decided(made_image, made_pair, rows), RULE.threshold.value, "l2") for rows in (joined, apart)
    )
    assert wide is not None and narrow is not None and wide.fnmr is not None and narrow.fnmr is not None
    assert np.isclose(wide.fnmr.value, narrow.fnmr.value)
    assert wide.fnmr.high - wide.fnmr.low > 1.5 * (narrow.fnmr.high - narrow.fnmr.low)


def test_a_list_without_labels_has_no_rates(made_image: Callable, made_pair: Callable) -> None:
    found = decided(made_image, made_pair, [("a", "b", 0.1, None)])
    assert rates_by_label(found, RULE.threshold.value, "l2") is None


def test_labels_of_one_kind_give_one_rate(made_image: Callable, made_pair: Callable) -> None:
    found = rates_by_label(
        decided(made_image, made_pair, [("a", "b", 0.1, True), ("c", "d", 0.9, True)]), RULE.threshold.value, "l2"
    )
    assert found is not None and found.fmr is None and found.fnmr is not None and found.fnmr.value == 0.5
    row = decided(made_image, made_pair, [("a", "b", None, True)])
    lost = rates_by_label(row, RULE.threshold.value, "l2")
    assert lost is not None and lost.fnmr is None and lost.same["failed"] == 1
