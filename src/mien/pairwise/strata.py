"""False match rates within and between strata (groups of people or images) at a threshold. Chooses no threshold."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.rates_at import accepted, count_at, count_matches, counts_above, is_kept
from mien.rates import Estimate, Moves, effective_number, one_sided, rate_of_moves, rate_of_pairs, rate_of_subjects

Mask = NDArray[np.bool_]

SPREAD = 0.25
"""Squared relative deviation of false match rates among subjects, where it is not known whose the matches are."""


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
    exact = is_kept(pairs, similarity)
    count = accepted(pairs, similarity)
    hit = np.sort(pairs.stratum[pairs.tail_samples[:count]], axis=1)
    for index, (a, b) in enumerate(pairs.pair_of):
        total = int(pairs.histogram[index].sum())
        if not total:
            continue
        chosen = (hit[:, 0] == a) & (hit[:, 1] == b)
        wrong = (
            float(chosen.sum()) if exact else float(count_at(counts_above(pairs.histogram[index]), pairs, similarity))
        )
        rate = _stratum_rate(pairs, (a, b), pairs.tail_samples[:count][chosen], wrong, total, exact=exact)
        rows.append(StratumRow(pairs.strata[a], pairs.strata[b], rate))
    return rows


def fmr_between(pairs: PairStatistics, threshold: float, first: Mask, second: Mask) -> Estimate | None:
    """The false match rate of comparisons of some samples with some others.

    Args:
        pairs: all comparisons.
        threshold: in the metric's unit.
        first: (N,) the samples of one side.
        second: (N,) those of the other: the same ones, or none of them.

    Returns:
        The rate with its interval by subject; None where not all comparisons that are accepted were kept.
    """
    similarity = pairs.similarity(threshold)
    if not is_kept(pairs, similarity):
        return None
    hit = pairs.tail_samples[: accepted(pairs, similarity)]
    sides = Sides.of(pairs, first, second)
    who = hit[_between(hit, first, second)]
    total = sides.comparisons.sum() / 2
    if not total:
        return Estimate(float("nan"), 0.0, 1.0, 0)
    return sides.exact_rate(pairs.subjects[who], float(total))


def fnmr_between(pairs: PairStatistics, threshold: float, first: Mask, second: Mask) -> Estimate:
    """The false non-match rate of comparisons of some samples with some others; see fmr_between."""
    chosen = _between(pairs.mated_samples, first, second)
    owner = pairs.subjects[pairs.mated_samples[chosen, 0]]
    missed = pairs.mated[chosen] < np.float64(pairs.similarity(threshold))
    subjects = int(pairs.subjects.max()) + 1
    return rate_of_subjects(np.bincount(owner, missed, minlength=subjects), np.bincount(owner, minlength=subjects))


def _between(samples: NDArray[np.int64], first: Mask, second: Mask) -> Mask:
    a, b = samples[:, 0], samples[:, 1]
    return np.asarray((first[a] & second[b]) | (first[b] & second[a]))


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """The subjects of the comparisons between two groups of samples.

    Attributes:
        names: (S,) numbers of the subjects.
        samples: (2, S) samples of each in both groups.
        comparisons: (S,) non-mated comparisons in which each takes part.
    """

    names: NDArray[np.int64]
    samples: NDArray[np.int64]
    comparisons: NDArray[np.int64]

    @classmethod
    def of(cls, pairs: PairStatistics, first: Mask, second: Mask) -> "Sides":
        """Count the samples of two groups, which are the same or have none in common."""
        inside = first | second
        names, owner = np.unique(pairs.subjects[inside], return_inverse=True)
        samples = np.stack([np.bincount(owner, side[inside], minlength=len(names)) for side in (first, second)])
        samples = samples.astype(np.int64)
        others = samples.sum(axis=1, keepdims=True) - samples
        across = not np.array_equal(first, second)
        comparisons = samples[0] * others[1] + (samples[1] * others[0] if across else 0)
        return cls(names, samples, comparisons)

    def exact_rate(self, subjects: NDArray[np.int64], total: float) -> Estimate:
        """The rate where it is known whose each match is: (K, 2) numbers of subjects."""
        who = np.searchsorted(self.names, subjects)
        samples = self.samples.max(axis=0).astype(np.float64)
        return rate_of_pairs(count_matches(who, samples, self.comparisons.astype(np.float64), total))


def _stratum_rate(
    pairs: PairStatistics, pair: tuple[int, int], who: NDArray[np.int64], wrong: float, total: int, *, exact: bool
) -> Estimate:
    sides = Sides.of(pairs, pairs.stratum == pair[0], pairs.stratum == pair[1])
    if exact:
        return sides.exact_rate(pairs.subjects[who], float(total))
    # Nobody knows whose the matches are; each subject's are taken to vary as widely as their number, up or down.
    share, comparisons = wrong / total, sides.comparisons.astype(np.float64)
    if share in (0.0, 1.0):
        return one_sided(share, 6 / len(comparisons), total)
    signs = np.where(np.arange(len(comparisons)) % 2, 1.0, -1.0)
    moves = Moves(
        each=signs * share * comparisons / total * sqrt(SPREAD),
        subjects=len(comparisons),
        effective=effective_number(comparisons),
        twice=share * (1 - share) / total,
    )
    return rate_of_moves(share, moves, float(total))
