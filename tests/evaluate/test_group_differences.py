"""Summaries of unequal rates, by hand and by their definitions."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.evaluate.group_differences import garbe, gini, inequity, max_over_geometric_mean, max_over_min

RATES = st.lists(st.floats(1e-6, 0.5), min_size=2, max_size=8)


def test_a_case_made_by_hand() -> None:
    fmr, fnmr = [1e-3, 1e-2, 1e-3], [0.02, 0.02, 0.08]
    assert max_over_min(fmr) == pytest.approx(10)
    assert max_over_geometric_mean(fmr) == pytest.approx(1e-2 / (1e-8) ** (1 / 3))
    # |a - b| over all ordered pairs is 4 x 9e-3; the mean is 4e-3.
    assert gini(fmr) == pytest.approx(3 / 2 * 36e-3 / (2 * 9 * 4e-3))
    assert garbe(fmr, fnmr) == pytest.approx((gini(fmr) + gini(fnmr)) / 2)
    assert inequity(fmr, fnmr) == pytest.approx(math.sqrt(10 * 4))


@given(RATES)
def test_equal_rates_are_fair_and_a_scale_changes_nothing(rates: list[float]) -> None:
    assert gini([rates[0]] * len(rates)) == pytest.approx(0) and max_over_min([rates[0]] * 3) == 1
    assert gini([rate / 2 for rate in rates]) == pytest.approx(gini(rates))
    assert -1e-9 <= gini(rates) <= 1 + 1e-9
    assert max_over_min(rates) >= max_over_geometric_mean(rates) - 1e-9 >= 1 - 2e-9


def test_one_group_with_all_errors_has_a_gini_of_one() -> None:
    assert gini([0, 0, 0, 0.2]) == pytest.approx(1)


def test_rates_of_zero_have_no_ratio() -> None:
    assert max_over_min([0, 0.1]) == math.inf and math.isnan(max_over_min([0, 0]))
    assert max_over_geometric_mean([0, 0.1]) == math.inf and math.isnan(gini([0, 0])) and math.isnan(gini([0.1]))
