"""Processes that read ahead: order, errors, death, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.errors import ImageError, TrainingError
from mien.train.compute.readers import ReaderProcesses, can_fork

pytestmark = pytest.mark.skipif(not can_fork(), reason="this system reads in threads")


def fill(item: int, block: np.ndarray) -> None:
    block[:] = item


def pids(pool: ReaderProcesses[int]) -> list[int]:
    return [worker.pid or 0 for worker, _ in pool._workers]


def is_running(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_blocks_come_in_the_order_of_the_items_whatever_the_number_of_processes(processes: int) -> None:
    pool = ReaderProcesses(fill, (2, 3), processes)
    found = [(item, block.copy()) for item, block in pool.results(iter(range(20)))]
    assert [item for item, _ in found] == list(range(20))
    assert all((block == item).all() and block.shape == (2, 3) for item, block in found)


def test_processes_end_when_the_caller_stops_early() -> None:
    pool = ReaderProcesses(fill, (4,), 2)
    numbers = pids(pool)
    results = pool.results(iter(range(1000)))
    assert next(results)[0] == 0
    results.close()  # type: ignore[attr-defined]
    assert not any(map(is_running, numbers))


def test_processes_end_when_nobody_ever_reads() -> None:
    pool = ReaderProcesses(fill, (4,), 2)
    numbers = pids(pool)
    unused = pool.results(iter(range(3)))
    del pool, unused
    assert not any(map(is_running, numbers))


def test_no_block_is_filled_again_before_the_next_is_asked_for() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(12):
            taken.append(item)
            yield item

    for item, block in ReaderProcesses(fill, (1,), 2).results(items()):
        assert len(taken) <= item + 4
        assert block[0] == item


def test_an_unreadable_crop_is_the_same_error_as_in_a_thread() -> None:
    def read(item: int, block: np.ndarray) -> None:
        if item == 3:
            raise ImageError("three.jpg is empty")

    results = ReaderProcesses(read, (1,), 2).results(iter(range(9)))
    assert [next(results)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ImageError, match=r"^three\.jpg is empty$"):
        next(results)


def test_an_error_that_cannot_travel_is_described() -> None:
    class LocalError(Exception):
        pass

    def read(item: int, block: np.ndarray) -> None:
        raise LocalError("here")

    with pytest.raises(TrainingError, match=r"reading failed \(LocalError: here\)"):
        next(ReaderProcesses(read, (1,), 1).results(iter([1])))


def test_a_process_that_dies_is_one_sentence() -> None:
    def read(item: int, block: np.ndarray) -> None:
        if item == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    pool = ReaderProcesses(read, (1,), 2)
    numbers = pids(pool)
    with pytest.raises(TrainingError, match=r"was ended by SIGKILL; .* set run\.processes to a smaller number"):
        list(pool.results(iter(range(40))))
    assert not any(map(is_running, numbers))


def test_an_interrupt_of_the_terminal_leaves_readers_reading_until_the_checkpoint_is_written() -> None:
    pool = ReaderProcesses(fill, (1,), 2)
    results = pool.results(iter(range(8)))
    next(results)
    for number in pids(pool):
        os.kill(number, signal.SIGINT)
        os.kill(number, signal.SIGTERM)
    assert [item for item, _ in results] == list(range(1, 8))


def test_opencv_that_had_threads_before_does_not_hang_in_a_process() -> None:
    image = np.random.default_rng(0).integers(0, 256, (1024, 1024, 3)).astype(np.uint8)
    blurred = cv2.GaussianBlur(image, (0, 0), 9)

    def read(item: int, block: np.ndarray) -> None:
        block[:] = cv2.GaussianBlur(image, (0, 0), 9)

    for _, block in ReaderProcesses(read, image.shape, 1).results(iter([1])):
        assert np.array_equal(block, blurred)


def test_readers_end_with_a_training_that_was_killed() -> None:
    program = (
        "import time\n"
        "from mien.train.compute.readers import ReaderProcesses\n"
        "pool = ReaderProcesses(lambda item, block: None, (1,), 2)\n"
        "results = pool.results(iter(range(100)))\n"
        "next(results)\n"
        "print(*[worker.pid for worker, _ in pool._workers], flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        numbers = [int(word) for word in parent.stdout.readline().split()]
        assert len(numbers) == 2 and all(map(is_running, numbers))
        parent.kill()
    deadline = time.monotonic() + 10
    while any(map(is_running, numbers)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(map(is_running, numbers))
