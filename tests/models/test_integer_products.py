"""Products of whole numbers are exact or not used at all."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mien.models import integer_products as module
from mien.models.integer_products import LONGEST, IntegerProducts, integer_products


@pytest.fixture(scope="module")
def products() -> IntegerProducts:
    found = integer_products()
    if found is None:
        pytest.skip("this processor has no exact products of 8 bits")
    return found


@pytest.mark.parametrize(("rows", "queries", "dimension"), [(1, 1, 3), (130, 7, 128), (700, 64, LONGEST)])
def test_products_are_what_whole_numbers_give(
    products: IntegerProducts, rows: int, queries: int, dimension: int
) -> None:
    generator = np.random.default_rng(rows)
    codes = generator.integers(0, 256, (rows, dimension)).astype(np.uint8)
    whole = generator.integers(-128, 128, (queries, dimension)).astype(np.float32)
    found = products.multiply(codes, whole)
    for row in range(0, rows, 13):
        for query in range(queries):
            exact = sum(int(a) * int(b) for a, b in zip(codes[row], whole[query], strict=True))
            assert found[row, query] == exact


def test_threads_do_not_write_over_each_other(products: IntegerProducts) -> None:
    def multiply(value: int) -> bool:
        codes, whole = np.full((300, 64), value, np.uint8), np.full((5, 64), 3, np.float32)
        return bool((products.multiply(codes, whole) == 64 * 3 * value).all())

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(multiply, range(1, 60)))


def test_a_processor_that_cuts_sums_off_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cutting:
        def multiply(self, codes: np.ndarray, queries: np.ndarray) -> np.ndarray:
            return np.minimum(codes.astype(np.float32) @ queries.T, 2.0**22)

    monkeypatch.setattr(module, "IntegerProducts", Cutting)
    assert integer_products.__wrapped__() is None
