"""Nearest templates with 8 bits per number, for large galleries; the same results as from float32.

It proves each answer exact: it bounds how far quantization can have moved any score, and looks at more candidates
until no vector that it left out can belong to the answer.
"""

import faiss
import numpy as np
from numpy.typing import NDArray

from mien.gallery.indexes.base import Fetch, Found, Ids, best, distances_to
from mien.gallery.indexes.exact import ExactIndex
from mien.scores import normalize
from mien.types import Floats
from mien.units import Metric


class QuantizedIndex:
    """8 bits per number (faiss scalar quantizer), with candidates scored again in float32 from the store.

    The first vectors set the ranges and the bound on the error of the 8-bit form. Later ones beyond the bound, which
    would loosen it for all, are kept aside in float32.
    """

    def __init__(self, ids: Ids, vectors: Floats, metric: Metric, fetch: Fetch) -> None:
        self._metric, self._fetch = metric, fetch
        kind = faiss.METRIC_INNER_PRODUCT if metric == "cosine" else faiss.METRIC_L2
        self._quantizer = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_8bit, kind)
        self._quantizer.train(_with_room(self._prepared(vectors)))
        self._index = faiss.IndexIDMap2(self._quantizer)
        self._aside = ExactIndex(vectors.shape[1], metric)
        self._error = float(self._encoded(self._prepared(vectors))[1].max())
        self.add(ids, vectors)

    def _prepared(self, vectors: Floats) -> Floats:
        return normalize(vectors) if self._metric == "cosine" else np.ascontiguousarray(vectors, np.float32)

    def _encoded(self, block: Floats) -> tuple[NDArray[np.uint8], Floats]:
        """Codes, and how far each vector is from what its code means."""
        codes = self._quantizer.sa_encode(block)
        return codes, np.sqrt(((block - self._quantizer.sa_decode(codes)) ** 2).sum(axis=1))

    def __len__(self) -> int:
        return int(self._index.ntotal) + len(self._aside)

    def add(self, ids: Ids, vectors: Floats) -> None:
        """See Index."""
        for start in range(0, len(ids), 65536):
            numbers, block = ids[start : start + 65536], self._prepared(vectors[start : start + 65536])
            codes, errors = self._encoded(block)
            inside = errors <= self._error
            self._index.add_sa_codes(codes[inside], np.ascontiguousarray(numbers[inside]))
            self._aside.add(numbers[~inside], vectors[start : start + 65536][~inside])

    def remove(self, ids: Ids) -> None:
        """See Index."""
        self._index.remove_ids(faiss.IDSelectorBatch(np.ascontiguousarray(ids, np.int64)))
        self._aside.remove(ids)

    def search(self, queries: Floats, count: int) -> Found:
        """See Index."""
        aside = self._aside.search(queries, count)
        if not self._index.ntotal:
            return aside
        results: list[tuple[Ids, Floats] | None] = [None] * len(queries)
        wanted = np.arange(len(queries))
        candidates = min(self._index.ntotal, max(64, 4 * count))
        while len(wanted):
            values, ids = self._index.search(self._prepared(queries[wanted]), candidates)
            for query, row, near in zip(wanted, values, ids, strict=True):
                results[query] = self._settle(queries[query], row, near, aside[query], count)
            wanted = np.array([q for q in wanted if results[q] is None], np.int64)
            candidates = min(self._index.ntotal, candidates * 4)
        return [result for result in results if result is not None]

    def _settle(
        self, query: Floats, rough: Floats, ids: Ids, aside: tuple[Ids, Floats], count: int
    ) -> tuple[Ids, Floats] | None:
        """The exact answer, or None where a vector outside of the candidates could belong to it."""
        vectors = self._fetch(ids)
        # Another process may have removed a template that this index still holds.
        present = ~np.isnan(vectors[:, 0])
        distances = distances_to(vectors[present], query[None], self._metric)[0]
        others = -aside[1] if self._metric == "cosine" else aside[1] ** 2
        found, scores = best(
            np.concatenate([ids[present], aside[0]]), np.concatenate([distances, others]), count, self._metric
        )
        if len(ids) == self._index.ntotal:
            return found, scores
        if len(found) < count:
            return None
        if self._metric == "cosine":
            proven = scores[-1] >= rough[-1] + self._error + ROUNDING
        else:
            proven = scores[-1] <= np.sqrt(max(0.0, float(rough[-1]))) - self._error - ROUNDING
        return (found, scores) if proven else None


ROOM = 0.1
"""Share by which each number's range is widened: of templates that come later some lie further out, and one that is
cut off at the end of the range loosens the bound for all."""


def _with_room(vectors: Floats) -> Floats:
    """The vectors and two more, beyond the smallest and the largest of each number."""
    low, high = vectors.min(axis=0), vectors.max(axis=0)
    margin = ROOM / 2 * (high - low)
    return np.concatenate([vectors, [low - margin], [high + margin]]).astype(np.float32)


ROUNDING = 1e-5
"""More than float32 loses in a sum of some hundred products of numbers below 1."""
