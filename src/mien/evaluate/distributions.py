"""How far the scores of mated and of non-mated comparisons are apart: d', with its interval by subject.

d' is a function of four means, so its interval rests on how far each of them moves without a subject, times what d'
changes with it (the delta method). Knows no threshold.
"""

from math import sqrt

import numpy as np

from mien.evaluate.list_rates import mean_moves, own_numbers
from mien.evaluate.pair_lists import ScoredPairs
from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.score_blocks import BINS
from mien.rates import Doubles, Estimate, Moves, effective_number, moves_of_subjects, student, without_each
from mien.types import Floats


def decidability(mated: Floats, nonmated_mean: float, nonmated_variance: float) -> float:
    """d', the distance of the two distributions in their common deviation (Daugman, 2003).

    d' = |mean_1 - mean_2| / sqrt((variance_1 + variance_2) / 2)
    """
    spread = sqrt((float(mated.var()) + nonmated_variance) / 2)
    return abs(float(mated.mean()) - nonmated_mean) / max(spread, 1e-12)


def moments(pairs: PairStatistics) -> tuple[float, float]:
    """Mean and variance of all non-mated similarities, from the histogram."""
    counts, middles = pairs.histogram.sum(axis=0).astype(np.float64), _middles(pairs)
    mean = float((counts * middles).sum() / counts.sum())
    return mean, float((counts * (middles - mean) ** 2).sum() / counts.sum())


def separation(pairs: PairStatistics) -> Estimate:
    """d' of all comparisons of a set that has mated and non-mated ones."""
    mean, variance = moments(pairs)
    mated = pairs.mated.astype(np.float64)
    value = decidability(pairs.mated, mean, variance)
    spread = sqrt(max((float(mated.var()) + variance) / 2, 1e-24))
    _, dense = np.unique(pairs.subjects, return_inverse=True)
    owner, subjects = dense[pairs.mated_samples[:, 0]], int(dense.max()) + 1
    sums = np.bincount(owner, _worth(mated, float(mated.mean()), spread, value), minlength=subjects)
    own = moves_of_subjects(sums, np.bincount(owner, minlength=subjects))
    return _estimate(value, own, _moves_of_drawn(pairs, _worth(-_middles(pairs), -mean, spread, value)), len(mated))


def list_separation(pairs: ScoredPairs) -> Estimate:
    """d' of a list of pairs, of those that have a score."""
    known = pairs.take(np.isfinite(pairs.scores))
    who, scores = own_numbers(known), known.scores.astype(np.float64)
    mated, other, subjects = scores[known.mated], scores[~known.mated], int(who.max()) + 1
    value = decidability(known.scores[known.mated], float(other.mean()), float(other.var()))
    spread = sqrt(max((float(mated.var()) + float(other.var())) / 2, 1e-24))
    own = mean_moves(_worth(mated, float(mated.mean()), spread, value), who[known.mated], subjects)
    apart = mean_moves(_worth(-other, -float(other.mean()), spread, value), who[~known.mated], subjects)
    return _estimate(value, own, apart, len(scores))


def _middles(pairs: PairStatistics) -> Doubles:
    return np.asarray(pairs.low + (np.arange(BINS) - 0.5) * pairs.width, np.float64)


def _worth(scores: Doubles, mean: float, spread: float, value: float) -> Doubles:
    """What each score adds to d', to the first order: by the mean and by the variance of its kind."""
    return np.asarray(scores / spread - value / (4 * spread**2) * (scores - mean) ** 2, np.float64)


def _moves_of_drawn(pairs: PairStatistics, worth: Doubles) -> Moves:
    """Moves of the mean worth of all non-mated comparisons, from the histograms of the subjects that were drawn."""
    counts = pairs.histogram.sum(axis=0).astype(np.float64)
    drawn, total = pairs.drawn_histogram.astype(np.float64), float(counts.sum())
    all_worth, subjects = float(counts @ worth), len(np.unique(pairs.subjects))
    trials = drawn.sum(axis=1)
    return Moves(
        each=without_each(drawn @ worth, trials, all_worth, total),
        subjects=subjects,
        effective=effective_number(trials) * subjects / len(drawn),
        twice=float(counts @ (worth - all_worth / total) ** 2) / total**2,
        share=len(drawn) / subjects,
    )


def _estimate(value: float, own: Moves, apart: Moves, count: int) -> Estimate:
    if len(own.each) == len(apart.each):
        moves = own.plus(apart, 1.0)
    else:
        # Only some subjects' non-mated comparisons are known, so both parts are taken as independent.
        moves = own.times(sqrt(1 + apart.variance / max(own.variance, 1e-300)))
    reach = student(moves.freedom) * sqrt(moves.variance)
    return Estimate(value, max(0.0, value - reach), value + reach, count, max(own.missing, apart.missing))
