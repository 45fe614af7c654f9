"""Nearest templates by comparing a query with every one of them, in float32. For galleries of some ten thousand."""

import numpy as np

from mien.gallery.indexes.base import Found, Ids, best, distances_to
from mien.scores import normalize
from mien.types import Floats
from mien.units import Metric

GONE = -1
"""In the place of the id of a template that was removed."""


class _Rows:
    """Room for templates, which several views share. Rows that a view has do not change, unless they are removed."""

    def __init__(self, capacity: int, dimension: int) -> None:
        self.ids = np.full(capacity, GONE, np.int64)
        self.vectors = np.zeros((capacity, dimension), np.float32)
        self.squares = np.zeros(capacity, np.float32)
        self.used = 0

    def append(self, ids: Ids, vectors: Floats) -> None:
        place = slice(self.used, self.used + len(ids))
        self.vectors[place] = vectors
        self.squares[place] = (self.vectors[place] ** 2).sum(axis=1)
        self.ids[place] = ids
        self.used += len(ids)


class ExactIndex:
    """All vectors in float32; one matrix product per search, and the best few scored again by difference.

    A view of rows that grow by doubling: adding writes behind the rows of all views there are.
    """

    def __init__(self, dimension: int, metric: Metric) -> None:
        self._metric = metric
        self._rows = _Rows(0, dimension)
        self._length = self._present = 0

    def __len__(self) -> int:
        return self._present

    def _with(self, rows: _Rows, present: int) -> "ExactIndex":
        view = ExactIndex.__new__(ExactIndex)
        view._metric, view._rows, view._length, view._present = self._metric, rows, rows.used, present
        return view

    def add(self, ids: Ids, vectors: Floats) -> "ExactIndex":
        """See Index."""
        rows = self._rows
        # Behind an older view there are rows of a newer one.
        if self._length < rows.used or rows.used + len(ids) > len(rows.ids):
            kept_ids, kept = self.content()
            rows = _Rows(max(64, 2 * (len(kept_ids) + len(ids))), vectors.shape[1])
            rows.append(kept_ids, kept)
        rows.append(ids, vectors.astype(np.float32))
        return self._with(rows, self._present + len(ids))

    def remove(self, ids: Ids) -> "ExactIndex":
        """See Index. The vectors are overwritten in all views."""
        rows = self._rows
        gone = np.flatnonzero(np.isin(rows.ids[: self._length], ids[ids != GONE]))
        rows.ids[gone], rows.vectors[gone], rows.squares[gone] = GONE, 0, 0
        return self._with(rows, self._present - len(gone))

    def content(self) -> tuple[Ids, Floats]:
        """The ids and vectors of all templates."""
        present = np.flatnonzero(self._rows.ids[: self._length] != GONE)
        return self._rows.ids[present], self._rows.vectors[present]

    def search(self, queries: Floats, count: int) -> Found:
        """See Index."""
        if not self._present:
            return [(np.empty(0, np.int64), np.empty(0, np.float32))] * len(queries)
        vectors, squares = self._rows.vectors[: self._length], self._rows.squares[: self._length]
        if self._metric == "cosine":
            products = normalize(queries) @ vectors.T
            rough = -products / np.maximum(np.sqrt(squares), 1e-12)
        else:
            rough = squares - 2 * (queries @ vectors.T)
        rough[:, self._rows.ids[: self._length] == GONE] = np.inf
        return [self._settle(query, row, count) for query, row in zip(queries, rough, strict=True)]

    def _settle(self, query: Floats, rough: Floats, count: int) -> tuple[Ids, Floats]:
        # The product form of L2 cancels digits, so the front runners are scored again by difference.
        near = min(len(rough), count + 16)
        chosen = np.argpartition(rough, near - 1)[:near]
        ids = self._rows.ids[chosen]
        vectors = self._rows.vectors[chosen]
        distances = distances_to(vectors, query[None], self._metric)[0]
        # Freed memory keeps its content, and somebody may be erased later.
        vectors.fill(0)
        present = ids != GONE
        return best(ids[present], distances[present], count, self._metric)
