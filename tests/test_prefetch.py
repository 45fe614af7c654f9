"""Work ahead: results in order, no further ahead than asked, and what waits is given up when the caller stops."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from mien.prefetch import prefetch, run_ahead


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


@pytest.mark.parametrize("limit", [1, 3])
def test_an_iterator_in_a_thread_keeps_its_order_and_gets_no_further_ahead_than_asked(limit: int) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(30):
            taken.append(number)
            yield number

    for number, found in enumerate(run_ahead(items(), limit)):
        assert found == number
        assert len(taken) <= number + 1 + limit
    assert taken == list(range(30))


def test_an_error_in_the_thread_comes_in_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("two")

    found = run_ahead(items(), 5)
    assert next(found) == 1
    with pytest.raises(ValueError, match="two"):
        next(found)


def test_the_thread_ends_and_closes_its_iterator_when_the_caller_stops_early() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    found = run_ahead(items(), 2)
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert closed.is_set()
    assert "ahead" not in {thread.name for thread in threading.enumerate()}
