"""Error versus discard: how FNMR falls when the comparisons of lowest quality are left out. Measures no quality.

The quality of a comparison is the lower one of its two samples, the threshold is fixed where nothing is discarded,
and at most the wanted share of the comparisons is discarded; comparisons of equal quality go together (Grother and
Tabassi, IEEE TPAMI 29(4), 2007; ISO/IEC 29794-1:2024, error versus discard characteristic). The area under the curve
up to a limit is compared with that of a quality that says nothing, which keeps the rate as it is, and with that of
one that finds every error first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien.pairwise.all_pairs import PairStatistics
from mien.rates import Doubles, Estimate, Indices, Moves, moves_of_subjects, rate_of_moves, rate_of_subjects
from mien.types import Floats

LIMIT = 0.2
"""The share up to which the area is taken; a system that refuses more than every fifth image is not used."""
STEPS = 21
"""Points of the curve, both ends included."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DiscardCurve:
    """FNMR while comparisons of low quality are discarded.

    Attributes:
        shares: (K,) wanted shares of comparisons to discard, from 0.
        fnmr: K rates of the comparisons that are left.
        ideal: (K,) the rate if every error were discarded first.
        area: the mean of FNMR over the shares, with its interval.
        gain: how much of the possible gain in area the quality has: 0 for one that says nothing, 1 for an ideal one,
            below 0 for one that discards the wrong comparisons; NaN where there are no errors.
        left_out: mated comparisons with a sample whose quality is not known.
    """

    shares: Doubles
    fnmr: tuple[Estimate, ...]
    ideal: Doubles
    area: Estimate
    gain: float
    left_out: int


def discard_curve(pairs: PairStatistics, quality: Floats, threshold: float, limit: float = LIMIT) -> DiscardCurve:
    """The curve of one quality.

    Args:
        pairs: all comparisons of a set, with mated ones.
        quality: (N,) of each sample, more is better; NaN where it is not known.
        threshold: in the metric's unit.
        limit: the last share.
    """
    of_pair = quality[pairs.mated_samples].min(axis=1)
    known = np.flatnonzero(~np.isnan(of_pair))
    missed = (pairs.mated < np.float64(pairs.similarity(threshold)))[known]
    _, dense = np.unique(pairs.subjects, return_inverse=True)
    owner, subjects = dense[pairs.mated_samples[known, 0]], int(dense.max()) + 1
    shares = np.linspace(0, limit, STEPS)
    kept = [keep_best(of_pair[known], float(share)) for share in shares]
    counts = [
        (np.bincount(owner[rows], missed[rows], minlength=subjects), np.bincount(owner[rows], minlength=subjects))
        for rows in kept
    ]
    fnmr = tuple(rate_of_subjects(*pair) for pair in counts)
    first = fnmr[0].value
    ideal = np.maximum(0.0, first - shares) / (1 - shares)
    area = _area(fnmr, [moves_of_subjects(*pair) for pair in counts])
    possible = first - _mean(ideal)
    gain = (first - area.value) / possible if possible > 0 else float("nan")
    return DiscardCurve(
        shares=shares, fnmr=fnmr, ideal=ideal, area=area, gain=gain, left_out=len(of_pair) - len(known)
    )


def keep_best(quality: Floats, share: float) -> Indices:
    """Which comparisons stay when at most a share of them is discarded, the lowest first; equal ones together."""
    order = np.argsort(quality, kind="stable")
    allowed = int(share * len(quality) + 1e-9)
    while 0 < allowed < len(quality) and quality[order[allowed - 1]] == quality[order[allowed]]:
        allowed -= 1
    return np.sort(order[allowed:]).astype(np.int64)


def _area(fnmr: Sequence[Estimate], moves: Sequence[Moves]) -> Estimate:
    """The mean over the curve by trapezes; its moves are the mean of the moves, of the same subjects."""
    weights = _weights(len(fnmr))
    value = float(sum(weight * rate.value for weight, rate in zip(weights, fnmr, strict=True)))
    if not 0 < value < 1:
        return fnmr[0]
    total = moves[0].times(weights[0])
    for weight, one in zip(weights[1:], moves[1:], strict=True):
        total = total.plus(one, weight)
    return rate_of_moves(value, total, fnmr[0].count)


def _weights(count: int) -> list[float]:
    """Of the points of a curve, so that they add up to 1: the ends weigh half."""
    return [(0.5 if place in (0, count - 1) else 1.0) / (count - 1) for place in range(count)]


def _mean(values: Doubles) -> float:
    return float(sum(weight * float(value) for weight, value in zip(_weights(len(values)), values, strict=True)))
