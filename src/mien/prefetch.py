"""Work ahead of its use in a pool of threads or processes, results in order. Owns no pool, knows no images."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import islice
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def prefetch(
    pool: Executor, function: Callable[[Item], Result], items: Iterable[Item], limit: int
) -> Iterator[Result]:
    """Apply a function to items in a pool, at most `limit` ahead of the caller; results in the items' order.

    What waits is given up when the caller stops early.
    """
    queue, running = iter(items), deque[Future[Result]]()
    try:
        while True:
            running.extend(pool.submit(function, item) for item in islice(queue, limit - len(running)))
            if not running:
                return
            yield running.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def run_ahead(items: Iterator[Item], limit: int) -> Iterator[Item]:
    """Take items from an iterator in a thread of its own, at most `limit` ahead of the caller.

    What the iterator raises is raised here. When the caller stops early, the thread ends after the item that it is
    waiting for, and closes the iterator.
    """
    ready, room, stopped = SimpleQueue[tuple[Item] | BaseException | None](), Semaphore(limit), Event()

    def work() -> None:
        try:
            while room.acquire() and not stopped.is_set():
                ready.put((next(items),))
        except StopIteration:
            ready.put(None)
        except BaseException as reason:  # noqa: BLE001 - it is raised again in the caller's thread
            ready.put(reason)
        finally:
            if close := getattr(items, "close", None):
                close()

    thread = Thread(target=work, name="ahead", daemon=True)
    thread.start()
    try:
        while (found := ready.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            room.release()
            yield found[0]
    finally:
        stopped.set()
        room.release()
        thread.join()
