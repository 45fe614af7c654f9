"""Two models or two runs on the same samples, paired by subject. Opens no image.

Each model gets its own threshold at a false match rate, on the set itself; the difference of the false non-match
rates is taken subject by subject, so what is hard for both does not widen its interval. The noise of both thresholds
is in it; where the set cannot say between which thresholds one of them is, nothing is said of the difference.
"""

from dataclasses import dataclass, replace
from math import inf, sqrt

import numpy as np

from mien.errors import ManifestError
from mien.evaluate.wording import message
from mien.messages import Message
from mien.messages.figures import without_interval
from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.moves import AtRate, at_rate
from mien.pairwise.operating_points import RATES, can_show
from mien.pairwise.rates_at import fmr_at, squares
from mien.rates import Estimate, Indices, Moves, moves_of_subjects


@dataclass(frozen=True, slots=True)
class Difference:
    """B less A, with its 95% interval; `missing` people are needed before the interval holds."""

    value: float
    low: float
    high: float
    missing: int = 0

    @property
    def words(self) -> Message:
        """In percentage points, with its interval."""
        if self.missing:
            return without_interval(message("points", value=100 * self.value), self.missing)
        return message("difference", value=100 * self.value, low=100 * self.low, high=100 * self.high)

    @property
    def is_gain(self) -> bool:
        """Whether B has fewer errors, beyond an interval that holds."""
        return not self.missing and self.high < 0

    @property
    def is_loss(self) -> bool:
        """Whether B has more errors, beyond an interval that holds."""
        return not self.missing and self.low > 0

    def verdict(self, a: str, b: str) -> Message:
        """Which of the two, by their names, has fewer errors, as far as the data show."""
        if self.missing:
            return message("no-verdict", count=self.missing)
        if self.is_loss:
            return message("fewer-errors", name=a)
        return message("fewer-errors", name=b) if self.is_gain else message("no-difference")


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
    first, second = at_rate(a, rate), at_rate(b, rate)
    value, moves = second.fnmr.value - first.fnmr.value, _moves_of_difference(first, second, a.nonmated)
    missing = max(first.ends.missing, second.ends.missing)
    return ComparedPoint(
        rate,
        (first.threshold, second.threshold),
        (fmr_at(a, first.threshold), fmr_at(b, second.threshold)),
        (first.fnmr, second.fnmr),
        _with_interval(value, moves, missing, min(first.freedom, second.freedom)),
    )


def _moves_of_difference(first: AtRate, second: AtRate, nonmated: int) -> Moves:
    """Moves of the FNMR of the second less that of the first, both at a wanted FMR."""
    moves = second.moves.plus(first.moves, -1.0)
    if first.matches is None or second.matches is None:
        return moves
    who = np.concatenate([first.matches, second.matches])
    worth = np.repeat([-first.price, second.price], [len(first.matches), len(second.matches)])
    twice = squares(who, worth, float(worth.sum()) / nonmated, first.samples) / float(nonmated) ** 2
    return replace(moves, twice=twice)


def difference(a: Indices, b: Indices, trials: Indices) -> Difference:
    """The difference of two rates over the same trials, by leaving out one subject at a time.

    Args:
        a: (S,) errors of each subject under A.
        b: (S,) errors of each subject under B.
        trials: (S,) comparisons of each subject.
    """
    kept = trials > 0
    change, trials = (b - a)[kept].astype(np.float64), trials[kept].astype(np.float64)
    value = float(change.sum()) / float(trials.sum())
    return _with_interval(value, moves_of_subjects(change, trials))


def _with_interval(value: float, moves: Moves, missing: int = 0, freedom: float = inf) -> Difference:
    """A difference with its interval; where nobody's errors differ, by the rule of three over subjects."""
    missing = max(missing, moves.missing)
    if moves.subjects < 2 or not moves.each.any():
        reach = min(1.0, 3 / max(1.0, moves.effective))
        return Difference(value, value - reach, value + reach, missing)
    (below, above), spread = moves.skewed_reach(freedom), sqrt(moves.variance)
    return Difference(value, max(-1.0, value - below * spread), min(1.0, value + above * spread), missing)
