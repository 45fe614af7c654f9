"""The processes that train together: the number of this one, and sums, maxima and slices over all.

With one process, everything is a no-op.

`torchrun` says by the environment how many there are; NCCL carries GPUs, Gloo carries processors. Gradients follow
the rule of DistributedDataParallel, which averages over ranks: what is gathered hands back its gradient times the
number of ranks.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from mien.errors import RecipeError, TrainingError
from mien.train.compute.channel import Channel
from mien.train.compute.meeting import meet

PATIENCE = timedelta(hours=4)
"""How long processes wait for one that evaluates."""


@dataclass(frozen=True, slots=True)
class World:
    """This process among all.

    Attributes:
        rank: its number.
        size: number of processes.
        device: what it computes on.
        channel: to the other processes, for what steps do not exchange.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    channel: Channel = field(default_factory=Channel)

    def slice_of(self, count: int) -> tuple[int, int]:
        """First and one past the last of this rank's share of `count` things; shares differ by at most one."""
        return slice_of(count, self.rank, self.size)

    def sum(self, value: Tensor) -> Tensor:
        """The sum over ranks, in place; no gradient."""
        if self.size > 1:
            dist.all_reduce(value)
        return value

    def maximum(self, value: Tensor) -> Tensor:
        """The greatest over ranks, in place; no gradient."""
        if self.size > 1:
            dist.all_reduce(value, dist.ReduceOp.MAX)
        return value

    def wait(self) -> None:
        """Wait for all ranks."""
        if self.size > 1:
            dist.barrier()

    def gather(self, value: Tensor) -> Tensor:
        """The rows of all ranks, in the ranks' order; equal numbers of rows. No gradient."""
        if self.size == 1:
            return value
        whole = value.new_empty(self.size * len(value), *value.shape[1:])
        dist.all_gather_into_tensor(whole, value.contiguous())
        return whole

    def sum_and_take(self, value: Tensor) -> Tensor:
        """This rank's rows of the sum over ranks; the rows divide evenly. No gradient."""
        if self.size == 1:
            return value
        own = value.new_empty(len(value) // self.size, *value.shape[1:])
        dist.reduce_scatter_tensor(own, value.contiguous())
        return own

    def gather_rows(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The rows of all ranks, in the ranks' order; any numbers of rows, of one width and type."""
        if self.size == 1:
            return rows
        # Not over the channel, which a checkpoint may be using. A rank without rows does not know their width.
        shape = torch.tensor([[len(rows), rows.shape[1] if len(rows) else 0]], device=self.device)
        counts, widths = self.gather(shape).T.tolist()
        width = max(widths)
        if not max(counts):
            return rows
        padded = np.zeros((max(counts), width), rows.dtype)
        padded[: len(rows)] = rows
        parts = self.gather(torch.from_numpy(padded).to(self.device)).cpu().numpy()
        return np.concatenate([parts[at * len(padded) :][:count] for at, count in enumerate(counts)])

    def take_from_first(self, values: Iterable[Tensor]) -> None:
        """Give tensors the values that they have in the first rank, in place."""
        if self.size > 1:
            for value in values:
                dist.broadcast(value, 0)

    def gather_with_gradient(self, value: Tensor) -> Tensor:
        """The rows of all ranks; the gradient comes back summed over ranks, times the number of ranks."""
        if self.size == 1:
            return value
        gathered: Tensor = _Gather.apply(value, self)  # type: ignore[no-untyped-call]
        return gathered

    def sum_with_gradient(self, value: Tensor) -> Tensor:
        """The sum over ranks; the gradient is also summed."""
        if self.size == 1:
            return value
        total: Tensor = _Sum.apply(value, self)  # type: ignore[no-untyped-call]
        return total


ALONE = World()


def slice_of(count: int, rank: int, size: int) -> tuple[int, int]:
    """First and one past the last of a rank's share: the first ranks have one more if the count does not divide."""
    each, more = divmod(count, size)
    first = rank * each + min(rank, more)
    return first, first + each + (rank < more)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, world: World) -> Tensor:  # noqa: ANN401
        ctx.world = world
        return world.gather(value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        world: World = ctx.world
        return world.sum_and_take(gradient) * world.size, None


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, world: World) -> Tensor:  # noqa: ANN401
        ctx.world = world
        return world.sum(value.clone())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        return ctx.world.sum(gradient.contiguous().clone()), None


@contextmanager
def joined(device: str = "auto") -> Iterator[World]:
    """Join the processes that torchrun started, or be the only one; leave them at the end.

    Args:
        device: auto takes a GPU if there is one; cpu or cuda.

    Raises:
        RecipeError: a GPU is asked for, and there is none.
        TrainingError: another process has ended, or cannot be reached any more.
    """
    gpu = torch.cuda.is_available()
    if device == "cuda" and not gpu:
        raise RecipeError("run.device is cuda, and torch sees no GPU; set it to auto or cpu")
    use_gpu = gpu and device != "cpu"
    size = int(os.environ.get("WORLD_SIZE", "1"))
    rank, local = int(os.environ.get("RANK", "0")), int(os.environ.get("LOCAL_RANK", "0"))
    place = torch.device("cuda", local) if use_gpu else torch.device("cpu")
    if use_gpu:
        torch.cuda.set_device(place)
    if size == 1:
        yield World(0, 1, place)
        return
    common = meet(next(rendezvous("env://", rank, size))[0], rank, size, PATIENCE)
    dist.init_process_group("nccl" if use_gpu else "gloo", store=common, rank=rank, world_size=size, timeout=PATIENCE)
    try:
        yield World(rank, size, place, Channel(rank, size, dist.new_group(backend="gloo", timeout=PATIENCE)))
    except RuntimeError as reason:
        if not isinstance(reason, dist.DistError) and "onnection" not in str(reason):
            raise
        raise TrainingError(
            f"process {rank} of {size} stops, as another one has ended or cannot be reached; see its message. It "
            "goes on from the last checkpoint: by itself under torchrun with --max-restarts, or with the same "
            "command again"
        ) from reason
    finally:
        dist.destroy_process_group()
