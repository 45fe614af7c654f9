"""From all comparisons of a set to rates and thresholds: FMR, FNMR, EER, with intervals by subject.

Thresholds are in the metric's unit. Where a threshold lies among the comparisons that were kept, counts are exact;
below them the histogram is interpolated, whose bins are a sixteenth of a standard deviation wide. Decides nothing.
"""

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from mien.evaluate.all_pairs import BINS, PairStatistics
from mien.rates import Estimate, PairSums, rate_of_pairs, rate_of_subjects
from mien.types import Floats

SHOWN_BY = 10
"""False matches that a rate must lead one to expect, before a set is said to show it."""

SPREAD = 0.25
"""Squared relative deviation of false match rates among subjects, where it is not known whose the matches are."""

RATES = tuple(10.0**-k for k in range(1, 10))


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold and what it does on the set.

    Attributes:
        wanted: the false match rate it was chosen for.
        threshold: in the metric's unit.
        threshold_interval: thresholds at the ends of the false match rate's interval, strict end last.
        fmr: measured.
        fnmr: measured; None without mated comparisons.
    """

    wanted: float
    threshold: float
    threshold_interval: tuple[float, float]
    fmr: Estimate
    fnmr: Estimate | None


def can_show(pairs: PairStatistics, fmr: float) -> bool:
    """Whether a set has enough non-mated comparisons to say anything of a false match rate."""
    return fmr * pairs.nonmated >= SHOWN_BY


def subjects_needed(pairs: PairStatistics, fmr: float) -> int:
    """How many more subjects, with as many samples each, would show a false match rate."""
    subjects = len(np.unique(pairs.subjects))
    each = len(pairs.subjects) / max(1, subjects)
    comparisons = SHOWN_BY / fmr / each**2
    return max(0, ceil((1 + sqrt(1 + 8 * comparisons)) / 2) - subjects)


def threshold_at(pairs: PairStatistics, fmr: float) -> float:
    """The loosest threshold whose false match rate is at most `fmr`, in the metric's unit.

    Among the kept comparisons it lies half way between the last that may match and the first that may not.

    Raises:
        ValueError: there are too few non-mated comparisons to have a single match at that rate.
    """
    allowed = int(fmr * pairs.nonmated + 1e-9)
    if allowed < 1:
        raise ValueError(f"{pairs.nonmated} non-mated comparisons cannot show a false match rate of {fmr:g}")
    if allowed < len(pairs.tail):
        return pairs.value(place_between(pairs.tail, allowed))
    above = _above(pairs.histogram.sum(axis=0))
    # It falls from bin to bin; the place where it crosses the wanted count, counted in bins.
    place = float(np.interp(-float(fmr * pairs.nonmated), -above, np.arange(BINS + 1)))
    return pairs.value(pairs.low + (place - 1) * pairs.width)


def place_between(scores: Floats, allowed: int) -> float:
    """The loosest threshold that accepts at most so many scores; between two of them, never on one.

    Args:
        scores: (K,) similarities, best first; more than `allowed`.
        allowed: how many may be accepted. Of equal scores all or none are.
    """
    while allowed and scores[allowed - 1] == scores[allowed]:
        allowed -= 1
    if not allowed:
        return float(np.nextafter(scores[0], np.float32(np.inf)))
    return (float(scores[allowed - 1]) + float(scores[allowed])) / 2


def _above(histogram: NDArray[np.int64]) -> NDArray[np.float64]:
    """(..., 257) comparisons at or above the lower edge of each bin."""
    counts = np.cumsum(histogram[..., ::-1], axis=-1)[..., ::-1]
    return np.concatenate([counts, np.zeros((*counts.shape[:-1], 1), counts.dtype)], axis=-1).astype(np.float64)


def _at(above: NDArray[np.float64], pairs: PairStatistics, similarity: float) -> NDArray[np.float64]:
    """`above` at any similarity, interpolated."""
    place = np.clip((similarity - pairs.low) / pairs.width + 1, 0, BINS)
    whole = min(int(place), BINS - 1)
    part = place - whole
    return np.asarray(above[..., whole] * (1 - part) + above[..., whole + 1] * part, np.float64)


def fmr_at(pairs: PairStatistics, threshold: float) -> Estimate:
    """The false match rate at a threshold in the metric's unit, with its interval by subject."""
    similarity = pairs.similarity(threshold)
    numbers, dense = np.unique(pairs.subjects, return_inverse=True)
    samples = np.bincount(dense).astype(np.float64)
    total = float(pairs.nonmated)
    if not total:
        return Estimate(float("nan"), 0.0, 1.0, 0)
    comparisons = samples * (samples.sum() - samples)
    if not _is_kept(pairs, similarity):
        return _in_bulk(pairs, similarity, comparisons, len(numbers))
    count = _accepted(pairs, similarity)
    who = dense[pairs.tail_samples[:count]]
    return rate_of_pairs(_sums(who, samples, comparisons, total))


