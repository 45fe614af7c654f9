"""Differences between two models, subject by subject."""

import numpy as np
import pytest

from mien.evaluate.differences import compare, difference
from mien.pairwise.all_pairs import compare_all
from mien.types import floats


def test_a_difference_is_taken_subject_by_subject() -> None:
    """Two models that fail on the same hard people differ by little, however hard those people are."""
    generator = np.random.default_rng(0)
    trials = np.full(200, 10)
    hard = (generator.random(200) < 0.3) * 8
    same = difference(hard, hard, trials)
    assert (same.value, same.low, same.high) == (0, -3 / 200, 3 / 200)
    assert same.verdict("A", "B").text("en") == "no difference is shown"
    better = difference(hard, np.maximum(hard - 1, 0), trials)
    assert better.value == pytest.approx(-(hard > 0).sum() / 2000)
    assert better.high < 0 and better.verdict("A", "B").text("en") == "B has fewer errors"
    assert difference(np.maximum(hard - 1, 0), hard, trials).verdict("A", "B").text("en") == "A has fewer errors"


def test_the_difference_holds_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(1)
    held = 0
    for _ in range(500):
        trials = generator.integers(1, 8, 150)
        rate = generator.beta(1, 6, 150)
        a, b = generator.binomial(trials, rate), generator.binomial(trials, rate * 0.7)
        found = difference(a, b, trials)
        held += found.low <= -0.3 / 7 <= found.high
    assert 0.92 <= held / 500 <= 0.98


def test_nine_people_are_too_few_for_a_verdict() -> None:
    found = difference(np.full(9, 3), np.zeros(9, int), np.full(9, 4))
    assert found.missing == 1 and not found.is_gain and not found.is_loss
    assert found.words.text("en") == "-75.00 points; an interval needs 1 more person"
    assert found.verdict("A", "B").text("en") == "undecided: needs 1 more person"
    assert found.verdict("A", "B").text("vi") == "chưa kết luận được: cần thêm 1 người"


def test_two_equal_models_differ_in_at_most_one_set_of_twenty_also_where_few_people_make_the_false_matches() -> None:
    """60 people of whom some look like one another, and two draws of their photographs; thresholds are each set's."""
    generator = np.random.default_rng(8)
    shown, wrong = 0, 0
    for _ in range(60):
        centres = generator.normal(size=(60, 24))
        centres[:, 0] += 1.5 * np.abs(generator.normal(size=60))
        numbers = np.repeat(np.arange(60), 4)
        a, b = (
            compare_all(floats(centres[numbers] + 0.9 * generator.normal(size=(240, 24))), numbers, "cosine")
            for _ in range(2)
        )
        known = [point.difference for point in compare(a, b) if not point.difference.missing]
        shown += len(known)
        wrong += sum(one.is_gain or one.is_loss for one in known)
    assert shown > 60 and wrong / shown <= 0.08
