"""Differences between two models, subject by subject."""

import numpy as np
import pytest

from mien.evaluate.differences import difference


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
