"""Figures of detection from matched detections: average precision, recall at false boxes, landmarks, with intervals.

Intervals resample images, since faces and false boxes of one image are not independent. Matches nothing itself.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mien.evaluate.detectors.matching import Matched
from mien.rates import Estimate
from mien.types import Floats

RESAMPLED = 200
"""Bootstrap samples of an interval."""

TAILS = (0.025, 0.975)
"""Quantiles of a 95% interval."""

RECALLS = np.linspace(0, 1, 101)
"""Where COCO reads precision."""

Doubles = NDArray[np.float64]


def precision_recall(
    scores: Floats, right: NDArray[np.bool_], faces: float, weights: Doubles
) -> tuple[Doubles, Doubles]:
    """Precision and recall after each detection, the best first; equal scores come together.

    Args:
        scores: (D,), the best first.
        right: (D,).
        faces: how many there are, weighted.
        weights: (D,) how often each detection counts.
    """
    true, all_ = np.cumsum(weights * right), np.cumsum(weights)
    last = np.r_[np.flatnonzero(np.diff(scores)), len(scores) - 1] if len(scores) else np.empty(0, np.int64)
    true, all_ = true[last], all_[last]
    return true / np.maximum(all_, 1e-12), true / max(faces, 1e-12)


def area(precision: Doubles, recall: Doubles) -> float:
    """VOC's average precision since 2010: the area under the envelope of precision over recall, at all points."""
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(np.r_[0.0, recall]) * envelope).sum())


def coco_area(precision: Doubles, recall: Doubles) -> float:
    """COCO's average precision: the mean of the envelope at 101 recalls."""
    envelope = np.r_[np.maximum.accumulate(precision[::-1])[::-1], 0.0]
    return float(envelope[np.searchsorted(recall, RECALLS, side="left")].mean())


def average_precision(
    matched: Matched, weights: Doubles | None = None, read: Callable[[Doubles, Doubles], float] = area
) -> float:
    """Average precision of a set.

    Args:
        matched: its detections.
        weights: how often each image counts; None counts each once.
        read: area, or coco_area.
    """
    chosen = np.ones(matched.images) if weights is None else weights
    faces = float(chosen[matched.faces].sum())
    return read(*precision_recall(matched.scores, matched.right, faces, chosen[matched.owners]))


def threshold_at(matched: Matched, false_boxes: float, weights: Doubles | None = None) -> float:
    """The minimum score at which false boxes per image stay within a limit; above 1 where no score does."""
    chosen = np.ones(matched.images) if weights is None else weights
    wrong = np.cumsum(chosen[matched.owners] * ~matched.right)
    allowed = false_boxes * chosen.sum()
    over = np.flatnonzero(wrong > allowed + 1e-9)
    scores = matched.scores
    if not len(over):
        return 0.0
    # Detections that share the score of the first one too many go with it.
    kept = scores[scores > scores[over[0]]]
    return float(kept[-1]) if len(kept) else 2.0


def recall_at(
    matched: Matched, false_boxes: float, among: NDArray[np.bool_], weights: Doubles | None = None
) -> float:
    """Share of some faces that are found at a number of false boxes per image.

    Args:
        matched: the set.
        false_boxes: allowed per image, over the whole set.
        among: (G,) the faces that are counted.
        weights: how often each image counts.
    """
    chosen = np.ones(matched.images) if weights is None else weights
    min_score = max(threshold_at(matched, false_boxes, weights), 1e-12)
    own = chosen[matched.faces] * among
    return float((own * (matched.found >= min_score)).sum() / max(own.sum(), 1e-12))


def with_interval(matched: Matched, figure: Callable[[Doubles], float], count: int, seed: int = 1) -> Estimate:
    """A figure with its interval by resampled images.

    Args:
        matched: the set.
        figure: the figure, given how often each image counts.
        count: what it is a share or mean of.
        seed: of the resampling.
    """
    value = figure(np.ones(matched.images))
    generator = np.random.default_rng(seed)
    chances = np.full(matched.images, 1 / max(1, matched.images))
    drawn = [figure(generator.multinomial(matched.images, chances).astype(float)) for _ in range(RESAMPLED)]
    finite = [one for one in drawn if np.isfinite(one)]
    low, high = np.quantile(finite, TAILS) if finite else (value, value)
    if value >= 1 and count:
        # No image shows a fault, so resampling shows none either: the rule of three does.
        low = max(0.0, 1 - 3 / count)
    return Estimate(value, float(low), float(high), count)
