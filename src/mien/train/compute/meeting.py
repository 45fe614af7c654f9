"""How the processes of one start of a training find each other, and not those of an earlier start.

torchrun keeps one store for all starts of a run, so the addresses of processes that were killed are still in it, and
a process that reads one waits for ever. Owns the prefix under which the processes of a start write: the first one
chooses it, and answers whoever asks with a number that nobody else has. Makes no process group.
"""

import time
import uuid
from collections.abc import Iterator
from datetime import timedelta

from torch.distributed.distributed_c10d import PrefixStore, Store

from mien.errors import TrainingError

PAUSE = 0.02
"""Seconds between two looks into the store."""


def meet(store: Store, rank: int, size: int, patience: timedelta) -> Store:
    """A part of the store that only the processes of this start use.

    Args:
        store: that all processes reach; what earlier starts left in it does no harm.
        rank: of this process.
        size: number of processes.
        patience: how long to wait for the others.

    Raises:
        TrainingError: not all of them came in time.
    """
    token = _gather(store, size, patience) if rank == 0 else _ask(store, rank, patience)
    return PrefixStore(token, store)


def _gather(store: Store, size: int, patience: timedelta) -> str:
    """Tell every process that asks the name of this start, until all have heard it."""
    token = f"start-{uuid.uuid4().hex}"
    for _ in _looks(patience):
        waiting = [rank for rank in range(1, size) if not store.check([f"{token}/{rank}"])]
        if not waiting:
            return token
        for rank in waiting:
            if store.check([f"asks/{rank}"]):
                store.set(f"answers/{rank}/{store.get(f'asks/{rank}').decode()}", token)
    raise AssertionError


def _ask(store: Store, rank: int, patience: timedelta) -> str:
    number = uuid.uuid4().hex
    store.set(f"asks/{rank}", number)
    for _ in _looks(patience):
        if store.check([f"answers/{rank}/{number}"]):
            token = str(store.get(f"answers/{rank}/{number}").decode())
            store.set(f"{token}/{rank}", "")
            return token
    raise AssertionError


def _looks(patience: timedelta) -> Iterator[None]:
    end = time.monotonic() + patience.total_seconds()
    while time.monotonic() < end:
        yield
        time.sleep(PAUSE)
    raise TrainingError(
        f"the other processes did not come within {patience.total_seconds():.0f} s: start the training on all "
        "machines, and see that they reach MASTER_ADDR"
    )
