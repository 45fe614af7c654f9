"""Figures of a matched set by hand, and what is said of one that was not measured."""

import numpy as np
import pytest

from mien.evaluate.detectors import shares
from mien.evaluate.detectors.matching import Matched
from mien.rates import Estimate


def test_recall_and_shares_of_some_faces(matched: Matched, found: np.ndarray) -> None:
    everyone, large = np.ones(3, np.bool_), matched.heights > 32
    assert shares.recall(matched, 0.5, everyone).value == pytest.approx(2 / 3), "one false box in two images"
    assert shares.recall(matched, 0.1, everyone).value == pytest.approx(1 / 3), "no false box"
    assert shares.recall(matched, 0.1, large).value == pytest.approx(1 / 2)
    assert shares.found_at_own(matched, found).value == pytest.approx(1 / 3)
    assert shares.share_of(matched, found, large) == shares.share_of(matched, found, matched.heights >= 40)
    rate = shares.share_of(matched, found, large)
    assert rate.value == pytest.approx(1 / 2) and rate.count == 2 and rate.low <= rate.value <= rate.high


def test_false_boxes_count_from_the_detectors_own_threshold(matched: Matched) -> None:
    assert shares.false_boxes_at_own(matched, 0.5).value == pytest.approx(0.5)
    assert shares.false_boxes_at_own(matched, 0.6 + 1e-6).value == 0
    assert shares.false_boxes_at_own(matched, 0.5).count == 2, "of images"


def test_landmark_errors_are_of_found_faces_whose_landmarks_are_known(matched: Matched, found: np.ndarray) -> None:
    """Off by 3 and 4 pixels, of 40 between the eyes."""
    error = shares.landmark_errors(matched, found)
    assert error.value == pytest.approx(5 / 40) and error.count == 1
    nothing = shares.landmark_errors(matched, np.zeros(3, np.bool_))
    assert np.isnan(nothing.value) and nothing.count == 0


def test_what_was_not_measured_has_no_value() -> None:
    nan = float("nan")
    number = shares.measured_number(Estimate(nan, nan, nan, 0))
    assert (number.value, number.low, number.high, number.comparisons) == (None, None, None, 0)
    assert shares.in_words(number).text("en") == "not measured"
    words = shares.in_words(shares.measured_number(Estimate(0.5, 0.25, 0.75, 4))).text("en")
    assert "50" in words and "25" in words and "75" in words
