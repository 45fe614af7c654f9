"""Many queries against codes of 8 bits, block by block, as products of matrices.

Each query keeps its best codes so far, and the value that the last of them has. Of a new block only what reaches that
value is looked at, so that sorting takes little of the time. Values are larger for nearer codes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mien.types import Floats, floats

PRODUCTS = 8192 * 64
"""Products of a block, which fit the second-level cache; few queries take as many codes at a time as that allows."""

LARGEST = 127
"""The largest code."""

MIDDLE = 128
"""What is added to codes so that they are not negative."""


class Limits:
    """Values that enough codes reach already, one for each query. Threads share them, and raise them as they find."""

    def __init__(self, queries: int, count: int) -> None:
        self.count = count
        self._values = np.full(queries, -np.inf, np.float32)
        self._lock = Lock()

    def current(self) -> Floats:
        """(Q,) float32; minus infinity where fewer codes than `count` were seen."""
        with self._lock:
            return self._values.copy()

    def raise_to(self, values: Floats) -> None:
        """Take values that `count` codes reach."""
        with self._lock:
            np.maximum(self._values, values, out=self._values)


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Codes that may be among the best of some queries.

    Attributes:
        rows: (H,) int64, which code.
        queries: (H,) int64, which query.
        values: (H,) float32.
    """

    rows: NDArray[np.int64]
    queries: NDArray[np.int64]
    values: Floats

    def __len__(self) -> int:
        return len(self.rows)

    def best(self, limits: Limits) -> "Hits":
        """The best of each query, best first, queries in order; the limits are raised to their last ones."""
        order = np.lexsort((self.rows, -self.values, self.queries))
        rows, queries, values = self.rows[order], self.queries[order], self.values[order]
        rank = np.arange(len(order)) - np.searchsorted(queries, queries)
        last = rank == limits.count - 1
        reached = limits.current()
        reached[queries[last]] = values[last]
        limits.raise_to(reached)
        kept = rank < limits.count
        return Hits(rows[kept], queries[kept], values[kept])


NO_HITS = Hits(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))


def joined(hits: list[Hits]) -> Hits:
    """Several as one."""
    return Hits(
        np.concatenate([one.rows for one in hits]),
        np.concatenate([one.queries for one in hits]),
        np.concatenate([one.values for one in hits]),
    )


def squares_of(codes: NDArray[np.uint8]) -> Floats:
    """(N,) float32: the squared length of each code, a whole number."""
    signed = codes.astype(np.int32) - MIDDLE
    return floats(np.einsum("nd,nd->n", signed, signed))


class Products(Protocol):
    """Products of codes with queries."""

    def multiply(self, codes: NDArray[np.uint8], queries: Floats) -> Floats:
        """(N, Q) float32, of codes (N, D) and queries (Q, D); it may be overwritten by the next call."""


class FloatProducts:
    """Products in float32, some five times slower, where the processor has no exact ones of 8 bits."""

    def multiply(self, codes: NDArray[np.uint8], queries: Floats) -> Floats:
        """See Products."""
        return floats(codes.astype(np.float32) @ queries.T)


class PiecewiseProducts:
    """Products with queries of larger numbers than 8 bits hold: each query is cut into whole numbers that they hold.

    Args:
        whole: products with numbers from -LARGEST to LARGEST.
        pieces: into how many each query is cut.
    """

    def __init__(self, whole: Products, pieces: int) -> None:
        self._whole, self._pieces = whole, pieces

    def multiply(self, codes: NDArray[np.uint8], queries: Floats) -> Floats:
        """See Products."""
        cut, rest = [], queries
        for _ in range(self._pieces):
            cut.append(np.clip(rest, -LARGEST, LARGEST))
            rest = rest - cut[-1]
        product = self._whole.multiply(codes, np.concatenate(cut))
        return floats(product.reshape(len(codes), self._pieces, len(queries)).sum(axis=1))


def search_blocks(
    products: Products, codes: NDArray[np.uint8], queries: Floats, limits: Limits, squares: Floats | None
) -> Hits:
    """The best codes of each query.

    Args:
        products: what multiplies.
        codes: (N, D) uint8, MIDDLE above what they mean.
        queries: (Q, D) float32, whole numbers of a size that the products take.
        limits: how many codes are wanted, and what other threads found.
        squares: the squared lengths of the codes where the nearest by L2 are wanted; the values are then
            2 q.c - c.c, else q.c.
    """
    shift = MIDDLE * queries.sum(axis=1)

    def values(block: slice) -> Floats:
        # Every product and every sum of this is a whole number, and float32 holds it where 8 bits hold the query.
        product = products.multiply(codes[block], queries)
        return product if squares is None else 2 * (product - shift) - squares[block, None]

    # Shifting the limits, and later what reaches them, spares a pass over all products.
    return _best_of_blocks(values, len(codes), limits, shift if squares is None else np.zeros_like(shift))


def _best_of_blocks(values_from: Callable[[slice], Floats], codes: int, limits: Limits, above: Floats) -> Hits:
    """The best codes of each query, of values (R, Q) by block that are too large by `above` (Q,)."""
    queries = len(above)
    step = max(1, PRODUCTS // queries)
    found, room = NO_HITS, 4 * limits.count * queries
    waiting: list[Hits] = []
    for start in range(0, codes, step):
        values, bound = values_from(slice(start, start + step)), limits.current()
        if len(values) >= limits.count and np.isneginf(bound).any():
            place = len(values) - limits.count
            limits.raise_to(np.partition(values, place, axis=0)[place] - above)
            bound = limits.current()
        places = np.flatnonzero(values >= bound + above)
        rows, asking = np.divmod(places, queries)
        waiting.append(Hits(rows + start, asking, values.ravel()[places] - above[asking]))
        if sum(map(len, waiting)) > room:
            found, waiting = joined([found, *waiting]).best(limits), []
    return joined([found, *waiting]).best(limits)
