"""What a list of pairs shows, with intervals by subject: FMR, FNMR, EER, AUC and accuracy.

Each figure is a mean over pairs, or moves like one (the first term of its expansion); so its interval rests on how
far it moves when one subject is left out. Where no subjects are known, every pair is its own.
"""

from dataclasses import dataclass, replace
from math import ceil, inf

import numpy as np
from numpy.typing import NDArray

from mien.evaluate.pair_lists import Roc, ScoredPairs, area, equal_error_rate, roc
from mien.pairwise.operating_points import SHOWN_BY, Crossing
from mien.pairwise.rates_at import place_between
from mien.rates import (
    Doubles,
    Estimate,
    Indices,
    Moves,
    effective_number,
    one_sided,
    price,
    rate_of_moves,
    without_each,
)

MIN_TABLE = 1 << 20
"""Pairs of subjects up to which a table of all of them is small."""


@dataclass(frozen=True, slots=True)
class ListPoint:
    """What a list shows at a wanted false match rate; the threshold is a similarity.

    `moves` are those of the FNMR with its threshold's noise, in the order of the subjects' numbers (own_numbers).
    """

    wanted: float
    threshold: float
    fmr: Estimate
    fnmr: Estimate
    moves: Moves


def list_points(pairs: ScoredPairs) -> list[ListPoint]:
    """FNMR at FMR 1e-1, 1e-2 ... as far as the list leads one to expect 10 false matches."""
    nonmated = int((~pairs.mated).sum())
    shown = [10.0**-k for k in range(1, 9) if 10.0**-k * nonmated >= SHOWN_BY]
    curve = roc(pairs.scores, pairs.mated) if shown else None
    return [list_point(pairs, rate, curve) for rate in shown]


def pairs_needed(fmr: float) -> int:
    """How many non-mated pairs a list must have to show a false match rate."""
    return ceil(SHOWN_BY / fmr)


def list_point(pairs: ScoredPairs, fmr: float, curve: Roc | None = None) -> ListPoint:
    """The loosest threshold whose false match rate on the list is at most `fmr`, and the FNMR there.

    The interval of the FNMR has the noise of the threshold too.

    Args:
        pairs: the list.
        fmr: the wanted rate.
        curve: of the list, where it is known.
    """
    nonmated = np.sort(pairs.scores[~pairs.mated])[::-1]
    # Pairs without a score are never accepted; they stand below all others.
    ranked = np.where(np.isfinite(nonmated), nonmated, pairs.scores[np.isfinite(pairs.scores)].min() - 1)
    threshold = place_between(ranked, min(len(ranked) - 1, int(fmr * len(ranked) + 1e-9)))
    fnmr = false_nonmatches(pairs, threshold)
    own, other = _both(pairs, threshold)
    moves = own.plus(other, _price(curve or roc(pairs.scores, pairs.mated), fmr))
    if 0 < fnmr.value < 1:
        fnmr = rate_of_moves(fnmr.value, moves, fnmr.count)
    return ListPoint(fmr, threshold, false_matches(pairs, threshold), fnmr, moves)


def false_matches(pairs: ScoredPairs, threshold: float) -> Estimate:
    """The false match rate of a list; where no subjects are known, pairs are taken as independent."""
    return _share(pairs.scores[~pairs.mated] >= threshold, own_numbers(pairs)[~pairs.mated])


def false_nonmatches(pairs: ScoredPairs, threshold: float) -> Estimate:
    """The false non-match rate of a list, by subject; samples without an embedding do not match."""
    return _share(pairs.scores[pairs.mated] < threshold, own_numbers(pairs)[pairs.mated])


def equal_error(pairs: ScoredPairs, curve: Roc) -> Crossing:
    """The rate at which FMR and FNMR of a list are equal; its threshold is a similarity.

    Where both rates move, they meet at their mean, weighted by how steeply each changes with the threshold.
    """
    rate, threshold = equal_error_rate(curve)
    own, other = _both(pairs, threshold)
    if not 0 < rate < 1 or not own.each.any():
        return Crossing(false_nonmatches(pairs, threshold), threshold)
    steep = _price(curve, rate)
    return Crossing(rate_of_moves(rate, own.plus(other, steep).times(1 / (1 + steep)), len(pairs.mated)), threshold)