def _is_kept(pairs: PairStatistics, similarity: float) -> bool:
    """Whether all non-mated comparisons that a threshold accepts are among the kept ones."""
    return len(pairs.tail) == pairs.nonmated or similarity > pairs.bound


def _accepted(pairs: PairStatistics, similarity: float) -> int:
    """How many of the kept comparisons are accepted; in double precision, as a threshold lies between scores."""
    return int(np.searchsorted(-pairs.tail, -np.float64(similarity), side="right"))


def _sums(
    who: NDArray[np.int64], samples: NDArray[np.float64], comparisons: NDArray[np.float64], total: float
) -> PairSums:
    """Sums over the matches of some subjects.

    Args:
        who: (K, 2) subjects of each match.
        samples: (S,) samples of each subject.
        comparisons: (S,) comparisons in which each subject takes part.
        total: comparisons in all.
    """
    subjects = len(samples)
    share = len(who) / total
    matches = np.bincount(who.reshape(-1), minlength=subjects)
    key = np.minimum(who[:, 0], who[:, 1]) * subjects + np.maximum(who[:, 0], who[:, 1])
    each = np.unique(key, return_counts=True)[1].astype(np.float64)
    expected = samples[who[:, 0]] * samples[who[:, 1]]
    everywhere = (float((samples**2).sum()) ** 2 - float((samples**4).sum())) / 2
    by_pair = float((each**2).sum()) - 2 * share * float(expected.sum()) + share**2 * everywhere
    by_subject = float(((matches - share * comparisons) ** 2).sum())
    return PairSums(subjects, total, len(who), by_subject, by_pair, int((matches > 0).sum()))


def _in_bulk(pairs: PairStatistics, similarity: float, comparisons: NDArray[np.float64], subjects: int) -> Estimate:
    """Counts from the histogram; how much subjects differ, from those that were drawn."""
    total = float(pairs.nonmated)
    wrong = float(_at(_above(pairs.histogram.sum(axis=0)), pairs, similarity))
    share = wrong / total
    drawn = np.searchsorted(np.unique(pairs.subjects), pairs.drawn)
    matches = _at(_above(pairs.drawn_histogram), pairs, similarity)
    # Scaled up so that the drawn subjects stand for all.
    by_subject = float(((matches - share * comparisons[drawn]) ** 2).sum()) * subjects / len(drawn)
    return rate_of_pairs(PairSums(subjects, total, wrong, by_subject, total * share * (1 - share), subjects))


def fnmr_at(pairs: PairStatistics, threshold: float) -> Estimate:
    """The false non-match rate at a threshold in the metric's unit, with its interval by subject."""
    _, dense = np.unique(pairs.subjects, return_inverse=True)
    owner = dense[pairs.mated_samples[:, 0]]
    missed = pairs.mated < np.float64(pairs.similarity(threshold))
    subjects = int(dense.max()) + 1
    return rate_of_subjects(np.bincount(owner, missed, minlength=subjects), np.bincount(owner, minlength=subjects))


def operating_point(pairs: PairStatistics, fmr: float) -> OperatingPoint:
    """The threshold for a false match rate and what it does.

    Raises:
        ValueError: the set cannot show that rate.
    """
    threshold = threshold_at(pairs, fmr)
    measured = fmr_at(pairs, threshold)
    ends = [threshold_at(pairs, min(1.0, max(end, 1.01 / pairs.nonmated))) for end in (measured.high, measured.low)]
    fnmr = fnmr_at(pairs, threshold) if len(pairs.mated) else None
    return OperatingPoint(fmr, threshold, (ends[0], ends[1]), measured, fnmr)


def operating_points(pairs: PairStatistics) -> list[OperatingPoint]:
    """One for each power of ten that the set can show."""
    return [operating_point(pairs, rate) for rate in RATES if can_show(pairs, rate)]


@dataclass(frozen=True, slots=True, eq=False)
class ErrorCurve:
    """FMR and FNMR at many thresholds.

    Attributes:
        thresholds: (K,) in the metric's unit, from loose to strict.
        fmr: (K, 3) rate and its interval.
        fnmr: (K, 3) likewise; NaN without mated comparisons.
    """

    thresholds: Floats
    fmr: NDArray[np.float64]
    fnmr: NDArray[np.float64]


