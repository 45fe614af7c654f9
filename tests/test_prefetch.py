"""Work ahead: results in order, no further ahead than asked, and what waits is given up when the caller stops."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from mien.prefetch import prefetch


def test_results_come_in_the_order_of_the_items_whatever_takes_longest() -> None:
    def slowest_first(number: int) -> int:
        time.sleep(0.02 if number == 0 else 0)
        return number * number

    assert list(prefetch(ThreadPoolExecutor(4), slowest_first, range(20), 6)) == [n * n for n in range(20)]


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_items_are_taken_than_the_limit_allows(limit: int) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(50):
            taken.append(number)
            yield number

    results = prefetch(ThreadPoolExecutor(2), str, items(), limit)
    for used in range(5):
        assert next(results) == str(used)
        assert len(taken) == used + limit
    results.close()  # type: ignore[attr-defined]


def test_an_error_comes_in_its_place_and_what_waits_is_given_up() -> None:
    done, free = [], threading.Event()

    def work(number: int) -> int:
        if number == 2:
            raise ValueError("two")
        if number > 2:
            free.wait(5)
        done.append(number)
        return number

    results = prefetch(ThreadPoolExecutor(1), work, range(100), 50)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(results)
    free.set()
    time.sleep(0.05)
    assert set(done) <= {0, 1, 3}, "only the call that had begun went on"
