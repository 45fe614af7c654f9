"""False match and false non-match rates over all pairs of a set of samples, with intervals by subject.

Terms as in ISO/IEC 19795-1: FMR is the share of non-mated comparisons that match, FNMR the share of mated
comparisons that do not. Pairs that share a subject are not independent, so intervals resample subjects, not pairs.
Chooses no threshold for anybody and makes no decision.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.scores import score_all, score_pairs
from mien.types import Floats, Metric

BLOCK = 1024
"""Rows scored at a time."""

RESAMPLES = 1000
"""Bootstrap samples behind an interval."""

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its 95% interval and the comparisons it was counted in."""

    value: float
    low: float
    high: float
    comparisons: int


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """What is needed of all comparisons in a set to give rates at strict thresholds.

    Scores are kept as distances: a cosine c as -c, so that smaller is always more alike.

    Attributes:
        mated: (M,) distances of all mated pairs.
        mated_subject: (M,) their subjects' numbers.
        closest: (T,) the smallest distances of non-mated pairs, ascending.
        closest_subjects: (T, 2) their subjects' numbers.
        nonmated: how many non-mated pairs there are in all.
        samples: (S,) samples of each subject.
        metric: of the distances.
    """

    mated: Floats
    mated_subject: Indices
    closest: Floats
    closest_subjects: Indices
    nonmated: int
    samples: Indices
    metric: Metric

    def distance(self, value: float) -> float:
        """A threshold in the metric's unit as a distance."""
        return -value if self.metric == "cosine" else value

    def value(self, distance: float) -> float:
        """A distance as a value in the metric's unit."""
        return -distance if self.metric == "cosine" else distance


def compare_all(embeddings: Floats, subjects: Indices, metric: Metric, *, worst_fmr: float) -> Comparisons:
    """Compare every sample with every other.

    Args:
        embeddings: (N, D) float32.
        subjects: (N,) numbers 0..S-1.
        metric: cosine or l2.
        worst_fmr: the largest false match rate that will be asked for; only that share of the non-mated
            comparisons is kept.
    """
    samples = np.bincount(subjects)
    total = int((len(subjects) ** 2 - (samples**2).sum()) // 2)
    keep = max(1, int(np.ceil(worst_fmr * total)) + 1)
    closest, pairs = _closest(embeddings, subjects, metric, keep)
    mated, owners = _mated(embeddings, subjects, metric)
    return Comparisons(mated, owners, closest, pairs, total, samples, metric)


def _closest(embeddings: Floats, subjects: Indices, metric: Metric, keep: int) -> tuple[Floats, Indices]:
    best, who = np.empty(0, np.float32), np.empty((0, 2), np.int64)
    for start, block in _blocks(embeddings, metric):
        rows, columns = np.arange(start, start + len(block)), np.arange(block.shape[1]) + start
        allowed = (columns[None, :] > rows[:, None]) & (subjects[rows][:, None] != subjects[columns][None, :])
        bound = best.max() if len(best) >= keep else np.inf
        row, column = np.nonzero(allowed & (block <= bound))
        best = np.concatenate([best, block[row, column]])
        who = np.concatenate([who, np.stack([subjects[rows[row]], subjects[columns[column]]], axis=1)])
        if len(best) > keep:
            chosen = np.argpartition(best, keep - 1)[:keep]
            best, who = best[chosen], who[chosen]
    order = np.argsort(best, kind="stable")
    return best[order], who[order]


def _blocks(embeddings: Floats, metric: Metric) -> Iterator[tuple[int, Floats]]:
    """Distances of some rows to themselves and all later rows."""
    for start in range(0, len(embeddings), BLOCK):
        scores = score_all(embeddings[start : start + BLOCK], embeddings[start:], metric)
        yield start, -scores if metric == "cosine" else scores


def _mated(embeddings: Floats, subjects: Indices, metric: Metric) -> tuple[Floats, Indices]:
    first, second = [], []
    for subject in np.flatnonzero(np.bincount(subjects) > 1):
        own = np.flatnonzero(subjects == subject)
        row, column = np.triu_indices(len(own), 1)
        first.append(own[row])
        second.append(own[column])
    if not first:
        return np.empty(0, np.float32), np.empty(0, np.int64)
    a, b = np.concatenate(first), np.concatenate(second)
    scores = score_pairs(embeddings[a], embeddings[b], metric)
    return (-scores if metric == "cosine" else scores), subjects[a]


def threshold_at(comparisons: Comparisons, fmr: float) -> float:
    """The loosest threshold whose false match rate is at most `fmr`, in the metric's unit.

    It lies half way between the last non-mated comparison that may match and the first that may not.

    Raises:
        ValueError: the set has too few non-mated comparisons to show that rate.
    """
    allowed = int(fmr * comparisons.nonmated + 1e-9)
    if allowed < 1:
        raise ValueError(f"{comparisons.nonmated} non-mated comparisons cannot show a false match rate of {fmr:g}")
    if allowed >= len(comparisons.closest):
        raise ValueError(f"comparisons were kept for a false match rate below {fmr:g}")
    distance = float(comparisons.closest[allowed - 1] + comparisons.closest[allowed]) / 2
    return comparisons.value(distance)


def fmr_at(comparisons: Comparisons, threshold: float, seed: int = 0) -> Rate:
    """The false match rate at a threshold, with its interval.

    The interval is a bootstrap over subjects: each resample draws as many subjects as there are, and a pair
    of subjects counts as often as the product of their draws. Without any false match the upper end is the
    rule of three over subjects, 3 / (S / 2), as each subject enters many pairs.
    """
    limit = np.float32(comparisons.distance(threshold))
    matches = int(np.searchsorted(comparisons.closest, limit, side="right"))
    value = matches / comparisons.nonmated
    if matches == 0:
        return Rate(0.0, 0.0, min(1.0, 6 / len(comparisons.samples)), comparisons.nonmated)
    who = comparisons.closest_subjects[:matches]
    shares = []
    for draws in _draws(len(comparisons.samples), seed):
        weighted = (draws * comparisons.samples).astype(np.float64)
        pairs = (weighted.sum() ** 2 - (weighted**2).sum()) / 2
        shares.append((draws[who[:, 0]] * draws[who[:, 1]]).sum() / pairs)
    low, high = np.percentile(shares, [2.5, 97.5])
    return Rate(value, float(low), float(high), comparisons.nonmated)


def fnmr_at(comparisons: Comparisons, threshold: float, seed: int = 0) -> Rate:
    """The false non-match rate at a threshold, with its interval by resampling subjects."""
    limit = np.float32(comparisons.distance(threshold))
    missed = comparisons.mated > limit
    if not len(missed):
        return Rate(float("nan"), 0.0, 1.0, 0)
    subjects = len(comparisons.samples)
    misses = np.bincount(comparisons.mated_subject, missed, minlength=subjects)
    pairs = np.bincount(comparisons.mated_subject, minlength=subjects)
    shares = [float(draws @ misses) / max(1.0, float(draws @ pairs)) for draws in _draws(subjects, seed)]
    low, high = np.percentile(shares, [2.5, 97.5])
    return Rate(float(missed.mean()), float(low), float(high), len(missed))


def _draws(subjects: int, seed: int) -> Iterator[Indices]:
    generator = np.random.default_rng(seed)
    for _ in range(RESAMPLES):
        yield np.bincount(generator.integers(0, subjects, subjects), minlength=subjects)
