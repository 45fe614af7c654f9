"""How sure it is that a face is of the person of its group.

A face counts as the surer, the stricter a threshold it would still pass: it is rated by how many times lower the
false match rate of its mean score to the others of its group is than the rate that was asked for, and than that of
its score to the next group. Of groups of two, the share that chance explains counts besides. Decides nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mien.cluster.linkage import Vectors, as_scores
from mien.cluster.strictness import Strictness
from mien.rates import Indices
from mien.types import Floats, floats
from mien.units import Metric

AT_LIMIT, PER_DECADE = 0.09, 0.5
"""Share of faces in a wrong group where the score only just passes, and the power of ten by which it falls for each
power of ten of the rate: fitted to CelebA (benchmarks/clusters.py)."""
BLOCK = 1024
"""Faces that are compared with all groups at a time."""


@dataclass(frozen=True, slots=True)
class Fits:
    """How faces fit groups. Similarities are those of linkage, NaN where there is nothing to compare with.

    Attributes:
        own: (N,) mean similarity to the other faces of the own group.
        other: (N,) the highest mean similarity to another group.
        nearest: (N,) which group that is; -1 where there is no other.
    """

    own: Floats
    other: Floats
    nearest: Indices


@dataclass(frozen=True, slots=True)
class GroupMeans:
    """The middles of groups.

    Attributes:
        left: (G, E) mean left vectors of linkage.
        right: (G, E) mean right vectors.
        sizes: (G,) number of faces.
    """

    left: Floats
    right: Floats
    sizes: Indices


def group_means(vectors: Vectors, groups: Sequence[Indices]) -> GroupMeans:
    """The middles of groups, each given by the places of its faces."""
    width = vectors.left.shape[1]
    left, right = (
        floats([side[members].mean(axis=0, dtype=np.float64) for members in groups]).reshape(len(groups), width)
        for side in (vectors.left, vectors.right)
    )
    return GroupMeans(left, right, np.array([len(members) for members in groups], np.int64))


def fits(vectors: Vectors, owner: Indices, means: GroupMeans) -> Fits:
    """Compare every face with every group.

    Args:
        vectors: of N faces.
        owner: (N,) the place of each face's group, or -1.
        means: of the groups.
    """
    count, sizes = len(owner), means.sizes
    own, other = (np.full(count, np.nan, np.float32) for _ in range(2))
    nearest = np.full(count, -1, np.int64)
    if not len(sizes):
        return Fits(own, other, nearest)
    for start in range(0, count, BLOCK):
        rows = np.arange(start, min(start + BLOCK, count))
        scores = vectors.left[rows] @ means.right.T
        inside = owner[rows] >= 0
        mine, place = rows[inside], owner[rows[inside]]
        itself = np.einsum("nd,nd->n", vectors.left[mine], vectors.right[mine])
        own[mine] = (scores[inside, place] * sizes[place] - itself) / np.maximum(sizes[place] - 1, 1)
        scores[inside, place] = -np.inf
        best = scores.argmax(axis=1)
        found = np.isfinite(scores[np.arange(len(rows)), best])
        other[rows[found]] = scores[np.arange(len(rows)), best][found]
        nearest[rows[found]] = best[found]
    return Fits(own, other, nearest)


def certainties(found: Fits, strict: Strictness, metric: Metric) -> Floats:
    """(N,) how sure it is that each face is of its group's person, 0 to 1; NaN for faces of no group."""
    own = strict.curve.log_rates(as_scores(found.own, metric))
    beyond_limit = np.log10(strict.join_fmr) - own
    other = strict.curve.log_rates(as_scores(np.nan_to_num(found.other, nan=-np.inf), metric))
    decades = np.fmin(beyond_limit, np.where(np.isnan(found.other), np.inf, other - own))
    return np.asarray(np.clip(1 - AT_LIMIT * 10 ** (-PER_DECADE * decades), 0, 1), np.float32)


def certainties_of_pairs(scores: Floats, singles: int, strict: Strictness) -> Floats:
    """(P,) how sure it is that each group of two faces is one person, 0 to 1.

    Of two faces alone nothing is known but their score, and among many faces some strangers are as alike by chance.
    The share of groups that chance explains at a score is the local false discovery rate: how many pairs of strangers
    are expected there, over how many groups were found there, with a density that falls as scores become worse
    (Grenander's estimator; Strimmer, BMC Bioinformatics 9:303, 2008).

    Args:
        scores: of the groups of two.
        singles: how many faces are in no group of three or more.
        strict: with the thresholds of the card.
    """
    rates = 10.0 ** strict.curve.log_rates(scores).astype(np.float64)
    order = np.argsort(rates, kind="stable")
    expected = np.concatenate([[0.0], rates[order] * singles * (singles - 1) / 2])
    sure = np.empty(len(scores), np.float32)
    sure[order] = np.clip(1 - 1 / np.maximum(_density(expected), 1), 0, 1)
    return sure


def _density(expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """(P,) groups found per group expected: slopes of the lowest concave curve above the counts 0, 1, 2 ..."""
    corners = [0]
    for count in range(1, len(expected)):
        # What is below the line from the corner before it to this count is not a corner.
        while len(corners) > 1 and _slope(expected, corners[-1], count) >= _slope(expected, *corners[-2:]):
            corners.pop()
        corners.append(count)
    slopes = [_slope(expected, a, b) for a, b in pairwise(corners)]
    return np.repeat(slopes, np.diff(corners))


def _slope(expected: NDArray[np.float64], a: int, b: int) -> float:
    return float((b - a) / max(1e-300, expected[b] - expected[a]))
