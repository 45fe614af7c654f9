"""Images of several requests, taken together through the models. Owns the queue and its workers; knows no request.

An image waits a few milliseconds for company, unless there is nobody who could bring any; then all that wait for the
same work go together, shared out between the free workers. A large image goes alone, and one worker never takes large
ones, so that small images do not wait behind them. What is cancelled while it waits leaves the queue at once. See
mien.service.capacity for what may wait.
"""

import math
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from mien.pipeline import Item
from mien.service.config import Batching

OnBatch = Callable[[int, Sequence[float], float], None]
"""Number of images, the seconds that each waited, and the seconds that they took together."""
Work = Callable[[Any, Sequence[Item]], Sequence[Any]]
"""A task and its items to one result per item."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """An image in the queue."""

    task: Hashable
    item: Item
    large: bool
    result: "Future[Any]"
    arrived: float = field(default_factory=time.monotonic)


def _ignore(images: int, waited: Sequence[float], seconds: float) -> None:
    """Nobody counts."""


def _any_number() -> float:
    """Further images may always come."""
    return math.inf


class Batcher:
    """A queue of images and the threads that take them together.

    Args:
        work: does a task with items; a fault of one item is its result, an exception is everybody's.
        workers: threads; at least two, so that one is left for small images.
        batching: how long images wait, and how many go together.

    Attributes:
        on_batch: called with each batch that went through.
        in_work: gives the number of requests in work; where the images of all of them are here, none waits for more.
    """

    def __init__(self, work: Work, workers: int, batching: Batching) -> None:
        self._work, self._batching = work, batching
        self.on_batch: OnBatch = _ignore
        self.in_work: Callable[[], float] = _any_number
        self._changed = threading.Condition()
        self._queue: list[_Waiting] = []
        self._free, self._running, self._closed = 0, 0, False
        count = max(2, workers)
        self._threads = [
            threading.Thread(target=self._serve, args=(place > 0,), name=f"mien-models-{place}", daemon=True)
            for place in range(count)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Number of images in the queue."""
        return len(self._queue)

    def submit(self, task: Hashable, item: Item, pixels: int) -> "Future[Any]":
        """Queue one image; cancel the future to take it out again.

        Args:
            task: what to do; images of equal tasks go together.
            item: the image.
            pixels: its width times height.
        """
        waiting = _Waiting(task, item, pixels > self._batching.large, Future())
        with self._changed:
            if self._closed:
                raise RuntimeError("the service is stopping")
            self._queue.append(waiting)
            self._changed.notify_all()
        return waiting.result

    def close(self) -> None:
        """Do what is queued, and stop."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _serve(self, takes_large: bool) -> None:
        while batch := self._next(takes_large):
            running = [one for one in batch if one.result.set_running_or_notify_cancel()]
            if running:
                self._run(running)
            with self._changed:
                self._running -= len(batch)

    def _run(self, batch: Sequence[_Waiting]) -> None:
        began = time.monotonic()
        try:
            results = self._work(batch[0].task, [one.item for one in batch])
            for one, result in zip(batch, results, strict=True):
                one.result.set_result(result)
        except Exception as reason:  # noqa: BLE001 - whoever waits for it gets it
            for one in batch:
                if not one.result.done():
                    one.result.set_exception(reason)
        self.on_batch(len(batch), [began - one.arrived for one in batch], time.monotonic() - began)

    def _next(self, takes_large: bool) -> list[_Waiting]:
        """Wait for images and take them out of the queue; nothing once the service stops."""
        with self._changed:
            self._free += 1
            try:
                while True:
                    self._queue = [one for one in self._queue if not one.result.cancelled()]
                    group, patience = self._group(takes_large)
                    if group and patience <= 0:
                        taken = {id(one) for one in group}
                        self._queue = [one for one in self._queue if id(one) not in taken]
                        self._running += len(group)
                        return group
                    if not group and self._closed:
                        return []
                    self._changed.wait(patience if group else None)
            finally:
                self._free -= 1

    def _company_may_come(self) -> bool:
        """Whether there is a request whose image is neither here nor in the models."""
        return self.in_work() > len(self._queue) + self._running

    def _group(self, takes_large: bool) -> tuple[list[_Waiting], float]:
        """The images that would go next, and how many seconds they may still wait for others."""
        first = next((one for one in self._queue if takes_large or not one.large), None)
        if first is None:
            return [], 0.0
        if first.large:
            return [first], 0.0
        alike = [one for one in self._queue if one.task == first.task and not one.large]
        share = -(-len(alike) // max(1, self._free))
        group = alike[: max(1, min(self._batching.images, share))]
        full = len(alike) >= self._batching.images or self._closed or self._batching.images == 1
        return (
            group,
            0.0 if full or not self._company_may_come() else first.arrived + self._batching.wait - time.monotonic(),
        )