def error_curve(pairs: PairStatistics, points: int = 60) -> ErrorCurve:
    """FMR and FNMR from half of all to a single false match, at thresholds evenly spaced in the FMR's logarithm."""
    least = max(1.01 / max(1, pairs.nonmated), 1e-12)
    wanted = np.geomspace(0.5, least, points) if least < 0.5 else np.array([0.5])
    thresholds = [threshold_at(pairs, rate) for rate in wanted if rate * pairs.nonmated >= 1]
    fmr = [fmr_at(pairs, value) for value in thresholds]
    fnmr = [fnmr_at(pairs, value) for value in thresholds]
    return ErrorCurve(
        np.array(thresholds, np.float32),
        np.array([(rate.value, rate.low, rate.high) for rate in fmr]).reshape(-1, 3),
        np.array([(rate.value, rate.low, rate.high) for rate in fnmr]).reshape(-1, 3),
    )


def equal_error(pairs: PairStatistics) -> tuple[float, float] | None:
    """The rate at which FMR and FNMR are equal, and its threshold; None without mated or non-mated comparisons.

    Found by halving: FMR falls with a stricter threshold and FNMR rises. The rate is the mean of the two there.
    """
    if not len(pairs.mated) or not pairs.nonmated:
        return None
    low, high = 1.01 / pairs.nonmated, 1.0
    missed = 0.0
    mated = np.sort(pairs.mated)
    for _ in range(60):
        middle = sqrt(low * high)
        similarity = pairs.similarity(threshold_at(pairs, middle))
        missed = float(np.searchsorted(mated, np.float64(similarity)) / len(mated))
        low, high = (middle, high) if missed > middle else (low, middle)
    threshold = threshold_at(pairs, high)
    missed = float(np.searchsorted(mated, np.float64(pairs.similarity(threshold))) / len(mated))
    return (high + missed) / 2, threshold


def decidability(mated: Floats, nonmated_mean: float, nonmated_variance: float) -> float:
    """d', the distance of the two distributions in their common deviation (Daugman, 2003).

    d' = |mean_1 - mean_2| / sqrt((variance_1 + variance_2) / 2)
    """
    spread = sqrt((float(mated.var()) + nonmated_variance) / 2)
    return abs(float(mated.mean()) - nonmated_mean) / max(spread, 1e-12)


def moments(pairs: PairStatistics) -> tuple[float, float]:
    """Mean and variance of all non-mated similarities, from the histogram."""
    counts = pairs.histogram.sum(axis=0).astype(np.float64)
    middles = pairs.low + (np.arange(BINS) - 0.5) * pairs.width
    mean = float((counts * middles).sum() / counts.sum())
    return mean, float((counts * (middles - mean) ** 2).sum() / counts.sum())


@dataclass(frozen=True, slots=True)
class StratumRow:
    """Non-mated comparisons between two strata at a threshold."""

    a: str
    b: str
    fmr: Estimate


def strata_at(pairs: PairStatistics, threshold: float) -> list[StratumRow]:
    """The false match rate within and between strata; intervals take each stratum's subjects as drawn."""
    similarity = pairs.similarity(threshold)
    rows = []
    exact = _is_kept(pairs, similarity)
    count = _accepted(pairs, similarity)
    hit = np.sort(pairs.stratum[pairs.tail_samples[:count]], axis=1)
    for index, (a, b) in enumerate(pairs.pair_of):
        total = int(pairs.histogram[index].sum())
        if not total:
            continue
        chosen = (hit[:, 0] == a) & (hit[:, 1] == b)
        wrong = float(chosen.sum()) if exact else float(_at(_above(pairs.histogram[index]), pairs, similarity))
        rate = _stratum_rate(pairs, (a, b), pairs.tail_samples[:count][chosen], wrong, total, exact=exact)
        rows.append(StratumRow(pairs.strata[a], pairs.strata[b], rate))
    return rows


def _stratum_rate(
    pairs: PairStatistics, pair: tuple[int, int], who: NDArray[np.int64], wrong: float, total: int, *, exact: bool
) -> Estimate:
    inside = np.isin(pairs.stratum, pair)
    names, owner = np.unique(pairs.subjects[inside], return_inverse=True)
    samples = np.stack([np.bincount(owner, pairs.stratum[inside] == s, minlength=len(names)) for s in pair])
    others = samples.sum(axis=1, keepdims=True) - samples
    comparisons = samples[0] * others[1] + (samples[1] * others[0] if pair[0] != pair[1] else 0)
    share = wrong / total
    if exact:
        return rate_of_pairs(
            _sums(np.searchsorted(names, pairs.subjects[who]), samples.max(axis=0), comparisons, float(total))
        )
    # Nobody knows whose the matches are; each subject's are taken to vary as widely as their number.
    by_subject = float(((share * comparisons) ** 2).sum()) * SPREAD
    return rate_of_pairs(
        PairSums(len(names), float(total), wrong, by_subject, total * share * (1 - share), len(names))
    )
