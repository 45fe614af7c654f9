"""What every backbone is: crops to embeddings, with stages from input to output. Knows no layout and no training."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mien.train.network import Colours, Staged


@dataclass(frozen=True, slots=True)
class Pixels(Colours):
    """How crops enter a backbone.

    Attributes:
        template: the pose of the crops.
        size: width and height of the crops in pixels.
    """

    template: Literal["arcface", "dlib"] = "arcface"
    size: int = 112


class Backbone(Staged):
    """A network from (N, 3, size, size) float pixels, prepared as `pixels` says, to (N, embedding) embeddings.

    Embeddings have any length; heads and metrics normalize them.
    """

    pixels: Pixels = Pixels()
    embedding: int = 512
    recompute: bool = False
    """Whether activations are computed again in the backward pass instead of being kept."""

    def through(self, part: nn.Module, x: Tensor) -> Tensor:
        """Run a part, keeping its activations or not."""
        if self.recompute and self.training and x.requires_grad:
            again: Tensor = checkpoint(part, x, use_reentrant=False)
            return again
        kept: Tensor = part(x)
        return kept


Build = Callable[[int, float], Backbone]
"""From embedding size and dropout to a new, initialized backbone."""
