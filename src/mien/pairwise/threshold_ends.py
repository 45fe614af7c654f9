"""Between which thresholds the one for a wanted false match rate is, as far as a set shows.

A threshold is possible if the interval of its false match rate on the set contains the wanted rate. So the ends are
found by going from the set's own threshold to stricter and to looser ones until it does not (a test is inverted).
Where even the strictest threshold that accepts anything is possible, there is no strict end: people are missing.
Chooses no threshold.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, inf, log

from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.rates_at import fmr_at, place_between, threshold_at

STEP = 0.3
"""Logarithm of the factor between the false match rates of two thresholds that are tried."""
LOOSEST = 0.9
"""The highest false match rate that is tried."""
MAX_GROWTH = 1000
"""A set that would have to be as many times larger is not said to need so many people, but only more."""


@dataclass(frozen=True, slots=True)
class ThresholdEnds:
    """The loosest and the strictest threshold that may be the one for a wanted rate, in the metric's unit.

    Attributes:
        loose: every other one of these lets fewer strangers pass.
        strict: where people are missing, the one beyond all scores or comparisons that are tried.
        missing: people that it takes before both are known; 0 where they are.
    """

    loose: float
    strict: float
    missing: int


def threshold_ends(pairs: PairStatistics, fmr: float) -> ThresholdEnds:
    """Where the threshold for a false match rate is.

    Raises:
        ValueError: there are too few non-mated comparisons to have a single match at that rate.
    """
    lowest = 1.01 / pairs.nonmated
    strict = _last(lambda rate: fmr_at(pairs, threshold_at(pairs, rate)).high / fmr, fmr, -STEP, lowest)
    loose = _last(lambda rate: fmr / max(fmr_at(pairs, threshold_at(pairs, rate)).low, 1e-12), fmr, STEP, LOOSEST)
    missing = fmr_at(pairs, threshold_at(pairs, fmr)).missing
    if strict is None or loose is None:
        missing = max(missing, _missing(pairs, fmr, lowest))
    return ThresholdEnds(
        threshold_at(pairs, LOOSEST if loose is None else loose),
        beyond_all(pairs) if strict is None else threshold_at(pairs, max(strict, lowest)),
        missing,
    )


def beyond_all(pairs: PairStatistics) -> float:
    """The loosest threshold that accepts no non-mated comparison."""
    return pairs.value(place_between(pairs.tail, 0))


def _last(ratio: Callable[[float], float], start: float, step: float, end: float) -> float | None:
    """The last rate, going from `start` to `end`, whose ratio is at least 1; None where that of the end still is.

    Between two rates it is interpolated on the scale of the logarithm.
    """
    rate, before = start, max(1.0, ratio(start))
    while rate != end:
        following = max(end, rate * exp(step)) if step < 0 else min(end, rate * exp(step))
        after = ratio(following)
        if after < 1:
            part = log(before) / (log(before) - log(max(after, 1e-12))) if before < inf else 1.0
            return float(rate * (following / rate) ** part)
        rate, before = following, after
    return None


def _missing(pairs: PairStatistics, fmr: float, lowest: float) -> int:
    """About how many more people would bring the strictest threshold of a set out of the interval.

    Comparisons grow with the square of the people, and the logarithm of an interval's width falls with their root.
    """
    width = log(max(fmr_at(pairs, threshold_at(pairs, lowest)).high / lowest, 1.0))
    room, growth = log(max(fmr / lowest, 1.0)), 1.05
    while width / growth**0.5 > room + 2 * log(growth) and growth < MAX_GROWTH:
        growth *= 1.05
    subjects = len(set(pairs.subjects.tolist()))
    return max(1, round(subjects * (growth - 1)))
