"""What every network in training is, and how it is called: stages, precision, several processes, compilation.

Knows no layout and no data.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import ClassVar

import torch
from torch import nn
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import bf16_compress_hook
from torch.nn.parallel import DistributedDataParallel

from mien.errors import RecipeError
from mien.train.compute.distributed import World
from mien.train.recipe.settings import RunSettings

OFF = "off"
"""The way of calling a network that does not compile it."""

PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Staged(nn.Module):
    """A network whose parameters belong to stages, from its input to its output."""

    STAGES: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Prefixes of the parameter names of each stage, from the input to the output."""

    def stage_of(self, parameter: str) -> int:
        """The stage of a parameter, 0 at the input.

        Raises:
            ValueError: it is not a parameter of this network.
        """
        for number, prefixes in enumerate(self.STAGES):
            if parameter.startswith(prefixes):
                return number
        raise ValueError(f"{parameter} is in no stage of {type(self).__name__}")

    @property
    def stages(self) -> int:
        """Number of stages."""
        return len(self.STAGES)


def require_precision(run: RunSettings, world: World) -> None:
    """Refuse a precision that the device computes a hundred times slower.

    Raises:
        RecipeError: half precision is asked for on a processor.
    """
    if run.precision == "fp16" and world.device.type == "cpu":
        raise RecipeError(
            "run.precision is fp16, which processors compute a hundred times slower than bf16: take bf16"
        )


def use_fast_kernels(products: str, device: torch.device) -> None:
    """Let a GPU try which convolutions are the fastest, and choose how it multiplies float32 matrices.

    Args:
        products: tf32 rounds the inputs of products to 10 bits and sums in float32; anything else is float32.
        device: processors are left as they are.
    """
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high" if products == "tf32" else "highest")


def callable_network(network: nn.Module, run: RunSettings, world: World, way: str = OFF) -> nn.Module:
    """Wrap a network as steps call it: for several processes, compiled, or as it is.

    Args:
        network: on its device.
        run: of the recipe.
        world: the processes that train together.
        way: a mode of torch.compile, or `off`.

    Raises:
        RecipeError: settings that exclude each other.
    """
    model = network
    if run.static_graph and run.accumulate > 1:
        raise RecipeError(
            "run.static_graph needs every part of a batch to exchange its gradients, and run.accumulate exchanges "
            "only those of the last: leave one of them out"
        )
    if run.exchange == "bf16" and world.device.type != "cuda":
        raise RecipeError('run.exchange is "bf16", which only GPUs exchange: take "f32"')
    if world.size > 1:
        ids = [world.device.index] if world.device.type == "cuda" else None
        model = DistributedDataParallel(
            model,
            device_ids=ids,
            forward_sync_buffers=False,
            gradient_as_bucket_view=True,
            static_graph=run.static_graph,
        )
        if run.exchange == "bf16":
            model.register_comm_hook(None, bf16_compress_hook)
    return compiled(model, way)


def compiled(network: nn.Module, way: str) -> nn.Module:
    """A network as it is called; a compiled one is made for one shape."""
    if way == OFF:
        return network
    made: nn.Module = torch.compile(network, mode=way, dynamic=False)  # type: ignore[assignment]
    return made


@contextmanager
def computed_in(precision: str, device: torch.device) -> Iterator[None]:
    """Compute what is called inside in the recipe's precision."""
    kind = PRECISIONS.get(precision)
    with torch.autocast(device.type, kind) if kind is not None else nullcontext():
        yield


def unsynchronized(model: nn.Module, last: bool) -> nullcontext[None]:
    """Skip the exchange of gradients between processes for all but the last part of a batch."""
    wrapped = getattr(model, "_orig_mod", model)
    if isinstance(wrapped, DistributedDataParallel) and not last:
        return wrapped.no_sync()  # type: ignore[return-value]
    return nullcontext()
