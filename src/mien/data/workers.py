"""Runs one function over many items, in this process, in several, or on a Ray cluster; results come in order.

Owns processes and their end. Knows nothing of images. The results do not depend on where the work was done.
"""

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from typing import Any, TypeVar

from mien.errors import MissingExtraError, WorkerError
from mien.prefetch import prefetch

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 3
"""Items that wait for each worker, so that none is idle."""


def ordered(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, ray_address: str | None = None
) -> Iterator[Result]:
    """Apply a function to items and give the results in the items' order.

    Args:
        function: defined at the top of a module, as it is sent to other processes.
        items: what it is applied to; they are taken as they are needed.
        workers: processes; with 1 everything is done in this one.
        ray_address: of a Ray cluster (`auto`, `local` or host:port), which is used instead of processes.

    Raises:
        MissingExtraError: Ray is asked for and not installed.
        WorkerError: the cluster cannot be reached, or its processes or machines are lost again and again.
    """
    if ray_address is not None:
        return _on_ray(function, items, ray_address)
    if workers <= 1:
        return map(function, items)
    return _in_processes(function, items, workers)


def _in_processes(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_serve, initargs=(os.getpid(),)
    ) as pool:
        yield from prefetch(pool, function, items, workers * AHEAD)


def _serve(parent: int) -> None:
    """Leave interrupts to the parent, and end when it is gone, even if it was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _use_one_core()
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _use_one_core() -> None:
    """Compute in one thread: there is a process for each core, whose threads would wait for each other."""
    import cv2
    from threadpoolctl import threadpool_limits

    cv2.setNumThreads(1)
    threadpool_limits(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _apply(function: Callable[[Item], Result], item: Item) -> Result:
    """Ray takes functions alone, not everything that can be called."""
    return function(item)


def _on_ray(function: Callable[[Item], Result], items: Iterable[Item], address: str) -> Iterator[Result]:
    try:
        import ray
    except ImportError:
        raise MissingExtraError("Ray is not installed: pip install 'mien[ray]'") from None
    started = not ray.is_initialized()
    if started:
        dashboard = False if address == "local" else None
        try:
            ray.init(address=address, log_to_driver=False, include_dashboard=dashboard)
        except (ValueError, ConnectionError, RuntimeError) as reason:
            said = str(reason).partition("\n")[0]
            raise WorkerError(
                f"the Ray cluster {address} cannot be reached ({said}); name auto, local or HOST:PORT"
            ) from reason
    remote: Any = ray.remote(_apply)
    shared = ray.put(function)
    cluster: dict[str, float] = ray.cluster_resources()
    limit = max(1, int(cluster.get("CPU", 1))) * AHEAD
    queue, running = iter(items), deque[Any]()
    try:
        while True:
            running.extend(remote.remote(shared, item) for item in islice(queue, limit - len(running)))
            if not running:
                return
            yield _fetch(running.popleft(), address)
    finally:
        if started:
            ray.shutdown()


def _fetch(result: Any, address: str) -> Any:  # noqa: ANN401 - Ray's types
    """Wait for a result.

    Raises:
        WorkerError: what computed it is lost. What the function itself raises comes as it is.
    """
    import ray

    try:
        return ray.get(result)
    except ray.exceptions.RayTaskError:
        raise
    except ray.exceptions.RayError as reason:
        raise WorkerError(
            f"the Ray cluster {address} lost a process that worked ({type(reason).__name__}): it was killed, it ran "
            "out of memory, or its machine went away. Check the machines with `ray status` and run the same command "
            "again; fewer processes per machine need less memory"
        ) from reason
