"""The threads that run the models, and the queue of images in front of them. Knows no request and no model.

As many images are in work as there are threads, in the order of their arrival. One thread never takes large images,
so that small ones do not wait behind them. What is cancelled while it waits leaves the queue at once. See
mien.service.capacity for what may wait.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
OnDone = Callable[[int, float, float], None]
"""Number of images that went together, the seconds that they waited, and those that they took."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """Images of one request in the queue."""

    work: Callable[[], Any]
    images: int
    large: bool
    result: "Future[Any]"
    arrived: float = field(default_factory=time.monotonic)


def _ignore(images: int, waited: float, seconds: float) -> None:
    """Nobody counts."""


class ModelQueue:
    """A queue of images and the threads that take them.

    Args:
        threads: at least two, so that one is left for small images.

    Attributes:
        threads: their number.
        on_done: called after images went through.
    """

    def __init__(self, threads: int) -> None:
        self.threads, self.on_done = max(2, threads), _ignore
        self._changed = threading.Condition()
        self._queue: list[_Waiting] = []
        self._closed = False
        self._started = [
            threading.Thread(target=self._serve, args=(place > 0,), name=f"mien-models-{place}", daemon=True)
            for place in range(self.threads)
        ]
        for thread in self._started:
            thread.start()

    @property
    def waiting(self) -> int:
        """Number of images in the queue."""
        with self._changed:
            return sum(one.images for one in self._queue if not one.result.cancelled())

    def submit(self, work: Callable[[], T], images: int, *, large: bool) -> "Future[T]":
        """Queue images of one request; cancel the future to take them out again.

        Args:
            work: what is done with them; its fault is that of the future.
            images: their number.
            large: whether they may not hold small ones up.

        Raises:
            RuntimeError: the queue is closed.
        """
        waiting = _Waiting(work, images, large, Future())
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
        for thread in self._started:
            thread.join()

    def _serve(self, takes_large: bool) -> None:
        while (one := self._next(takes_large)) is not None:
            if one.result.set_running_or_notify_cancel():
                self._run(one)

    def _run(self, one: _Waiting) -> None:
        began = time.monotonic()
        try:
            result = one.work()
        except Exception as reason:  # noqa: BLE001 - whoever waits for it gets it
            one.result.set_exception(reason)
        else:
            one.result.set_result(result)
        self.on_done(one.images, began - one.arrived, time.monotonic() - began)

    def _next(self, takes_large: bool) -> _Waiting | None:
        """Wait for images and take them out of the queue; None once the service stops."""
        with self._changed:
            while True:
                self._queue = [one for one in self._queue if not one.result.cancelled()]
                for one in self._queue:
                    if takes_large or not one.large:
                        self._queue.remove(one)
                        return one
                if self._closed:
                    return None
                self._changed.wait()
