"""Two models or two runs on the same samples, paired by subject. Opens no image.

Each model gets its own threshold at a false match rate, on the set itself; the difference of the false non-match
rates is taken subject by subject, so what is hard for both does not widen its interval.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from mien.errors import ManifestError
from mien.evaluate.wording import message
from mien.messages import Message
from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.operating_points import RATES, can_show
from mien.pairwise.rates_at import fmr_at, fnmr_at, threshold_at
from mien.rates import FEW, Estimate, Indices, student


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
    _, who = np.unique(a.subjects, return_inverse=True)
    pairs = np.bincount(who[a.mated_samples[:, 0]], minlength=int(who.max()) + 1)
    misses = [_misses(one, limit, who) for one, limit in zip((a, b), limits, strict=True)]
    return ComparedPoint(
        rate,
        limits,
        (fmr_at(a, limits[0]), fmr_at(b, limits[1])),
        (fnmr_at(a, limits[0]), fnmr_at(b, limits[1])),
        difference(misses[0], misses[1], pairs),
    )


def _misses(one: PairStatistics, limit: float, who: Indices) -> Indices:
    missed = one.mated < np.float64(one.similarity(limit))
    return np.bincount(who[one.mated_samples[:, 0]], missed, minlength=int(who.max()) + 1).astype(np.int64)


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
    involved = int((change != 0).sum())
    if subjects < 2 or not involved:
        reach = min(1.0, 3 / max(1, subjects))
        return Difference(value, value - reach, value + reach)
    others = (change.sum() - change) / (total - trials)
    spread = sqrt((subjects - 1) / subjects * float(((others - others.mean()) ** 2).sum()))
    reach = student(involved + FEW) * spread
    return Difference(value, value - reach, value + reach)
