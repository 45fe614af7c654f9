"""FNMR at a wanted FMR, with the noise of its threshold: a set with a few more false matches gets a stricter one.

Its interval has the noise of a fixed threshold, and what FNMR is at both ends of where the threshold may be
(threshold_ends); as they are of different comparisons, the two are added as squares (Zou and Donner, Statistics in
Medicine 27, 2008). What both rates are part of, the equal error rate and the difference of two models, moves with
both when a subject is left out: the moves of FNMR and those of FMR, times what one costs of the other.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.rates_at import (
    comparisons_of,
    count_matches,
    fmr_at,
    fnmr_at,
    is_kept,
    kept_matches,
    misses_by_subject,
    threshold_at,
)
from mien.pairwise.threshold_ends import ThresholdEnds, threshold_ends
from mien.rates import (
    STEP,
    Doubles,
    Estimate,
    Indices,
    Moves,
    moves_of_pairs,
    moves_of_subjects,
    price,
    with_threshold_noise,
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class AtRate:
    """What a set shows of FNMR at a wanted false match rate.

    Attributes:
        threshold: in the metric's unit.
        ends: between which thresholds it may be.
        fnmr: with its interval.
        at_loose: FNMR at the loose end.
        at_strict: FNMR at the strict end.
        price: how much FNMR rises while FMR falls by one unit.
        moves: of FNMR, with those of the threshold.
        freedom: the fewest degrees of freedom of a part of these.
        matches: (K, 2) the subjects of each accepted non-mated comparison; None where not all are kept.
        samples: (S,) samples of each subject.
    """

    threshold: float
    ends: ThresholdEnds
    fnmr: Estimate
    at_loose: float
    at_strict: float
    price: float
    moves: Moves
    freedom: float
    matches: Indices | None
    samples: Doubles


def at_rate(pairs: PairStatistics, fmr: float) -> AtRate:
    """FNMR at the threshold for a wanted false match rate, with the threshold's own noise.

    Raises:
        ValueError: the set cannot show that rate.
    """
    threshold, ends = threshold_at(pairs, fmr), threshold_ends(pairs, fmr)
    loose, strict = missed(pairs, ends.loose), missed(pairs, ends.strict)
    similarity, measured = pairs.similarity(threshold), fmr_at(pairs, threshold)
    matches, samples = kept_matches(pairs, similarity)
    cost, own = _price(pairs, fmr, measured), fnmr_moves(pairs, threshold)
    whole = is_kept(pairs, similarity)
    freedom = own.freedom
    if whole:
        other = _of_matches(pairs, matches, samples)
        moves, freedom = own.plus(other, cost), min(freedom, other.freedom)
    else:
        # Of the many matches at so loose a rate nobody knows whose they are: both parts are taken as independent.
        variance = ((measured.high - measured.low) / 4) ** 2
        moves = own.times(sqrt(1 + cost**2 * variance / max(own.variance, 1e-300)))
    return AtRate(
        threshold=threshold,
        ends=ends,
        fnmr=with_threshold_noise(fnmr_at(pairs, threshold), (loose, strict), ends.missing),
        at_loose=loose,
        at_strict=strict,
        price=cost,
        moves=moves,
        freedom=freedom,
        matches=matches if whole else None,
        samples=samples,
    )


def missed(pairs: PairStatistics, threshold: float) -> float:
    """The share of mated comparisons that a threshold misses; NaN without any."""
    if not len(pairs.mated):
        return float("nan")
    return float(np.count_nonzero(pairs.mated < np.float64(pairs.similarity(threshold))) / len(pairs.mated))


def fnmr_moves(pairs: PairStatistics, threshold: float) -> Moves:
    """Moves of the false non-match rate at a fixed threshold; of all subjects, in the order of their numbers."""
    return moves_of_subjects(*misses_by_subject(pairs, threshold))


def fmr_moves(pairs: PairStatistics, threshold: float) -> Moves | None:
    """Moves of the false match rate at a fixed threshold; None where not all its matches are kept."""
    similarity = pairs.similarity(threshold)
    return _of_matches(pairs, *kept_matches(pairs, similarity)) if is_kept(pairs, similarity) else None


def _of_matches(pairs: PairStatistics, matches: Indices, samples: Doubles) -> Moves:
    return moves_of_pairs(count_matches(matches, samples, comparisons_of(samples), float(pairs.nonmated)))


def equal_error_moves(pairs: PairStatistics, fmr: float) -> Moves:
    """Moves of the rate at which FMR and FNMR are equal, which is near `fmr`.

    Where both move, they meet at their mean, weighted by how steeply each changes with the threshold.
    """
    found = at_rate(pairs, fmr)
    return found.moves.times(1 / (1 + found.price))


def _price(pairs: PairStatistics, fmr: float, measured: Estimate) -> float:
    """The price of a false match rate, between thresholds as far apart as it is uncertain.

    A rate of few errors moves in steps.
    """
    step = max(STEP, min(1.0, sqrt(max(1.0, measured.high / max(measured.low, 1e-12))) - 1))
    return price(lambda rate: missed(pairs, threshold_at(pairs, rate)), fmr, 1.01 / pairs.nonmated, step)
