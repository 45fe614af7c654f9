"""Images of several requests go together, large ones do not hold small ones up, and what is cancelled leaves."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait

import pytest

from mien.pipeline import Item, bytes_item
from mien.service.batching import Batcher
from mien.service.config import Batching


class Recorder:
    """Work that waits at a gate and notes what it was given together."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.begun = threading.Semaphore(0)
        self.batches: list[list[str]] = []

    def __call__(self, task: object, items: Sequence[Item]) -> list[str]:
        self.batches.append([item.name for item in items])
        self.begun.release()
        if task == "gated":
            assert self.gate.wait(10)
        if task == "broken":
            raise ValueError("broken")
        return [f"{task} {item.name}" for item in items]


def item(name: str) -> Item:
    return bytes_item(name, b"")


@pytest.fixture
def make() -> Iterator[Callable[..., tuple[Batcher, Recorder]]]:
    opened: list[tuple[Batcher, Recorder]] = []

    def build(workers: int = 2, **settings: float) -> tuple[Batcher, Recorder]:
        work = Recorder()
        opened.append((Batcher(work, workers, Batching(**settings)), work))
        return opened[-1]

    yield build
    for batcher, work in opened:
        work.gate.set()
        batcher.close()


def test_images_that_wait_together_go_together_and_get_their_own_results(make) -> None:
    batcher, work = make(wait=0.05)
    futures = [batcher.submit("work", item(str(i)), 10) for i in range(8)]
    assert [future.result(10) for future in futures] == [f"work {i}" for i in range(8)]
    assert len(work.batches) <= 4 and max(map(len, work.batches)) >= 2


def test_an_image_does_not_wait_for_company_that_cannot_come(make) -> None:
    batcher, work = make(wait=60)
    batcher.in_work = lambda: 1
    assert batcher.submit("work", item("alone"), 10).result(10) == "work alone"
    batcher.in_work = lambda: 3
    first, second = (batcher.submit("gated", item(name), 10) for name in "ab")
    assert work.batches == [["alone"]], "the third one may still come"
    third = batcher.submit("gated", item("c"), 10)
    for _ in range(3):
        assert work.begun.acquire(timeout=10)
    work.gate.set()
    assert [one.result(10) for one in (first, second, third)] == ["gated a", "gated b", "gated c"]


def test_images_of_different_work_do_not_mix(make) -> None:
    batcher, work = make(wait=0.05)
    futures = [batcher.submit(f"work {i % 2}", item(str(i)), 10) for i in range(6)]
    assert [future.result(10) for future in futures] == [f"work {i % 2} {i}" for i in range(6)]
    assert all(len({int(name) % 2 for name in batch}) == 1 for batch in work.batches)


def test_no_more_images_go_together_than_may(make) -> None:
    batcher, work = make(wait=0.05, images=3)
    wait([batcher.submit("work", item(str(i)), 10) for i in range(20)])
    assert sum(map(len, work.batches)) == 20 and max(map(len, work.batches)) <= 3


def test_a_small_image_does_not_wait_behind_large_ones(make) -> None:
    batcher, work = make(large=100)
    slow = [batcher.submit("gated", item(f"large {i}"), 101) for i in range(4)]
    assert work.begun.acquire(timeout=10)
    assert batcher.submit("work", item("small"), 100).result(10) == "work small"
    assert not any(future.done() for future in slow)
    assert ["large 0"] in work.batches, "a large image goes alone"


def test_what_is_cancelled_while_it_waits_never_begins(make) -> None:
    batcher, work = make(workers=2)
    busy = [batcher.submit("gated", item(f"busy {i}"), 10) for i in range(2)]
    assert work.begun.acquire(timeout=10)
    while batcher.waiting:
        pass
    gone = batcher.submit("gated", item("gone"), 10)
    cancelled = gone.cancel()
    work.gate.set()
    wait(busy)
    assert batcher.submit("work", item("next"), 10).result(10) == "work next"
    assert not cancelled or not any("gone" in batch for batch in work.batches)


def test_a_fault_of_the_work_reaches_everybody_who_waits_and_nobody_after(make) -> None:
    batcher, _ = make(wait=0.02)
    futures = [batcher.submit("broken", item(str(i)), 10) for i in range(3)]
    for future in futures:
        with pytest.raises(ValueError, match="broken"):
            future.result(10)
    assert batcher.submit("work", item("after"), 10).result(10) == "work after"


def test_what_is_queued_is_done_before_the_service_stops() -> None:
    work = Recorder()
    batcher = Batcher(work, 2, Batching(wait=5))
    futures = [batcher.submit("work", item(str(i)), 10) for i in range(5)]
    batcher.close()
    assert [future.result(0) for future in futures] == [f"work {i}" for i in range(5)]
    with pytest.raises(RuntimeError, match="stopping"):
        batcher.submit("work", item("late"), 10)
