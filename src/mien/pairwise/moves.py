"""How far the rates of a set move when one subject is left out, for whatever is made of several rates.

FNMR at a wanted FMR has the noise of its threshold too: a set with a few more false matches gets a stricter
threshold, and with it more false non-matches. So its moves are those of the FNMR plus those of the FMR, times what
one costs of the other. The same holds for the equal error rate and for the difference of two models. Prints nothing.
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
from mien.rates import (
    STEP,
    Doubles,
    Estimate,
    Indices,
    Moves,
    moves_of_pairs,
    moves_of_subjects,
    price,
    rate_of_moves,
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class AtRate:
    """What a set shows of FNMR at a wanted false match rate.

    Attributes:
        threshold: in the metric's unit.
        price: how much FNMR rises while FMR falls by one unit.
        moves: of FNMR, with those of the threshold.
        fnmr: with its interval.
        matches: (K, 2) the subjects of each accepted non-mated comparison; None where not all are kept.
        samples: (S,) samples of each subject.
    """

    threshold: float
    price: float
    moves: Moves
    fnmr: Estimate
    matches: Indices | None
    samples: Doubles


def at_rate(pairs: PairStatistics, fmr: float) -> AtRate:
    """FNMR at the threshold for a wanted false match rate, with the threshold's own noise.

    Raises:
        ValueError: the set cannot show that rate.
    """
    threshold = threshold_at(pairs, fmr)
    similarity, measured = pairs.similarity(threshold), fmr_at(pairs, threshold)
    matches, samples = kept_matches(pairs, similarity)
    cost, own = _price(pairs, fmr, measured), fnmr_moves(pairs, threshold)
    whole = is_kept(pairs, similarity)
    if whole:
        moves = own.plus(_of_matches(pairs, matches, samples), cost)
    else:
        # Of the many matches at so loose a rate nobody knows whose they are: both parts are taken as independent.
        variance = ((measured.high - measured.low) / 4) ** 2
        moves = own.times(sqrt(1 + cost**2 * variance / max(own.variance, 1e-300)))
    fnmr = fnmr_at(pairs, threshold)
    if 0 < fnmr.value < 1:
        fnmr = rate_of_moves(fnmr.value, moves, fnmr.count)
    return AtRate(
        threshold=threshold,
        price=cost,
        moves=moves,
        fnmr=fnmr,
        matches=matches if whole else None,
        samples=samples,
    )


def fnmr_moves(pairs: PairStatistics, threshold: float) -> Moves:
    """Moves of the false non-match rate at a fixed threshold; of all subjects, in the order of their numbers."""
    return moves_of_subjects(*misses_by_subject(pairs, threshold))


def fmr_moves(pairs: PairStatistics, threshold: float) -> Moves | None:
    """Moves of the false match rate at a fixed threshold; None where not all its matches are kept."""
    similarity = pairs.similarity(threshold)
    return _of_matches(pairs, *kept_matches(pairs, similarity)) if is_kept(pairs, similarity) else None


def _of_matches(pairs: PairStatistics, matches: Indices, samples: Doubles) -> Moves:
    return moves_of_pairs(count_matches(matches, samples, comparisons_of(samples), float(pairs.nonmated)))


def _price(pairs: PairStatistics, fmr: float, measured: Estimate) -> float:
    """The price of a false match rate, between thresholds as far apart as it is uncertain.

    A rate of few errors moves in steps.
    """
    mated = np.sort(pairs.mated)

    def missed(rate: float) -> float:
        limit = np.float64(pairs.similarity(threshold_at(pairs, rate)))
        return float(np.searchsorted(mated, limit) / len(mated))

    step = max(STEP, min(1.0, sqrt(max(1.0, measured.high / max(measured.low, 1e-12))) - 1))
    return price(missed, fmr, 1.01 / pairs.nonmated, step)


def equal_error_moves(pairs: PairStatistics, fmr: float) -> Moves:
    """Moves of the rate at which FMR and FNMR are equal, which is near `fmr`.

    Where both move, they meet at their mean, weighted by how steeply each changes with the threshold.
    """
    found = at_rate(pairs, fmr)
    return found.moves.times(1 / (1 + found.price))
