"""Nearest templates by comparing a query with every one of them, in float32. For galleries of some ten thousand."""

import numpy as np

from mien.gallery.indexes.base import Found, Ids, best, distances_to
from mien.scores import normalize
from mien.types import Floats
from mien.units import Metric


class ExactIndex:
    """All vectors in float32; one matrix product per search, and the best few scored again by difference."""

    def __init__(self, dimension: int, metric: Metric) -> None:
        self._metric = metric
        self._ids = np.empty(0, np.int64)
        self._vectors = np.empty((0, dimension), np.float32)
        self._squares = np.empty(0, np.float32)

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, ids: Ids, vectors: Floats) -> None:
        """See Index."""
        self._ids = np.concatenate([self._ids, ids])
        self._vectors = np.concatenate([self._vectors, vectors.astype(np.float32)])
        self._squares = (self._vectors**2).sum(axis=1)

    def remove(self, ids: Ids) -> None:
        """See Index."""
        kept = ~np.isin(self._ids, ids)
        self._ids, self._vectors = self._ids[kept], self._vectors[kept]
        self._squares = (self._vectors**2).sum(axis=1)

    def search(self, queries: Floats, count: int) -> Found:
        """See Index."""
        if not len(self._ids):
            return [(np.empty(0, np.int64), np.empty(0, np.float32))] * len(queries)
        if self._metric == "cosine":
            products = normalize(queries) @ self._vectors.T
            rough = -products / np.maximum(np.sqrt(self._squares), 1e-12)
        else:
            rough = self._squares - 2 * (queries @ self._vectors.T)
        return [self._settle(query, row, count) for query, row in zip(queries, rough, strict=True)]

    def _settle(self, query: Floats, rough: Floats, count: int) -> tuple[Ids, Floats]:
        # The product form of L2 cancels digits, so the front runners are scored again by difference.
        near = min(len(rough), count + 16)
        chosen = np.argpartition(rough, near - 1)[:near]
        distances = distances_to(self._vectors[chosen], query[None], self._metric)[0]
        return best(self._ids[chosen], distances, count, self._metric)
