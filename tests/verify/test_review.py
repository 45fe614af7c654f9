"""Which scores are near: the band is where another false match rate would decide otherwise."""

from dataclasses import replace

import pytest

from mien.gallery.rate_curve import rate_curve
from mien.models import store
from mien.settings import EVERYBODY
from mien.verify.review import FACTOR, ReviewBand, review_band


def test_the_band_reaches_to_the_cards_own_thresholds_of_neighbouring_rates() -> None:
    card = store.load("dlib-resnet").card
    band = review_band(card.threshold(1e-3), card, EVERYBODY, 10)
    assert band is not None and band.low == pytest.approx(card.threshold(1e-4).value)
    assert band.high == pytest.approx(card.threshold(1e-2).value)


def test_the_ends_are_the_thresholds_of_the_rates_times_and_by_the_factor() -> None:
    card = store.load("dlib-resnet").card
    curve = rate_curve(card)
    for fmr in (1e-2, 1e-3, 1e-4):
        band = review_band(card.threshold(fmr), card, EVERYBODY, FACTOR)
        assert band is not None and curve is not None
        ends = sorted((curve.threshold(fmr * FACTOR), curve.threshold(fmr / FACTOR)))
        assert (band.low, band.high) == pytest.approx(ends)


def test_a_threshold_that_is_not_the_cards_has_its_band_around_itself() -> None:
    card = store.load("dlib-resnet").card
    own = replace(card.threshold(1e-3), value=0.4)
    band = review_band(own, card, EVERYBODY, FACTOR)
    plain = review_band(card.threshold(1e-3), card, EVERYBODY, FACTOR)
    assert band is not None and plain is not None and band.low < 0.4 < band.high
    assert band.high - band.low == pytest.approx(plain.high - plain.low)
    assert band.holds(0.4) and not band.holds(band.high + 1e-6)


def test_a_group_has_the_steepness_of_its_own_thresholds() -> None:
    card = store.load("dlib-resnet").card
    band = review_band(card.threshold(1e-3, "asian"), card, "asian", 10)
    assert band is not None and band.high == pytest.approx(card.threshold(1e-2, "asian").value)


def test_without_two_rates_nobody_knows_what_is_near() -> None:
    card = store.load("dlib-resnet").card
    single = card.model_copy(update={"thresholds": card.thresholds[:1]})
    assert review_band(card.threshold(card.thresholds[0].fmr), single, EVERYBODY, 10) is None
    assert review_band(card.threshold(1e-3), card, EVERYBODY, 1) is None
    assert not ReviewBand(0.1, 0.2, 2).holds(0.3)