def area_of(pairs: ScoredPairs, curve: Roc) -> Estimate:
    """The area under the ROC: DeLong's components of each pair (Biometrics 44, 1988), summed by subject."""
    who, mated, value = own_numbers(pairs), pairs.mated, area(curve)
    above, below = pairs.scores[mated], pairs.scores[~mated]
    # By the scores: the sum under the curve of a list without any error can end just below 1.
    if above.min() > below.max() or above.max() < below.min():
        return _share(np.full(int(mated.sum()), above.min() > below.max()), who[mated])
    own = mean_moves(_share_below(below, above), who[mated], int(who.max()) + 1)
    other = mean_moves(1 - _share_below(above, below), who[~mated], int(who.max()) + 1)
    found = rate_of_moves(value, own.plus(other, 1.0), inf)
    return replace(found, count=len(pairs.scores))


def share_right(pairs: ScoredPairs, right: NDArray[np.bool_]) -> Estimate:
    """The share of right decisions; `right` is (P,)."""
    return _share(right, own_numbers(pairs))


def _price(curve: Roc, fmr: float) -> float:
    """How much the FNMR of a list rises while its FMR falls by one unit."""
    return price(lambda rate: 1 - float(curve.tmr[np.searchsorted(curve.fmr, rate, side="right") - 1]), fmr, 0.0)


def own_numbers(pairs: ScoredPairs) -> Indices:
    """(P, 2) numbers from 0 without gaps; unknown subjects get a number for each pair, or for each of its sides."""
    filled = pairs.subjects.copy()
    unknown = filled < 0
    filled[unknown] = filled.max(initial=0) + 1 + np.arange(unknown.sum())
    filled[pairs.mated, 1] = filled[pairs.mated, 0]
    return _without_gaps(filled)


def _without_gaps(numbers: Indices) -> Indices:
    """The same subjects from 0 without gaps, in their order; by counting, since lists have millions of pairs."""
    used = np.bincount(numbers.reshape(-1)) > 0
    return numbers if used.all() else (np.cumsum(used) - 1)[numbers]


def mean_moves(values: NDArray[np.bool_] | Doubles, who: Indices, subjects: int) -> Moves:
    """Moves of a mean over pairs when a subject is left out; a pair of two subjects belongs to both."""
    worth = values.astype(np.float64)
    two = who[:, 0] != who[:, 1]
    sums = _of_subjects(worth, who, two, subjects)
    trials = _of_subjects(np.ones(len(worth)), who, two, subjects)
    each, able = np.zeros(subjects), trials > 0
    each[able] = without_each(sums[able], trials[able], float(worth.sum()), float(len(worth)))
    key = np.minimum(who[two, 0], who[two, 1]) * subjects + np.maximum(who[two, 0], who[two, 1])
    # Pairs of subjects are counted in a table where it is small, and looked up where it is not.
    table = key if subjects**2 <= max(MIN_TABLE, 4 * len(key)) else np.unique(key, return_inverse=True)[1]
    shared = np.bincount(table, worth[two] - worth.mean())
    return Moves(
        each=each,
        subjects=int(able.sum()),
        effective=effective_number(trials),
        twice=float((shared**2).sum()) / len(worth) ** 2,
    )


def _of_subjects(worth: Doubles, who: Indices, two: NDArray[np.bool_], subjects: int) -> Doubles:
    first = np.bincount(who[:, 0], worth, minlength=subjects)
    return np.asarray(first + np.bincount(who[two, 1], worth[two], minlength=subjects), np.float64)


def _share_below(scores: NDArray[np.float32], than: NDArray[np.float32]) -> Doubles:
    """For each of `than` the share of scores that are lower; of equal ones half."""
    ordered = np.sort(scores)
    counts = np.searchsorted(ordered, than, side="left") + np.searchsorted(ordered, than, side="right")
    return np.asarray(counts / (2 * len(ordered)), np.float64)


def _both(pairs: ScoredPairs, threshold: float) -> tuple[Moves, Moves]:
    """Moves of FNMR and FMR at a threshold, of all subjects of a list."""
    who, mated = own_numbers(pairs), pairs.mated
    subjects = int(who.max()) + 1
    own = mean_moves(pairs.scores[mated] < threshold, who[mated], subjects)
    return own, mean_moves(pairs.scores[~mated] >= threshold, who[~mated], subjects)


def _share(events: NDArray[np.bool_], who: Indices) -> Estimate:
    """A share of pairs with its interval; where all or none are, the rule of three over subjects."""
    dense, value = _without_gaps(who), float(events.mean())
    subjects = int(dense.max()) + 1
    if 0 < value < 1:
        return rate_of_moves(value, mean_moves(events, dense, subjects), len(events))
    shared = bool((who[:, 0] != who[:, 1]).any())
    return one_sided(value, (6 if shared else 3) / subjects, len(events))
