"""Nearest templates with 8 bits per number, for large galleries; the same results as from float32.

It proves each answer exact: it bounds how far rounding can have moved any score, and looks at more candidates until
no vector that it left out can belong to the answer. Products of whole numbers of 8 bits are what a processor is
quickest at: one query reads the codes at the speed of the memory, parts of them on all cores, and many queries
together are one product of matrices for each block of codes (see code_blocks.py).
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial

import faiss
import numpy as np
from numpy.typing import NDArray

from mien.gallery.indexes.base import Fetch, Found, Ids, best, distances_to
from mien.gallery.indexes.code_blocks import (
    LARGEST,
    MIDDLE,
    FloatProducts,
    Hits,
    Limits,
    PiecewiseProducts,
    Products,
    joined,
    search_blocks,
    squares_of,
)
from mien.gallery.indexes.exact import GONE, ExactIndex
from mien.models.engines import usable_cores
from mien.models.integer_products import LONGEST, integer_products
from mien.scores import normalize
from mien.types import Floats, floats
from mien.units import Metric

FITTING = 0.99
"""Share of the first vectors that the range of the codes holds. The others stay in float32: a few numbers that are
far out would make the steps of all codes coarser, and the bound looser."""

NEWEST = 16_384
"""Templates that wait in float32 until codes are made of them."""

PART = 65_536
"""Templates of a part at most, so that there is a part for every core."""

CANDIDATES = 128
"""Candidates at first. Reading them takes less time than searching all codes once more does."""

FIRST = 16
"""Candidates beyond those wanted that are scored first; their scores rule most of the others out unread."""

TOGETHER, QUERIES = 8, 64
"""Queries from which on a product of matrices is quicker than one query after another, and of one product at most."""

PIECES = 16
"""Into how many pieces of 8 bits a query by L2 is cut at most; a query that is further out is cut off."""

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


def _rounded(vectors: Floats, scale: float | Floats, largest: int = LARGEST) -> tuple[Floats, Floats]:
    """Vectors as whole numbers of codes, and how far each of them is moved by that."""
    whole = np.clip(np.rint(vectors * np.float32(scale)), -largest, largest)
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
        self._squares = None if metric == "cosine" else squares_of(codes)

    def _codes(self) -> NDArray[np.uint8]:
        """(N, D), in the memory of the index."""
        codes: NDArray[np.uint8] = faiss.rev_swig_ptr(self._index.codes.data(), self._index.codes.size())
        return codes.reshape(len(self.ids), -1)

    def remove(self, ids: Ids) -> None:
        """Overwrite the codes of templates that it has."""
        gone = np.flatnonzero(np.isin(self.ids, ids[ids != GONE]))
        if not len(gone):
            return
        self.ids[gone] = GONE
        self._codes()[gone] = MIDDLE
        if self._squares is not None:
            self._squares[gone] = 0
        self.present -= len(gone)

    def search(self, whole: Floats, count: int) -> tuple[Floats, Ids]:
        """Raw values (Q, count) and ids (Q, count) of the best codes, for queries as whole numbers."""
        values, places = self._index.search(whole, min(count, len(self.ids)))
        return values, self.ids[places]

    def search_blocks(self, products: Products, whole: Floats, limits: Limits) -> Hits:
        """The same for many queries, with ids in the place of rows."""
        hits = search_blocks(products, self._codes(), whole, limits, self._squares)
        return replace(hits, rows=self.ids[hits.rows])


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
        results: list[tuple[Ids, Floats]] = [_both(one, other) for one, other in zip(newest, aside, strict=True)]
        held = sum(len(part.ids) for part in self._parts)
        wanted, candidates = np.arange(len(queries)), min(held, max(CANDIDATES, 6 * count))
        others = [self._best(one, _NOTHING, count) for one in results]
        if not held:
            return others
        while len(wanted):
            rough, ids, slack = self._nearest(self._prepared(queries[wanted]), candidates)
            settled = self._settle(queries[wanted], rough, ids, slack, [others[query] for query in wanted], count)
            limits = rough[:, -1] - slack - ROUNDING if candidates < held else np.full(len(wanted), np.inf)
            for place, query in enumerate(wanted):
                results[query] = settled[place]
            proven = [
                limit == np.inf or (len(found) == count and self._worst(scores) <= limit)
                for limit, (found, scores) in zip(limits, settled, strict=True)
            ]
            wanted, candidates = wanted[~np.array(proven)], min(held, candidates * 4)
        return results

    def _worst(self, scores: Floats) -> float:
        """The distance of the last of some scores: minus the cosine, or L2."""
        return float(-scores[-1] if self._metric == "cosine" else scores[-1])

    def _nearest(self, prepared: Floats, count: int) -> tuple[Floats, Ids, Floats]:
        """The best codes of all parts.

        Returns:
            (Q, count) rough distances in order: minus the cosine, or L2; (Q, count) ids, GONE where there is nothing
            any more; (Q,) how far a distance may be from the true one.
        """
        # A query of unit length has a scale of its own, by which its largest number fits.
        largest = np.maximum(np.abs(prepared).max(axis=1, keepdims=True), 1e-12)
        scale = LARGEST / largest if self._metric == "cosine" else np.full_like(largest, self._coder.scale)
        # By L2 a query has the scale of the codes. Cut off to their range, it would loosen its bound so much that
        # thousands of vectors were read.
        whole, moved = _rounded(prepared, scale, LARGEST if self._metric == "cosine" else PIECES * LARGEST)
        far = np.abs(whole).max(axis=1) > LARGEST
        raw, ids = np.empty((len(prepared), count), np.float32), np.empty((len(prepared), count), np.int64)
        if far.any():
            raw[far], ids[far] = self._in_pieces(whole[far], count)
        if not far.all():
            raw[~far], ids[~far] = self._in_whole_numbers(whole[~far], count)
        error = self._coder.error
        if self._metric == "cosine":
            return floats(-raw / (scale * self._coder.scale)), ids, error + moved * (1 + error)
        return floats(np.sqrt(np.maximum(raw, 0)) / self._coder.scale), ids, error + moved

    def _in_whole_numbers(self, whole: Floats, count: int) -> tuple[Floats, Ids]:
        """Raw values and ids of the best codes, (Q, count), for queries as whole numbers of 8 bits."""
        products = integer_products() if len(whole) >= TOGETHER and whole.shape[1] <= LONGEST else None
        return self._one_by_one(whole, count) if products is None else self._in_blocks(products, whole, count)

    def _in_pieces(self, whole: Floats, count: int) -> tuple[Floats, Ids]:
        """The same for queries of larger whole numbers."""
        products = integer_products() if whole.shape[1] <= LONGEST else None
        if products is None:
            return self._in_blocks(FloatProducts(), whole, count)
        pieces = -(-int(np.abs(whole).max()) // LARGEST)
        return self._in_blocks(PiecewiseProducts(products, pieces), whole, count)

    def _in_blocks(self, products: Products, whole: Floats, count: int) -> tuple[Floats, Ids]:
        """The same by products of matrices."""
        blocks = [
            self._together(products, whole[start : start + QUERIES], count) for start in range(0, len(whole), QUERIES)
        ]
        return np.concatenate([raw for raw, _ in blocks]), np.concatenate([ids for _, ids in blocks])

    def _one_by_one(self, whole: Floats, count: int) -> tuple[Floats, Ids]:
        """Raw values and ids of the best codes, (Q, count), by one scan of all codes for each query."""
        parts = [part for part in self._parts if len(part.ids)]
        found = list(_workers().map(lambda part: part.search(whole, count), parts))
        raw = np.concatenate([values for values, _ in found], axis=1)
        ids = np.concatenate([ids for _, ids in found], axis=1)
        order = np.argsort(-raw if self._metric == "cosine" else raw, axis=1, kind="stable")[:, :count]
        return np.take_along_axis(raw, order, 1), np.take_along_axis(ids, order, 1)

    def _together(self, products: Products, whole: Floats, count: int) -> tuple[Floats, Ids]:
        """The same for as many queries as one product takes."""
        limits = Limits(len(whole), count)
        ask = partial(_Part.search_blocks, products=products, whole=np.ascontiguousarray(whole), limits=limits)
        hits = joined(list(_workers().map(ask, self._parts))).best(limits)
        if self._metric == "l2":
            return _by_query(hits, whole, count)
        return hits.values.reshape(len(whole), count), hits.rows.reshape(len(whole), count)

    def _settle(self, queries: Floats, rough: Floats, ids: Ids, slack: Floats, others: Found, count: int) -> Found:
        """The best of the candidates and of others, by their vectors.

        A few candidates are read first; what is further from the query than they are, by more than codes may be
        wrong, is not read.
        """
        first = min(ids.shape[1], count + FIRST)
        found = self._scored(queries, list(ids[:, :first]), others, count)
        rest = []
        for place, (_, scores) in enumerate(found):
            limit = self._worst(scores) + slack[place] + ROUNDING if len(scores) == count else np.inf
            rest.append(ids[place, first:][rough[place, first:] <= limit])
        return self._scored(queries, rest, found, count)

    def _scored(self, queries: Floats, wanted: list[Ids], others: Found, count: int) -> Found:
        """The best of some templates, which differ by query, and of others."""
        every = np.unique(np.concatenate(wanted))
        every = every[every != GONE]
        if not len(every):
            return others
        vectors = self._fetch(every)
        # Another process may have removed a template that this index still holds.
        every[np.isnan(vectors[:, 0])] = GONE
        results = []
        for query, ids, other in zip(queries, wanted, others, strict=True):
            places = np.flatnonzero(np.isin(every, ids[ids != GONE]))
            some = vectors[places]
            distances = distances_to(some, query[None], self._metric)[0]
            # Freed memory keeps its content, and somebody may be erased later.
            some.fill(0)
            results.append(self._best(other, (every[places], distances), count))
        vectors.fill(0)
        return results

    def _best(self, scored: tuple[Ids, Floats], measured: tuple[Ids, Floats], count: int) -> tuple[Ids, Floats]:
        """The best of templates with scores and of templates with distances."""
        distances = -scored[1] if self._metric == "cosine" else scored[1] ** 2
        ids, distances = np.concatenate([scored[0], measured[0]]), np.concatenate([distances, measured[1]])
        return best(ids, distances, count, self._metric)


def _by_query(hits: Hits, queries: Floats, count: int) -> tuple[Floats, Ids]:
    """Squared distances and ids, both (Q, count), of hits by L2: so many codes reach the limit of each query."""
    squares = (queries**2).sum(axis=1, keepdims=True)
    return squares - hits.values.reshape(len(queries), count), hits.rows.reshape(len(queries), count)


_NOTHING = np.empty(0, np.int64), np.empty(0, np.float32)


def _both(one: tuple[Ids, Floats], other: tuple[Ids, Floats]) -> tuple[Ids, Floats]:
    return np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1]])
