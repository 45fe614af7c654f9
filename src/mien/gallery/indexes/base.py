"""What a gallery asks of its index: templates in memory or in a search engine, and the nearest ones to a query.

An index holds template ids and vectors and nothing else; the store is the truth that it is rebuilt from.
"""

from collections.abc import Callable
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from mien.scores import normalize
from mien.types import Floats
from mien.units import Metric

Ids = NDArray[np.int64]

Fetch = Callable[[Ids], Floats]
"""Gives the float32 vectors of some template ids in their order, NaN for one that was removed; the array is the
caller's, who overwrites it after use."""

Found = list[tuple[Ids, Floats]]
"""Per query: ids of the best templates, best first, and their scores in the metric's unit (cosine or L2)."""


class Index(Protocol):
    """A view of templates that can be searched, by several threads at once.

    Adding and removing make a new view, one caller at a time; whoever searches this one is not disturbed. What is
    removed is overwritten in all views, so an older view may miss it too.
    """

    def __len__(self) -> int: ...

    def add(self, ids: Ids, vectors: Floats) -> Self:
        """A view with more templates; vectors are (N, D) float32."""
        ...

    def remove(self, ids: Ids) -> Self:
        """A view without some templates; unknown ids are ignored."""
        ...

    def search(self, queries: Floats, count: int) -> Found:
        """Find the best templates of each query. Results are exact; of equal scores the smaller id comes first.

        Args:
            queries: (Q, D) float32.
            count: how many to give; fewer come where there are fewer.
        """
        ...


Build = Callable[[Ids, Floats, Metric, Fetch], Index]
"""Makes an index of some first templates; more are added later."""


def distances_to(vectors: Floats, queries: Floats, metric: Metric) -> Floats:
    """Distances (Q, N): minus the cosine, or squared L2 by difference, exact for close vectors."""
    if metric == "cosine":
        # Vectors are not divided by their lengths first: that would leave a copy of them in memory.
        lengths = np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)
        return np.asarray(-(normalize(queries) @ vectors.T) / lengths, np.float32)
    return np.stack([((vectors - query) ** 2).sum(axis=1) for query in queries])


def best(ids: Ids, distances: Floats, count: int, metric: Metric) -> tuple[Ids, Floats]:
    """The smallest distances in order, as scores; of equal ones the smaller id comes first."""
    count = min(count, len(ids))
    if 0 < count < len(ids):
        bound = np.partition(distances, count - 1)[count - 1]
        near = np.flatnonzero(distances <= bound)
        ids, distances = ids[near], distances[near]
    order = np.lexsort((ids, distances))[:count]
    chosen = distances[order]
    return ids[order], (-chosen if metric == "cosine" else np.sqrt(np.maximum(chosen, 0))).astype(np.float32)
