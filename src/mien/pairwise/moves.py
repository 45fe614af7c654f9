"""How far the rates of a set move when one subject is left out, for whatever is made of several rates.

FNMR at a wanted FMR has the noise of its threshold too: a set with a few more false matches gets a stricter
threshold, and with it more false non-matches. So its moves are those of the FNMR plus those of the FMR, times what
one costs of the other. The same holds for the equal error rate and for the difference of two models. Prints nothing.
"""

from dataclasses import dataclass, replace
from math import exp, sqrt

import numpy as np

from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.rates_at import (
    comparisons_of,
    count_matches,
    fmr_at,
    fnmr_at,
    is_kept,
    kept_matches,
    threshold_at,
)
from mien.rates import Doubles, Estimate, Indices, Moves, moves_of_pairs, moves_of_subjects, rate_of_moves

STEP = 0.25
"""Least relative step of the FMR, over which its price in FNMR is measured."""


def fnmr_moves(pairs: PairStatistics, threshold: float) -> Moves:
    """Moves of the false non-match rate at a fixed threshold; of all subjects, in the order of their numbers."""
    _, dense = np.unique(pairs.subjects, return_inverse=True)
    owner = dense[pairs.mated_samples[:, 0]]
    missed = pairs.mated < np.float64(pairs.similarity(threshold))
    subjects = int(dense.max()) + 1
    errors = np.bincount(owner, missed, minlength=subjects)
    return moves_of_subjects(errors, np.bincount(owner, minlength=subjects))


def fmr_moves(pairs: PairStatistics, threshold: float) -> Moves | None:
    """Moves of the false match rate at a fixed threshold; None where not all its matches are kept."""
    similarity = pairs.similarity(threshold)
    if not is_kept(pairs, similarity):
        return None
    who, samples = kept_matches(pairs, similarity)
    return moves_of_pairs(count_matches(who, samples, comparisons_of(samples), float(pairs.nonmated)))


def price(pairs: PairStatistics, fmr: float) -> float:
    """What a false match rate costs of the other: how much the FNMR rises while the FMR falls by one unit.

    Measured between thresholds on both sides, as far apart as the FMR is uncertain, since a rate of few errors moves
    in steps.
    """
    measured = fmr_at(pairs, threshold_at(pairs, fmr))
    step = max(STEP, min(1.0, sqrt(max(1.0, measured.high / max(measured.low, 1e-12))) - 1))
    loose = min(0.9, fmr * exp(step))
    strict = max(fmr * exp(-step), 1.01 / pairs.nonmated)
    mated = np.sort(pairs.mated)
    missed = [
        float(np.searchsorted(mated, np.float64(pairs.similarity(threshold_at(pairs, rate)))) / len(mated))
        for rate in (strict, loose)
    ]
    return max(0.0, missed[0] - missed[1]) / (loose - strict)


def fnmr_for(pairs: PairStatistics, fmr: float) -> Estimate:
    """The false non-match rate at the threshold for a wanted false match rate, with the threshold's own noise.

    Raises:
        ValueError: the set cannot show that rate.
    """
    threshold = threshold_at(pairs, fmr)
    alone = fnmr_at(pairs, threshold)
    if alone.value in (0.0, 1.0) or not alone.count:
        return alone
    return rate_of_moves(alone.value, fnmr_moves_for(pairs, fmr), alone.count)


@dataclass(frozen=True, slots=True, eq=False)
class KeptWorth:
    """What the accepted non-mated comparisons are worth in FNMR.

    Attributes:
        who: (K, 2) the subjects of each.
        samples: (S,) samples of each subject.
        price: see `price`.
    """

    who: Indices
    samples: Doubles
    price: float


def kept_worth(pairs: PairStatistics, fmr: float) -> KeptWorth | None:
    """The accepted non-mated comparisons at a wanted false match rate; None where not all are kept."""
    similarity = pairs.similarity(threshold_at(pairs, fmr))
    return KeptWorth(*kept_matches(pairs, similarity), price(pairs, fmr)) if is_kept(pairs, similarity) else None


def fnmr_moves_for(pairs: PairStatistics, fmr: float) -> Moves:
    """Moves of the false non-match rate at a wanted false match rate."""
    threshold = threshold_at(pairs, fmr)
    own, cost = fnmr_moves(pairs, threshold), price(pairs, fmr)
    other = fmr_moves(pairs, threshold)
    if other is not None:
        return own.plus(other, cost)
    # Of the many matches at so loose a rate nobody knows whose they are: both parts are taken as independent.
    measured = fmr_at(pairs, threshold)
    variance = ((measured.high - measured.low) / 4) ** 2
    grown = sqrt(1 + cost**2 * variance / max(own.variance, 1e-300))
    return replace(own, each=own.each * grown)


def equal_error_moves(pairs: PairStatistics, fmr: float) -> Moves:
    """Moves of the rate at which FMR and FNMR are equal, which is near `fmr`.

    Where both move, they meet at their mean, weighted by how steeply each changes with the threshold.
    """
    return fnmr_moves_for(pairs, fmr).times(1 / (1 + price(pairs, fmr)))
