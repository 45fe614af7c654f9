"""What every backbone is: a network from crops to embeddings, with stages from input to output.

Knows no layout and no training.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mien.errors import RecipeError
from mien.models.card import InputSpec
from mien.train.compute.network import Staged

Colour = Literal["RGB", "BGR"]


class BackboneInput(InputSpec):
    """How aligned crops enter a backbone: an InputSpec with a pose and a fixed size."""

    colour: Colour = "RGB"
    mean: tuple[float, float, float] = (127.5, 127.5, 127.5)
    scale: tuple[float, float, float] = (127.5, 127.5, 127.5)
    template: Literal["arcface", "dlib"] = "arcface"
    """The pose of the crops."""
    size: int = 112
    """Width and height of the crops in pixels."""

    def with_colour(self, colour: Colour) -> "BackboneInput":
        """The same with another colour order."""
        return self.model_copy(update={"colour": colour})

    def saved(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return self.model_dump(exclude={"width", "height"})


class Backbone(Staged):
    """A network from (N, 3, size, size) float pixels, prepared as `spec` says, to (N, embedding) embeddings.

    Embeddings have any length; heads and metrics normalize them.
    """

    spec: BackboneInput = BackboneInput()
    embedding: int = 512
    recompute: bool = False
    """Whether activations are computed again in the backward pass instead of being kept."""

    def regularize(self, masking: float | None, drop_path: float | None) -> None:
        """Set what only transformers have: see ViT.regularize; None leaves it as it is.

        Raises:
            RecipeError: this network has it not, and a value is given.
        """
        if masking is not None or drop_path is not None:
            raise RecipeError(
                f"{type(self).__name__} has no patches to leave out and no blocks to skip: leave model.masking and "
                "model.drop_path out, or train a transformer such as vit-t"
            )

    def through(self, part: nn.Module, x: Tensor, *further: Tensor) -> Tensor:
        """Run a part, keeping its activations or not; `further` are its other inputs."""
        if self.recompute and self.training and x.requires_grad:
            again: Tensor = checkpoint(part, x, *further, use_reentrant=False)
            return again
        kept: Tensor = part(x, *further)
        return kept


def drawn(network: nn.Module) -> Iterator[nn.Conv2d | nn.Linear]:
    """Convolutions and linear layers whose first weights can be drawn: without memory there is nothing to draw."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and not module.weight.is_meta:
            yield module


def draw_for_relu(network: nn.Module) -> None:
    """Draw first weights whose outputs keep their spread through ReLU (He et al., ICCV 2015, eq. 14)."""
    for module in drawn(network):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


Build = Callable[[int, float], Backbone]
"""From embedding size and dropout to a new, initialized backbone."""


@dataclass(frozen=True, slots=True)
class WeightLayout:
    """How weights of a backbone are recognized in a file.

    Attributes:
        mark: the name of a weight that this layout has and no other.
        output: the name of the weight whose rows are the numbers of the embedding.
        origin: who trained such weights, and on which colour order.
        whole: whether weights of further parts mean another network, and not a classifier next to this one.
        spare: weights that a file may lack, as nothing is computed with them in use.
    """

    mark: str
    output: str
    origin: str
    whole: bool = False
    spare: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BackboneKind:
    """A backbone: how it is built, and how its weights are recognized."""

    build: Build
    layout: WeightLayout
