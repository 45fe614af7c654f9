"""Thresholds at false match rates that a set can show, what they do, and whole curves of error rates.

Every rate comes with its interval by subject. Says what a set cannot show and how much is missing. Decides nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, nan, sqrt

import numpy as np
from numpy.typing import NDArray

from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.moves import at_rate, equal_error_moves
from mien.pairwise.rates_at import fmr_at, fnmr_at, threshold_at
from mien.rates import Estimate, rate_of_moves
from mien.types import Floats

SHOWN_BY = 10
"""False matches that a rate must lead one to expect, before a set is said to show it."""


RATES = tuple(10.0**-k for k in range(1, 10))


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold and what it does on the set.

    Attributes:
        wanted: the false match rate it was chosen for.
        threshold: in the metric's unit.
        threshold_interval: where the threshold for this rate is among all people, as far as this set shows, strict
            end last; None where people are missing to say.
        fmr: measured.
        fnmr: measured; its interval has the threshold's noise too; None without mated comparisons.
        missing: people that it takes before the threshold has an interval.
    """

    wanted: float
    threshold: float
    threshold_interval: tuple[float, float] | None
    fmr: Estimate
    fnmr: Estimate | None
    missing: int = 0


def can_show(pairs: PairStatistics, fmr: float) -> bool:
    """Whether a set has enough non-mated comparisons to say anything of a false match rate."""
    return fmr * pairs.nonmated >= SHOWN_BY


def subjects_needed(pairs: PairStatistics, fmr: float) -> int:
    """How many more subjects, with as many samples each, would show a false match rate."""
    subjects = len(np.unique(pairs.subjects))
    each = len(pairs.subjects) / max(1, subjects)
    comparisons = SHOWN_BY / fmr / each**2
    return max(0, ceil((1 + sqrt(1 + 8 * comparisons)) / 2) - subjects)


def operating_point(pairs: PairStatistics, fmr: float) -> OperatingPoint:
    """The threshold for a false match rate and what it does.

    Raises:
        ValueError: the set cannot show that rate.
    """
    found = at_rate(pairs, fmr)
    return OperatingPoint(
        fmr,
        found.threshold,
        None if found.ends.missing else (found.ends.loose, found.ends.strict),
        fmr_at(pairs, found.threshold),
        found.fnmr if len(pairs.mated) else None,
        found.ends.missing,
    )


def operating_points(pairs: PairStatistics) -> list[OperatingPoint]:
    """One for each power of ten that the set can show."""
    return [operating_point(pairs, rate) for rate in RATES if can_show(pairs, rate)]


@dataclass(frozen=True, slots=True, eq=False)
class ErrorCurve:
    """FMR and FNMR at many thresholds.

    Attributes:
        thresholds: (K,) in the metric's unit, from loose to strict.
        fmr: (K, 3) rate and its interval, NaN where that needs more people.
        fnmr: (K, 3) rate and its interval; all NaN without mated comparisons.
    """

    thresholds: Floats
    fmr: NDArray[np.float64]
    fnmr: NDArray[np.float64]


def error_curve(pairs: PairStatistics, points: int = 60) -> ErrorCurve:
    """FMR and FNMR from half of all to a single false match, at thresholds evenly spaced in the FMR's logarithm."""
    lowest = max(1.01 / max(1, pairs.nonmated), 1e-12)
    wanted = np.geomspace(0.5, lowest, points) if lowest < 0.5 else np.array([0.5])
    thresholds = [threshold_at(pairs, rate) for rate in wanted if rate * pairs.nonmated >= 1]
    fmr = [fmr_at(pairs, value) for value in thresholds]
    fnmr = [fnmr_at(pairs, value) for value in thresholds]
    return ErrorCurve(
        np.array(thresholds, np.float32),
        _rows(fmr),
        _rows(fnmr),
    )


def _rows(rates: Sequence[Estimate]) -> NDArray[np.float64]:
    return np.array([(rate.value, *(rate.interval or (nan, nan))) for rate in rates]).reshape(-1, 3)


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where FMR and FNMR are equal.

    Attributes:
        rate: their mean there, with its interval.
        threshold: in the metric's unit.
    """

    rate: Estimate
    threshold: float


def equal_error(pairs: PairStatistics) -> Crossing | None:
    """The rate at which FMR and FNMR are equal; None without mated or non-mated comparisons.

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
    rate = (high + missed) / 2
    if not missed or not 0 < rate < 1:
        return Crossing(fnmr_at(pairs, threshold), threshold)
    return Crossing(rate_of_moves(rate, equal_error_moves(pairs, high), float(len(mated))), threshold)
