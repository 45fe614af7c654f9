"""The index of a gallery whose vectors are in a database: the database finds candidates, and the file says whose.

Candidates are scored again by their float32 vectors, which are compared with the hash that the file keeps of each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mien.gallery.indexes.base import Found, Ids, best, distances_to
from mien.types import floats

if TYPE_CHECKING:
    from mien.gallery.stores.sqlite_outside import SqliteOutside
    from mien.gallery.vectors.base import Near, VectorStore
    from mien.types import Floats
    from mien.units import Metric


class OutsideIndex:
    """See Index. Adding and removing are the database's own, so a view of it is always the present one.

    Args:
        effort: asked for before each search, by how many templates there are: see VectorStore.nearest.
    """

    def __init__(
        self, file: SqliteOutside, vectors: VectorStore, metric: Metric, effort: Callable[[int], int | None]
    ) -> None:
        self._effort = effort
        self._file, self._vectors, self._metric = file, vectors, metric

    def __len__(self) -> int:
        return self._file.count()

    def add(self, ids: Ids, vectors: Floats) -> OutsideIndex:
        """See Index."""
        return self

    def remove(self, ids: Ids) -> OutsideIndex:
        """See Index."""
        return self

    def search(self, queries: Floats, count: int) -> Found:
        """See Index; proven where the effort says so, else most of the nearest are found."""
        results: Found = [(np.empty(0, np.int64), np.empty(0, np.float32))] * len(queries)
        total = len(self)
        effort = self._effort(total)
        pending, depth = list(range(len(queries))), count
        while pending and total:
            found = self._vectors.nearest(floats(queries)[pending], depth, effort=effort)
            for place, near in zip(pending, found, strict=True):
                results[place] = self._ordered(queries[place], near, count)
            # Vectors that the file does not have any more take places of others.
            pending = [place for place in pending if len(results[place][0]) < min(count, total)]
            if depth >= 4 * total:
                break
            depth *= 4
        return results

    def _ordered(self, query: Floats, near: Near, count: int) -> tuple[Ids, Floats]:
        numbers = self._file.intact_numbers(near)
        known = [place for place, one in enumerate(near.ids) if one in numbers]
        ids = np.array([numbers[near.ids[place]] for place in known], np.int64)
        distances = distances_to(near.vectors[known], query[None], self._metric)[0] if known else floats([])
        return best(ids, distances, count, self._metric)
