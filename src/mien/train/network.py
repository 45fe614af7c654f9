"""What every network in training is, and how it is called: pixels, stages, precision, several processes, compiled."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from mien.errors import RecipeError
from mien.train.distributed import World
from mien.train.settings import Run

Colour = Literal["RGB", "BGR"]

PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True)
class Colours:
    """How pixels enter a network: (pixel - mean) / scale, for each channel in this colour order.

    Attributes:
        colour: the channel order.
        mean: of each channel, on the scale of 0 to 255.
        scale: divides each channel after that.
    """

    colour: Colour = "RGB"
    mean: tuple[float, float, float] = (127.5, 127.5, 127.5)
    scale: tuple[float, float, float] = (127.5, 127.5, 127.5)


class Staged(nn.Module):
    """A network whose parameters belong to stages, from its input to its output."""

    STAGES: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Prefixes of the parameter names of each stage, from the input to the output."""

    def stage_of(self, parameter: str) -> int:
        """The stage of a parameter, 0 at the input.

        Raises:
            ValueError: no parameter of this network.
        """
        for number, prefixes in enumerate(self.STAGES):
            if parameter.startswith(prefixes):
                return number
        raise ValueError(f"{parameter} is in no stage of {type(self).__name__}")

    @property
    def stages(self) -> int:
        """How many stages there are."""
        return len(self.STAGES)


def require_precision(run: Run, world: World) -> None:
    """Refuse what the device computes a hundred times slower.

    Raises:
        RecipeError: half precision on a processor.
    """
    if run.precision == "fp16" and world.device.type == "cpu":
        raise RecipeError(
            "run.precision is fp16, which processors compute a hundred times slower than bf16: take bf16"
        )


def callable_network(network: nn.Module, run: Run, world: World) -> nn.Module:
    """The network as steps call it: wrapped for several processes, compiled, or itself."""
    model = network
    if world.size > 1:
        ids = [world.device.index] if world.device.type == "cuda" else None
        model = DistributedDataParallel(
            model, device_ids=ids, forward_sync_buffers=False, gradient_as_bucket_view=True
        )
    if run.compile:
        model = torch.compile(model)  # type: ignore[assignment]
    return model


@contextmanager
def computed_in(precision: str, device: torch.device) -> Iterator[None]:
    """The recipe's precision for what is called inside."""
    kind = PRECISIONS.get(precision)
    with torch.autocast(device.type, kind) if kind is not None else nullcontext():
        yield


def unsynchronized(model: nn.Module, last: bool) -> nullcontext[None]:
    """Gradients of all but the last part need no exchange."""
    if isinstance(model, DistributedDataParallel) and not last:
        return model.no_sync()  # type: ignore[return-value]
    return nullcontext()
