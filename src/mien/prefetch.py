"""Work ahead of its use in a pool of threads or processes, results in order. Owns no pool, knows no images."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import islice
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
