"""Two models or two runs on the same samples, paired by subject. Opens no image.

Each model gets its own threshold at a false match rate, on the set itself; the difference of the false non-match
rates is taken subject by subject, so what is hard for both does not widen its interval. The noise of both thresholds
is in it.
"""

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from mien.errors import ManifestError
from mien.evaluate.wording import message
from mien.messages import Message
from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.moves import fnmr_for, fnmr_moves_for, kept_worth
from mien.pairwise.operating_points import RATES, can_show
from mien.pairwise.rates_at import fmr_at, squares, threshold_at
from mien.rates import Estimate, Indices, Moves, moves_of_subjects


@dataclass(frozen=True, slots=True)
class Difference:
    """B less A, with its 95% interval."""

    value: float
    low: float
    high: float

    @property
    def words(self) -> Message:
        """In percentage points, with its interval."""
        return message("difference", value=100 * self.value, low=100 * self.low, high=100 * self.high)

    def verdict(self, a: str, b: str) -> Message:
        """Which of the two, by their names, has fewer errors, as far as the data show."""
        if self.low > 0:
            return message("fewer-errors", name=a)
        return message("fewer-errors", name=b) if self.high < 0 else message("no-difference")


@dataclass(frozen=True, slots=True)
class ComparedPoint:
    """Two models at one false match rate; thresholds are in each model's unit."""

    wanted: float
    thresholds: tuple[float, float]
    fmr: tuple[Estimate, Estimate]
    fnmr: tuple[Estimate, Estimate]
    difference: Difference


def compare(a: PairStatistics, b: PairStatistics) -> list[ComparedPoint]:
    """Compare the false non-match rates of two models at every false match rate that the set can show.

    Raises:
        ManifestError: the scans are not of the same samples and subjects, or there are no mated comparisons.
    """
    if not np.array_equal(a.subjects, b.subjects):
        raise ManifestError("the two runs are not of the same samples; embed the same set with both")
    if not len(a.mated):
        raise ManifestError("there are no mated comparisons, so false non-matches cannot be compared")
    return [_compare(a, b, rate) for rate in RATES if can_show(a, rate)]


def _compare(a: PairStatistics, b: PairStatistics, rate: float) -> ComparedPoint:
    limits = threshold_at(a, rate), threshold_at(b, rate)
    fnmr = fnmr_for(a, rate), fnmr_for(b, rate)
    value, moves = fnmr[1].value - fnmr[0].value, _moves_of_difference(a, b, rate)
    found = _with_interval(value, moves) if moves.each.any() else _unchanged(moves.subjects, value)
    return ComparedPoint(rate, limits, (fmr_at(a, limits[0]), fmr_at(b, limits[1])), fnmr, found)


def _moves_of_difference(a: PairStatistics, b: PairStatistics, rate: float) -> Moves:
    """Moves of the FNMR of B less that of A, both at a wanted FMR."""
    own = fnmr_moves_for(a, rate), fnmr_moves_for(b, rate)
    first, second = kept_worth(a, rate), kept_worth(b, rate)
    twice = own[0].twice + own[1].twice
    if first and second:
        who = np.concatenate([first.who, second.who])
        worth = np.concatenate([np.full(len(first.who), -first.price), np.full(len(second.who), second.price)])
        twice = squares(who, worth, float(worth.sum()) / a.nonmated, first.samples) / float(a.nonmated) ** 2
    return replace(own[1].plus(own[0], -1.0), twice=twice)


def difference(a: Indices, b: Indices, trials: Indices) -> Difference:
    """The difference of two rates over the same trials, by leaving out one subject at a time.

    Args:
        a: (S,) errors of each subject under A.
        b: (S,) errors of each subject under B.
        trials: (S,) comparisons of each subject.
    """
    kept = trials > 0
    change, trials = (b - a)[kept].astype(np.float64), trials[kept].astype(np.float64)
    subjects, total = len(trials), float(trials.sum())
    value = float(change.sum()) / total
    if subjects < 2 or not change.any():
        return _unchanged(subjects, value)
    return _with_interval(value, moves_of_subjects(change, trials))


def _with_interval(value: float, moves: Moves) -> Difference:
    (below, above), spread = moves.reach, sqrt(moves.variance)
    return Difference(value, value - below * spread, value + above * spread)


def _unchanged(subjects: int, value: float) -> Difference:
    """Where nobody's errors differ, the rule of three over subjects."""
    reach = min(1.0, 3 / max(1, subjects))
    return Difference(value, value - reach, value + reach)
