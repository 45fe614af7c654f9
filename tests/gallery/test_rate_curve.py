"""Thresholds between a card's rates, and the rate of a score: one is the other's inverse."""

from statistics import NormalDist

import numpy as np
import pytest

from mien.gallery.rate_curve import RateCurve, rate_curve
from mien.models import store
from mien.types import floats

CURVES = (RateCurve((2.0, 3.0, 4.0), (0.6, 0.53, 0.45)), RateCurve((2.0, 3.5, 5.0), (0.2, 0.5, 0.7)))


def rate_of(quantile: float) -> float:
    return 1 - NormalDist().cdf(quantile) if quantile < 5 else NormalDist().cdf(-quantile)


@pytest.mark.parametrize("curve", CURVES)
def test_known_rates_have_their_thresholds_and_others_are_on_the_lines(curve: RateCurve) -> None:
    for quantile, value in zip(curve.quantiles, curve.values, strict=True):
        assert curve.threshold(rate_of(quantile)) == pytest.approx(value)
    middle = (curve.quantiles[0] + curve.quantiles[1]) / 2
    assert curve.threshold(rate_of(middle)) == pytest.approx(sum(curve.values[:2]) / 2)
    step = (curve.values[2] - curve.values[1]) / (curve.quantiles[2] - curve.quantiles[1])
    assert curve.threshold(rate_of(curve.quantiles[2] + 1)) == pytest.approx(curve.values[2] + step)


@pytest.mark.parametrize("curve", CURVES)
def test_the_rate_of_a_threshold_is_the_one_it_is_for(curve: RateCurve) -> None:
    wanted = np.linspace(-12, -0.5, 29)
    scores = floats([curve.threshold(10**rate) for rate in wanted])
    assert curve.log_rates(scores) == pytest.approx(wanted, abs=1e-3)


def test_scores_that_are_none_or_far_beyond_all_rates_have_a_rate() -> None:
    found = CURVES[0].log_rates(floats([np.nan, -50.0, 50.0, np.inf]))
    assert np.isnan(found[0]) and found[1] < -200 and found[2] == pytest.approx(0, abs=1e-6) and found[3] == 0


def test_strangers_with_normal_scores_have_the_thresholds_of_their_quantiles() -> None:
    """Rates that are too small to be counted come out where a normal distribution has them."""
    normal = NormalDist(0.1, 0.08)
    known = tuple(-NormalDist().inv_cdf(rate) for rate in (1e-2, 1e-3, 1e-4))
    curve = RateCurve(known, tuple(normal.inv_cdf(1 - rate) for rate in (1e-2, 1e-3, 1e-4)))
    assert curve.threshold(1e-9) == pytest.approx(normal.inv_cdf(1 - 1e-9), abs=1e-4)


def test_a_cards_curve_is_that_of_everybody_or_of_a_group() -> None:
    card = store.load("dlib-resnet").card
    everybody, group = rate_curve(card), rate_curve(card, "asian")
    assert everybody is not None and everybody.threshold(1e-3) == pytest.approx(card.threshold(1e-3).value)
    assert group is not None and group.threshold(1e-3) == pytest.approx(card.threshold(1e-3, "asian").value)
    assert rate_curve(card, "nobody") is None


def test_thresholds_in_no_order_give_no_curve() -> None:
    card = store.load("dlib-resnet").card
    swapped = [row.model_copy(update={"value": 1 - row.value}) for row in card.thresholds]
    assert rate_curve(card.model_copy(update={"thresholds": tuple(swapped)})) is None
    assert rate_curve(card.model_copy(update={"thresholds": card.thresholds[:1]})) is None
