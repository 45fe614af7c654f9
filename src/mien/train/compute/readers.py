"""Processes that read ahead into shared memory, results in order. Knows no images and no data set.

The processes are forked, so they share what is open already: an index of many million crops is there once. Each has
blocks of memory of its own, which this process sees without a copy. Systems without a safe fork read in threads
(`can_fork`). Processes end with this one, however it ends, and ignore signals that ask this one to stop.
"""

import pickle
import signal
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator
from mmap import mmap
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

import cv2
import numpy as np

from mien.errors import TrainingError
from mien.types import Image

Item = TypeVar("Item")

BLOCKS = 2
"""Blocks of each process: one is read into while the other waits for its turn."""

STOPPING = (signal.SIGINT, signal.SIGTERM)
"""Signals that ask a training to write a checkpoint and stop."""


def can_fork() -> bool:
    """Whether processes can be forked here; macOS says no, as its own libraries break after a fork."""
    return sys.platform == "linux"


class ReaderProcesses(Generic[Item]):
    """Some processes that fill blocks of shared memory, each with a part of the items."""

    def __init__(self, read: Callable[[Item, Image], None], shape: tuple[int, ...], processes: int) -> None:
        """Start the processes.

        Args:
            read: fills a block, given an item; runs in the processes.
            shape: of a block of uint8.
            processes: number of them.
        """
        size = int(np.prod(shape))
        self._blocks = [np.frombuffer(mmap(-1, size), np.uint8).reshape(shape) for _ in range(BLOCKS * processes)]
        self._workers: list[tuple[BaseProcess, Connection]] = []
        # A signal that comes while a process starts waits until it is ignored there.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        try:
            for number in range(processes):
                self._workers.append(_start(read, self._blocks[number::processes], f"reader-{number}"))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._end = weakref.finalize(self, _end, self._workers)

    def results(self, items: Iterator[Item]) -> Iterator[tuple[Item, Image]]:
        """Read items; each comes with its block, which is valid until the next one is asked for.

        Raises:
            TrainingError: a process has died.
        """
        waiting: list[Item] = []
        sent = taken = 0
        try:
            while True:
                while len(waiting) < len(self._blocks) and (item := next(items, None)) is not None:
                    self._send(sent, item)
                    waiting.append(item)
                    sent += 1
                if not waiting:
                    return
                self._receive(taken)
                yield waiting.pop(0), self._blocks[taken % len(self._blocks)]
                taken += 1
        finally:
            self.close()

    def close(self) -> None:
        """End the processes; what they read is given up."""
        self._end()

    def _send(self, number: int, item: Item) -> None:
        worker, connection = self._workers[number % len(self._workers)]
        try:
            connection.send(item)
        except OSError:
            raise _died(worker) from None

    def _receive(self, number: int) -> None:
        """Wait for an item's block, and raise what was raised while it was read."""
        worker, connection = self._workers[number % len(self._workers)]
        try:
            if connection not in wait([connection, worker.sentinel]):
                raise EOFError
            fault = connection.recv()
        except (EOFError, OSError):
            raise _died(worker) from None
        if fault is not None:
            raise fault


def _start(read: Callable[[Any, Image], None], blocks: list[Image], name: str) -> tuple[BaseProcess, Connection]:
    context = get_context("fork")
    here, there = context.Pipe()
    worker = context.Process(target=_work, args=(read, blocks, there), name=name, daemon=True)
    with warnings.catch_warnings():
        # The child runs no code of another thread, and takes no lock that one could hold.
        warnings.filterwarnings("ignore", message=".*fork", category=DeprecationWarning)
        worker.start()
    there.close()
    return worker, here


def _end(workers: list[tuple[BaseProcess, Connection]]) -> None:
    for worker, connection in workers:
        worker.kill()
        connection.close()
    for worker, _ in workers:
        worker.join()


def _died(worker: BaseProcess) -> TrainingError:
    worker.join(1)
    code = worker.exitcode or 0
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    return TrainingError(
        f"a process that reads samples {how}; the system ends processes when memory runs out: set run.processes to a "
        "smaller number, and continue from the last checkpoint with the same command"
    )


def _work(read: Callable[[Any, Image], None], blocks: list[Image], connection: Connection) -> None:
    """Fill blocks in turn, one for each item, until the other process closes the connection or ends."""
    # An interrupt goes to every process of a terminal, and the one that trains still has a checkpoint to write.
    for kind in STOPPING:
        signal.signal(kind, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    # Threads do not survive a fork, and OpenCV would wait for its own.
    cv2.setNumThreads(0)
    parent = parent_process()
    number = 0
    while parent is None or connection in wait([connection, parent.sentinel]):
        try:
            item = connection.recv()
        except (EOFError, OSError):
            return
        connection.send(_fault(read, item, blocks[number % len(blocks)]))
        number += 1


def _fault(read: Callable[[Any, Image], None], item: object, block: Image) -> Exception | None:
    """Read one item; returns what was raised, in a form that travels."""
    try:
        read(item, block)
    except Exception as reason:  # noqa: BLE001 - it is raised again in the process that trains
        try:
            pickle.loads(pickle.dumps(reason))  # noqa: S301 - made in this line
        except Exception:  # noqa: BLE001 - whatever cannot travel is described
            return TrainingError(f"reading failed ({type(reason).__name__}: {reason})")
        return reason
    return None
