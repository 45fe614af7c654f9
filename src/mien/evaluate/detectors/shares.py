"""Figures of a matched set with their intervals: recall, recall at the detector's own threshold, landmarks."""

import numpy as np
from numpy.typing import NDArray

from mien.evaluate.detectors.figures import recall_at, with_interval
from mien.evaluate.detectors.matching import Matched
from mien.evaluate.report import Number
from mien.evaluate.wording import interval, message
from mien.messages import Message
from mien.rates import Estimate


def measured_number(rate: Estimate) -> Number:
    """A figure for programs; one that was not measured has no values."""
    nan = rate.value != rate.value
    return Number(
        value=None if nan else rate.value,
        low=None if nan else rate.low,
        high=None if nan else rate.high,
        comparisons=rate.count,
    )


def recall(matched: Matched, false_boxes: float, among: NDArray[np.bool_]) -> Estimate:
    """Share of some faces that are found at a number of false boxes per image."""
    return with_interval(matched, lambda w: recall_at(matched, false_boxes, among, w), int(among.sum()))


def share_of(matched: Matched, found: NDArray[np.bool_], among: NDArray[np.bool_]) -> Estimate:
    """Share of some faces that are among the found ones."""

    def figure(weights: NDArray[np.float64]) -> float:
        own = weights[matched.faces] * among
        return float((own * found).sum() / own.sum()) if own.sum() else float("nan")

    return with_interval(matched, figure, int(among.sum()))


def found_at_own(matched: Matched, found: NDArray[np.bool_]) -> Estimate:
    """Share of all faces that are found at the detector's own threshold."""
    return share_of(matched, found, np.ones(len(found), np.bool_))


def false_boxes_at_own(matched: Matched, own: float) -> Estimate:
    """False boxes per image at the detector's own threshold."""
    wrong = ~matched.right & (matched.scores >= own)
    counts = np.bincount(matched.owners[wrong], minlength=matched.images)
    return with_interval(matched, lambda w: float((w * counts).sum() / max(w.sum(), 1e-12)), matched.images)


def landmark_errors(matched: Matched, found: NDArray[np.bool_]) -> Estimate:
    """Mean error of the landmarks of found faces, as a share of the distance between the eyes."""
    known = np.isfinite(matched.errors) & found
    errors = np.where(known, matched.errors, 0)

    def figure(weights: NDArray[np.float64]) -> float:
        own = weights[matched.faces] * known
        return float((own * errors).sum() / own.sum()) if own.sum() else float("nan")

    return with_interval(matched, figure, int(known.sum()))


def in_words(number: Number) -> Message:
    """A share with its interval."""
    if number.value is None or number.low is None or number.high is None:
        return message("not-measured")
    return interval(number.value, number.low, number.high)
