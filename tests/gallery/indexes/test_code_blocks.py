"""Block by block the same codes are found as by sorting all of them."""

import numpy as np
import pytest

from mien.gallery.indexes import code_blocks
from mien.gallery.indexes.code_blocks import (
    LARGEST,
    MIDDLE,
    FloatProducts,
    Hits,
    Limits,
    PiecewiseProducts,
    search_blocks,
    squares_of,
)


class Products:
    """What multiplies, in float64; search_blocks asks for nothing else."""

    def multiply(self, codes: np.ndarray, queries: np.ndarray) -> np.ndarray:
        return (codes.astype(np.float64) @ queries.T).astype(np.float32)


@pytest.mark.parametrize("nearest", ["product", "l2"])
@pytest.mark.parametrize("count", [1, 5, 40, 500])
def test_the_best_of_all_blocks_are_the_best_of_all(
    nearest: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_blocks, "PRODUCTS", 64 * 6)
    generator = np.random.default_rng(count)
    codes = generator.integers(1, 256, (500, 12)).astype(np.uint8)
    queries = generator.integers(-127, 128, (6, 12)).astype(np.float32)
    signed = codes.astype(int) - MIDDLE
    values = signed @ queries.T.astype(int)
    squares = squares_of(codes) if nearest == "l2" else None
    if squares is not None:
        assert squares.tolist() == (signed**2).sum(axis=1).tolist()
        values = -((signed[:, None] - queries[None].astype(int)) ** 2).sum(axis=2) + (queries.astype(int) ** 2).sum(1)
    hits = search_blocks(Products(), codes, queries, Limits(6, count), squares)
    for query in range(6):
        expected = sorted(((-value, row) for row, value in enumerate(values[:, query].tolist())))[:count]
        mine = hits.queries == query
        assert (-hits.values[mine]).tolist() == [value for value, _ in expected]
        assert values[hits.rows[mine], query].tolist() == hits.values[mine].tolist()


class Narrow(Products):
    """Products that take 8 bits alone."""

    def multiply(self, codes: np.ndarray, queries: np.ndarray) -> np.ndarray:
        assert np.abs(queries).max() <= LARGEST and (queries == np.rint(queries)).all()
        return super().multiply(codes, queries)


@pytest.mark.parametrize("pieces", [1, 2, 5])
def test_queries_in_pieces_have_the_products_of_whole_ones(pieces: int) -> None:
    generator = np.random.default_rng(pieces)
    codes = generator.integers(0, 256, (40, 128)).astype(np.uint8)
    queries = generator.integers(-LARGEST * pieces, LARGEST * pieces + 1, (7, 128)).astype(np.float32)
    queries[0], queries[1] = LARGEST * pieces, -LARGEST * pieces
    expected = codes.astype(int) @ queries.T.astype(int)
    # The largest sum of five pieces is beyond the whole numbers that float32 holds.
    allowed = 0 if pieces < 3 else 2
    for products in (PiecewiseProducts(Narrow(), pieces), FloatProducts()):
        assert np.abs(products.multiply(codes, queries) - expected).max() <= allowed


def test_limits_are_raised_to_what_enough_codes_reach() -> None:
    limits = Limits(2, 2)
    hits = Hits(np.array([4, 5, 6, 7]), np.array([0, 1, 0, 0]), np.array([1, 9, 3, 2], np.float32))
    best = hits.best(limits)
    assert best.rows.tolist() == [6, 7, 5] and best.values.tolist() == [3, 2, 9]
    assert limits.current().tolist() == [2, -np.inf], "only one code was seen for the second query"
    limits.raise_to(np.array([1, 4], np.float32))
    assert limits.current().tolist() == [2, 4]
