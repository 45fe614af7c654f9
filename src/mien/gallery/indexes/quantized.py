"""Nearest templates with 8 bits per number, for large galleries; the same results as from float32.

It proves each answer exact: it bounds how far rounding can have moved any score, and looks at more candidates until
no vector that it left out can belong to the answer. Products of whole numbers of 8 bits are what a processor is
quickest at: one query reads the codes at the speed of the memory, parts of them on all cores.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import faiss
import numpy as np
from numpy.typing import NDArray

from mien.gallery.indexes.base import Fetch, Found, Ids, best, distances_to
from mien.gallery.indexes.exact import GONE, ExactIndex
from mien.models.engines import usable_cores
from mien.scores import normalize
from mien.types import Floats
from mien.units import Metric

LARGEST, MIDDLE = 127, 128
"""The largest code, and what is added to codes so that they are not negative."""

FITTING = 0.99
"""Share of the first vectors that the range of the codes holds. The others stay in float32: a few numbers that are
far out would make the steps of all codes coarser, and the bound looser."""

NEWEST = 16_384
"""Templates that wait in float32 until codes are made of them."""

PART = 65_536
"""Templates of a part at most, so that there is a part for every core."""

CANDIDATES = 128
"""Templates that are scored again at first. Reading them takes less time than searching all codes once more does."""

ROUNDING = 1e-5
"""More than float32 loses in a sum of some hundred products of numbers below 1."""


class _Coder:
    """Whole numbers of 8 bits for vectors, all in one scale.

    Attributes:
        scale: codes per unit.
        error: how far a vector may be from what its codes mean.
    """

    def __init__(self, vectors: Floats) -> None:
        furthest = np.abs(vectors).max(axis=1)
        limit = max(float(np.quantile(furthest, FITTING)), 1e-12)
        self.scale = LARGEST / limit
        self.error = float(_rounded(vectors[furthest <= limit], self.scale)[1].max())

    def encode(self, vectors: Floats) -> tuple[NDArray[np.uint8], Floats]:
        """Codes (N, D), and how far each vector is from what its codes mean."""
        whole, errors = _rounded(vectors, self.scale)
        return (whole + MIDDLE).astype(np.uint8), errors


def _rounded(vectors: Floats, scale: float | Floats) -> tuple[Floats, Floats]:
    """Vectors as whole numbers of codes, and how far each of them is moved by that."""
    whole = np.clip(np.rint(vectors * np.float32(scale)), -LARGEST, LARGEST)
    return whole, np.sqrt(((vectors - whole / np.float32(scale)) ** 2).sum(axis=1))


class _Part:
    """Codes of some templates. Nothing is added to it; what is removed is overwritten in place."""

    def __init__(self, ids: Ids, codes: NDArray[np.uint8], metric: Metric) -> None:
        kind = faiss.METRIC_INNER_PRODUCT if metric == "cosine" else faiss.METRIC_L2
        signed = faiss.ScalarQuantizer.QT_8bit_direct_signed
        self.ids = ids.copy()
        self.present = len(ids)
        self._index = faiss.IndexScalarQuantizer(codes.shape[1], signed, kind)
        self._index.add_sa_codes(np.ascontiguousarray(codes))

    def remove(self, ids: Ids) -> None:
        """Overwrite the codes of templates that it has."""
        gone = np.flatnonzero(np.isin(self.ids, ids[ids != GONE]))
        if not len(gone):
            return
        self.ids[gone] = GONE
        codes = faiss.rev_swig_ptr(self._index.codes.data(), self._index.codes.size())
        codes.reshape(len(self.ids), -1)[gone] = MIDDLE
        self.present -= len(gone)

    def search(self, whole: Floats, count: int) -> tuple[Floats, Ids]:
        """Raw values (Q, count) and ids (Q, count) of the best codes, for queries as whole numbers."""
        values, places = self._index.search(whole, min(count, len(self.ids)))
        return values, self.ids[places]


@cache
def _workers() -> ThreadPoolExecutor:
    """Threads that search parts side by side; each of them starts none of its own."""
    return ThreadPoolExecutor(usable_cores(), "mien-search", lambda: faiss.omp_set_num_threads(1))


class QuantizedIndex:
    """8 bits per number (faiss), with candidates scored again in float32 from the store.

    A view of parts to which nothing is added, of the newest templates in float32, and of templates that the codes of
    the first vectors do not fit, which would loosen the bound for all.
    """

    def __init__(self, ids: Ids, vectors: Floats, metric: Metric, fetch: Fetch) -> None:
        self._metric, self._fetch = metric, fetch
        self._coder = _Coder(self._prepared(vectors))
        self._parts: tuple[_Part, ...] = ()
        self._newest = self._aside = ExactIndex(vectors.shape[1], metric)
        self._make_parts(ids, vectors)

    def _prepared(self, vectors: Floats) -> Floats:
        return normalize(vectors) if self._metric == "cosine" else np.ascontiguousarray(vectors, np.float32)

    def __len__(self) -> int:
        return sum(part.present for part in self._parts) + len(self._newest) + len(self._aside)

    def _copy(self) -> "QuantizedIndex":
        view = QuantizedIndex.__new__(QuantizedIndex)
        view._metric, view._fetch, view._coder = self._metric, self._fetch, self._coder
        view._parts, view._newest, view._aside = self._parts, self._newest, self._aside
        return view

    def add(self, ids: Ids, vectors: Floats) -> "QuantizedIndex":
        """See Index."""
        view = self._copy()
        if len(self._newest) + len(ids) < NEWEST:
            view._newest = self._newest.add(ids, vectors)
            return view
        waiting, waiting_vectors = self._newest.content()
        view._newest = ExactIndex(vectors.shape[1], self._metric)
        view._make_parts(
            np.concatenate([waiting, ids]), np.concatenate([waiting_vectors, vectors.astype(np.float32)])
        )
        return view

    def _make_parts(self, ids: Ids, vectors: Floats) -> None:
        """Make codes of templates; those that the codes do not fit stay in float32."""
        for start in range(0, len(ids), PART):
            numbers, block = ids[start : start + PART], vectors[start : start + PART]
            codes, errors = self._coder.encode(self._prepared(block))
            inside = errors <= self._coder.error
            self._parts += (_Part(numbers[inside], codes[inside], self._metric),)
            self._aside = self._aside.add(numbers[~inside], block[~inside])

    def remove(self, ids: Ids) -> "QuantizedIndex":
        """See Index. Codes and vectors are overwritten in all views."""
        view = self._copy()
        for part in self._parts:
            part.remove(ids)
        view._newest, view._aside = self._newest.remove(ids), self._aside.remove(ids)
        return view

    def search(self, queries: Floats, count: int) -> Found:
        """See Index."""
        newest, aside = self._newest.search(queries, count), self._aside.search(queries, count)
        others = [_both(one, other) for one, other in zip(newest, aside, strict=True)]
        held = sum(len(part.ids) for part in self._parts)
        if not held:
            nothing = np.empty(0, np.int64)
            settled = (
                self._settle(query, nothing, np.inf, near, count) for query, near in zip(queries, others, strict=True)
            )
            return [result for result in settled if result is not None]
        results: list[tuple[Ids, Floats] | None] = [None] * len(queries)
        wanted, candidates = np.arange(len(queries)), min(held, max(CANDIDATES, 6 * count))
        while len(wanted):
            rough, ids, slack = self._nearest(self._prepared(queries[wanted]), candidates)
            for place, query in enumerate(wanted):
                limit = np.inf if candidates == held else rough[place][-1] - slack[place]
                results[query] = self._settle(queries[query], ids[place], float(limit), others[query], count)
            wanted = np.array([q for q in wanted if results[q] is None], np.int64)
            candidates = min(held, candidates * 4)
        return [result for result in results if result is not None]

    def _nearest(self, prepared: Floats, count: int) -> tuple[Floats, Ids, Floats]:
        """The best codes of all parts.

        Returns:
            (Q, count) rough distances in order: minus the cosine, or L2; (Q, count) ids, GONE where there is nothing
            any more; (Q,) how far a distance may be from the true one.
        """
        # A query of unit length has a scale of its own, by which its largest number fits.
        largest = np.maximum(np.abs(prepared).max(axis=1, keepdims=True), 1e-12)
        scale = LARGEST / largest if self._metric == "cosine" else np.full_like(largest, self._coder.scale)
        whole, moved = _rounded(prepared, scale)
        parts = [part for part in self._parts if len(part.ids)]
        if len(prepared) == 1:
            found = list(_workers().map(lambda part: part.search(whole, count), parts))
        else:
            found = [part.search(whole, count) for part in parts]
        raw = np.concatenate([values for values, _ in found], axis=1)
        ids = np.concatenate([ids for _, ids in found], axis=1)
        error = self._coder.error
        if self._metric == "cosine":
            rough, slack = -raw / (scale * self._coder.scale), error + moved * (1 + error)
        else:
            rough, slack = np.sqrt(np.maximum(raw, 0)) / self._coder.scale, error + moved
        order = np.argsort(rough, axis=1, kind="stable")[:, :count]
        return np.take_along_axis(rough, order, 1), np.take_along_axis(ids, order, 1), slack

    def _settle(
        self, query: Floats, ids: Ids, limit: float, others: tuple[Ids, Floats], count: int
    ) -> tuple[Ids, Floats] | None:
        """The exact answer, or None where one that is not a candidate, at the limit or beyond, could belong to it."""
        ids = ids[ids != GONE]
        vectors = self._fetch(ids)
        # Another process may have removed a template that this index still holds.
        present = ~np.isnan(vectors[:, 0])
        distances = distances_to(vectors, query[None], self._metric)[0][present]
        # Freed memory keeps its content, and somebody may be erased later.
        vectors.fill(0)
        float_distances = -others[1] if self._metric == "cosine" else others[1] ** 2
        found, scores = best(
            np.concatenate([ids[present], others[0]]),
            np.concatenate([distances, float_distances]),
            count,
            self._metric,
        )
        if limit == np.inf:
            return found, scores
        if len(found) < count:
            return None
        last = -scores[-1] if self._metric == "cosine" else scores[-1]
        return (found, scores) if last <= limit - ROUNDING else None


def _both(one: tuple[Ids, Floats], other: tuple[Ids, Floats]) -> tuple[Ids, Floats]:
    return np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1]])
