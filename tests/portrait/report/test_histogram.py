"""Histograms: bars count values, and what is outside of a limit is marked."""

import numpy as np
import pytest

from mien.portrait.report.histogram import HEIGHT, WIDTH, histogram
from mien.types import floats


def test_values_outside_of_a_limit_are_marked() -> None:
    drawn = histogram("x", floats([1, 2, 3, 4, 5, float("nan")]), 2.5, None)
    assert [bar.is_outside for bar in drawn.bars] == [True, True, False, False, False]
    assert [value for _, value in drawn.marks] == [2.5]
    assert drawn.bars[1].x < drawn.marks[0][0] < drawn.bars[2].x
    assert all(bar.is_outside for bar in histogram("x", floats([1, 2, 3]), None, 0.5).bars)


def test_the_highest_bar_fills_the_height_and_others_follow_the_counts() -> None:
    drawn = histogram("x", floats([1, 1, 1, 1, 2, 2, 3]), None, None)
    assert [bar.height for bar in drawn.bars] == [HEIGHT, HEIGHT / 2, HEIGHT / 4]
    assert all(bar.y + bar.height == HEIGHT and 0 <= bar.x < WIDTH for bar in drawn.bars)


def test_outliers_are_in_the_last_bars_and_limits_are_always_shown() -> None:
    values = floats(np.append(np.linspace(0, 1, 1000), [1e6]))
    drawn = histogram("x", values, -2.0, 3.0)
    assert (drawn.low, drawn.high) == pytest.approx((-2.1, 3.1))


def test_equal_values_are_one_bar() -> None:
    drawn = histogram("x", floats([7, 7, 7]), None, None)
    assert (drawn.low, drawn.high, len(drawn.bars)) == (6.5, 7.5, 1)


def test_values_on_a_limit_are_within_it() -> None:
    assert not any(bar.is_outside for bar in histogram("x", floats([1, 1, 1, 2]), 1.0, 2.0).bars)
