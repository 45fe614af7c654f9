"""What every backbone is: crops to embeddings, with stages from input to output. Knows no layout and no training."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

Colour = Literal["RGB", "BGR"]


@dataclass(frozen=True, slots=True)
class Pixels:
    """How crops enter a backbone: (pixel - mean) / scale, for each channel in this colour order.

    Attributes:
        colour: the channel order.
        mean: of each channel, on the scale of 0 to 255.
        scale: divides each channel after that.
        template: the pose of the crops.
        size: width and height of the crops in pixels.
    """

    colour: Colour = "RGB"
    mean: tuple[float, float, float] = (127.5, 127.5, 127.5)
    scale: tuple[float, float, float] = (127.5, 127.5, 127.5)
    template: Literal["arcface", "dlib"] = "arcface"
    size: int = 112


class Backbone(nn.Module):
    """A network from (N, 3, size, size) float pixels, prepared as `pixels` says, to (N, embedding) embeddings.

    Embeddings have any length; heads and metrics normalize them.
    """

    STAGES: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Prefixes of the parameter names of each stage, from the input to the output."""

    pixels: Pixels = Pixels()
    embedding: int = 512
    recompute: bool = False
    """Whether activations are computed again in the backward pass instead of being kept."""

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

    def through(self, part: nn.Module, x: Tensor) -> Tensor:
        """Run a part, keeping its activations or not."""
        if self.recompute and self.training and x.requires_grad:
            again: Tensor = checkpoint(part, x, use_reentrant=False)
            return again
        kept: Tensor = part(x)
        return kept


Build = Callable[[int, float], Backbone]
"""From embedding size and dropout to a new, initialized backbone."""
