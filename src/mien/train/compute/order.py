"""Which samples each step reads in which process, and the seeds of its random numbers.

All follows from the recipe's seed and the step alone, so a training can be resumed at any step, on any number of
processes. Reads no sample and knows no data set.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
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


def reader_threads(run: RunSettings) -> int:
    """Number of threads that read samples."""
    return run.threads or max(1, usable_cores() // 2)


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
