"""LoRA (Hu et al., ICLR 2022, eq. 3): fine-tuning that learns a product of two thin matrices for each weight.

The weight is W + (alpha / rank) up down; W stays as it is. Kernels of convolutions count as matrices of output
channels by everything else. Checkpoints hold the sums, in the layout of the network, so that whatever reads them
needs to know nothing of this, and next to them the thin matrices, to continue from. Trains nothing.
"""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from mien.errors import CheckpointError
from mien.train.recognizers.backbones.backbone import Backbone

ORIGINAL, ADDED = ".parametrizations.weight.original", ".parametrizations.weight.0."
"""What torch puts into the names of a weight that is a sum: for W, and for the thin matrices."""

TOLERANCE = 1e-4
"""Greatest difference of weights from what a checkpoint says they are, as a share of the largest one."""


class LowRankSum(nn.Module):
    """A weight plus the product of two thin matrices, which is zero at first.

    Args:
        weight: of any shape; its first axis is the output's.
        rank: rows of the one matrix and columns of the other.
        alpha: alpha / rank multiplies the product.
    """

    def __init__(self, weight: Tensor, rank: int, alpha: float) -> None:
        super().__init__()
        self.down = nn.Parameter(weight.new_empty(rank, weight[0].numel()))
        self.up = nn.Parameter(weight.new_zeros(len(weight), rank))
        self._scale = alpha / rank
        nn.init.kaiming_uniform_(self.down, a=sqrt(5))

    def forward(self, weight: Tensor) -> Tensor:
        """The sum, in the precision of the weight."""
        # Autocast knows no meta device, on which plans are made.
        with nullcontext() if weight.is_meta else torch.autocast(weight.device.type, enabled=False):
            return weight + self._scale * (self.up @ self.down).view_as(weight)


def adapt(backbone: Backbone, rank: int, alpha: float) -> None:
    """Let a network learn by thin matrices alone, in place: all other weights stay as they are.

    Depthwise kernels, and weights that have fewer numbers than their thin matrices would, get none.
    """
    for parameter in backbone.parameters():
        parameter.requires_grad = False
    for module in list(_layers(backbone)):
        weight = module.weight
        if rank * (len(weight) + weight[0].numel()) < weight.numel():
            parametrize.register_parametrization(module, "weight", LowRankSum(weight.detach(), rank, alpha))


def _layers(backbone: Backbone) -> Iterator[nn.Conv2d | nn.Linear]:
    """Layers whose weight may get thin matrices: linear ones, and convolutions that mix channels."""
    for module in backbone.modules():
        if isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups < module.in_channels):
            yield module


def is_adapted(backbone: Backbone) -> bool:
    """Whether a network learns by thin matrices."""
    return any(parametrize.is_parametrized(module) for module in _layers(backbone))


def summed_state(backbone: Backbone) -> dict[str, Tensor]:
    """The weights by the names of the layout, with the products added; of any network."""
    state = {}
    for name, value in backbone.state_dict().items():
        if name.endswith(ORIGINAL):
            module = backbone.get_submodule(name.removesuffix(ORIGINAL))
            state[f"{name.removesuffix(ORIGINAL)}.weight"] = getattr(module, "weight").detach()  # noqa: B009 - computed
        elif ADDED not in name:
            state[name] = value
    return state


def thin_state(backbone: Backbone) -> dict[str, Tensor]:
    """The thin matrices by name; empty for a network without."""
    return {name: value for name, value in backbone.state_dict().items() if ADDED in name}


def restore(backbone: Backbone, weights: Mapping[str, Tensor], thin: Mapping[str, Tensor], where: str) -> None:
    """Continue from a checkpoint: its thin matrices, and everything else that is not a sum.

    Args:
        backbone: adapted, with the weights that the training started from.
        weights: what summed_state gave.
        thin: what thin_state gave.
        where: what messages call the checkpoint.

    Raises:
        CheckpointError: the checkpoint is of another rank or network, or the sums are others, as the training
            started from other weights.
    """
    own = backbone.state_dict()
    given = {name: thin.get(name, weights.get(name, own[name])) for name in own}
    try:
        backbone.load_state_dict(given)
    except RuntimeError as reason:
        raise CheckpointError(f"{where} was made with another init.lora or network: start a new run") from reason
    for name, value in summed_state(backbone).items():
        if name not in weights or not _equal(value, weights[name]):
            raise CheckpointError(
                f"{where} has other weights at {name} than init.weights and its thin matrices make: the file of "
                "init.weights was changed; put back the one that the training started from"
            )


def _equal(here: Tensor, there: Tensor) -> bool:
    there = there.to(here.device)
    if here.shape != there.shape:
        return False
    largest = float(there.abs().max()) if there.numel() else 0.0
    return bool(torch.allclose(here.float(), there.float(), rtol=TOLERANCE, atol=TOLERANCE * largest))
