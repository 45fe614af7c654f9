"""Which samples each step reads in which process, and the seeds of its random numbers.

All follows from the recipe's seed and the step alone, so a training can be resumed at any step, on any number of
processes. Reads no sample and knows no data set.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mien.errors import RecipeError
from mien.models.engines import usable_cores
from mien.train.compute.distributed import World
from mien.train.recipe.settings import RunSettings, Training

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BatchSlice:
    """The part of each global batch that one process reads: rows first to last of `batch`, `last` exclusive."""

    batch: int
    first: int
    last: int


def share_of(recipe: Training, world: World) -> BatchSlice:
    """The part of each batch that this process reads."""
    return BatchSlice(recipe.schedule.batch, *world.slice_of(recipe.schedule.batch))


def own_cores() -> int:
    """Cores for this process: those of the machine, divided among its processes that train together."""
    return max(1, usable_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def reader_threads(run: RunSettings) -> int:
    """Number of threads that read samples."""
    return run.threads or max(1, own_cores() // 2)


@dataclass(frozen=True, slots=True)
class Readers:
    """What reads samples: processes, or threads of this process where `processes` is 0."""

    threads: int = 1
    processes: int = 0


def readers_of(run: RunSettings, processes: int | None, device: torch.device) -> Readers:
    """Choose what reads samples.

    With a GPU, every core reads but one, which keeps the GPU busy. A processor trains on its own cores, so half of
    them read. A single reader is a thread, unless it would keep a GPU waiting.

    Args:
        run: a number of threads in it is followed.
        processes: the recipe's number; None leaves it to the machine.
        device: what computes.
    """
    cores, gpu = own_cores(), device.type == "cuda"
    if processes is None:
        chosen = 0 if run.threads else max(1, cores - 1 if gpu else cores // 2)
        processes = 0 if chosen == 1 and not (gpu and cores > 1) else chosen
    return Readers(reader_threads(run), processes)


def parts_of_batch(recipe: Training, world: World) -> int:
    """Number of parts, over all processes, in which a batch goes through the network.

    Raises:
        RecipeError: the batch cannot be divided into them.
    """
    batch, parts = recipe.schedule.batch, world.size * recipe.run.accumulate
    if batch % parts:
        raise RecipeError(
            f"a batch of {batch} cannot be divided among {world.size} processes in {recipe.run.accumulate} parts; "
            f"take a multiple of {parts}"
        )
    return parts


def samples_of_steps(
    order_of: Callable[[int], Indices], epoch_length: int, batch: int, start: int, end: int
) -> Iterator[tuple[int, int, Indices]]:
    """List what the steps start to end - 1 read.

    Args:
        order_of: gives the order of an epoch.
        epoch_length: number of samples in an epoch.
        batch: number of samples in a step, over all processes.
        start: the first step.
        end: one past the last step.

    Yields:
        A step, the place in the training of its first sample, and its samples.
    """
    steps = epoch_length // batch
    epoch, order = -1, np.empty(0, np.int64)
    for step in range(start, end):
        if step // steps != epoch:
            epoch = step // steps
            order = order_of(epoch)
        begin = step % steps * batch
        yield step, epoch * len(order) + begin, order[begin : begin + batch]


def mix_seeds(*numbers: int) -> int:
    """Make one seed from several numbers."""
    mixed = 0
    for number in numbers:
        mixed = (mixed * 0x9E3779B97F4A7C15 + number + 1) & 0x7FFFFFFFFFFFFFFF
    return mixed
