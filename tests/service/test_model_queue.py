"""Images keep their order, large ones do not hold small ones up, and what is cancelled leaves."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait

import pytest

from mien.service.model_queue import ModelQueue


class Gate:
    """Work that waits until it is let through."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.begun = threading.Semaphore(0)
        self.names: list[str] = []

    def work(self, name: str) -> Callable[[], str]:
        def run() -> str:
            self.names.append(name)
            self.begun.release()
            assert self.open.wait(10)
            return name

        return run


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def queue(gate: Gate) -> Iterator[ModelQueue]:
    opened = ModelQueue(2)
    yield opened
    gate.open.set()
    opened.close()


def fill(queue: ModelQueue, gate: Gate) -> "list[Future[str]]":
    """Give each thread something that waits."""
    busy = [queue.submit(gate.work(f"busy {i}"), 1, large=False) for i in range(queue.threads)]
    for _ in busy:
        assert gate.begun.acquire(timeout=10)
    return busy


def test_images_begin_in_the_order_of_their_arrival_and_get_their_own_results(queue, gate) -> None:
    fill(queue, gate)
    futures = [queue.submit(gate.work(str(i)), 1, large=False) for i in range(6)]
    assert queue.waiting == 6
    gate.open.set()
    assert [future.result(10) for future in futures] == [str(i) for i in range(6)]
    # Two threads may be overtaken between taking an image and beginning with it.
    assert [abs(int(name) - place) <= 1 for place, name in enumerate(gate.names[2:])] == [True] * 6


def test_a_small_image_does_not_wait_behind_large_ones(queue, gate) -> None:
    slow = [queue.submit(gate.work(f"large {i}"), 1, large=True) for i in range(4)]
    assert gate.begun.acquire(timeout=10)
    assert queue.submit(lambda: "small", 1, large=False).result(10) == "small"
    assert gate.names == ["large 0"] and not any(future.done() for future in slow)


def test_what_is_cancelled_while_it_waits_never_begins_and_is_not_counted(queue, gate) -> None:
    busy = fill(queue, gate)
    gone = queue.submit(gate.work("gone"), 3, large=False)
    assert queue.waiting == 3
    assert gone.cancel() and queue.waiting == 0
    gate.open.set()
    wait(busy)
    assert queue.submit(lambda: "next", 1, large=False).result(10) == "next"
    assert "gone" not in gate.names


def test_a_fault_of_the_work_reaches_its_own_request_alone(queue) -> None:
    def broken() -> str:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        queue.submit(broken, 1, large=False).result(10)
    assert queue.submit(lambda: "after", 1, large=False).result(10) == "after"


def test_what_went_through_is_counted(queue) -> None:
    seen: list[tuple[int, bool, bool]] = []
    counted = threading.Event()

    def count(images: int, waited: float, seconds: float) -> None:
        seen.append((images, waited >= 0, seconds >= 0))
        counted.set()

    queue.on_done = count
    queue.submit(lambda: None, 5, large=False).result(10)
    assert counted.wait(10) and seen == [(5, True, True)]


def test_what_is_queued_is_done_before_the_service_stops(gate) -> None:
    queue = ModelQueue(2)
    gate.open.set()
    futures = [queue.submit(gate.work(str(i)), 1, large=i % 2 == 0) for i in range(5)]
    queue.close()
    assert [future.result(0) for future in futures] == [str(i) for i in range(5)]
    with pytest.raises(RuntimeError, match="stopping"):
        queue.submit(lambda: "late", 1, large=False)
