"""Which samples each step reads, and the seeds of its random numbers.

Both follow from the recipe's seed and the step alone, so a training can be resumed at any step, on any number of
processes. Reads no sample and knows no data set.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BatchSlice:
    """The part of each global batch that one process reads: rows first to last of `batch`, `last` exclusive."""

    batch: int
    first: int
    last: int


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
