"""What a training starts from: a new network, or weights that are there already; and the head's first centres."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from mien.errors import CheckpointError
from mien.models.defaults import DEFAULTS, read_weights
from mien.models.dlib_resnet import read_layers
from mien.train.backbones.backbone import Backbone, Pixels
from mien.train.backbones.dlib_resnet import DlibResNet, state_of
from mien.train.backbones.known import build
from mien.train.crops import Crops
from mien.train.pixels import embedder
from mien.train.recipe import Recipe
from mien.train.weights import read_weights as read_checkpoint
from mien.train.world import World
from mien.types import Image

OF_A_CLASS = 16
"""Crops whose mean makes a class's first centre."""

AT_ONCE = 64


def make_backbone(recipe: Recipe) -> Backbone:
    """The network of a recipe, with random weights or those of [init].

    Raises:
        RecipeError: no such backbone.
        CheckpointError: [init] names weights of another network.
    """
    torch.manual_seed(recipe.seed)
    model, init = recipe.model, recipe.init
    backbone = build(model.backbone, model.embedding, model.dropout)
    if init is None:
        # What others trained on swapped colours is no reason to do so again.
        backbone.pixels = replace(backbone.pixels, colour="RGB")
    else:
        state, backbone.pixels = _weights(recipe, init.weights)
        backbone.load_state_dict(state)
    if model.colour is not None:
        backbone.pixels = replace(backbone.pixels, colour=model.colour)
    backbone.recompute = recipe.run.recompute
    return backbone


def _weights(recipe: Recipe, weights: Path | str) -> tuple[dict[str, Tensor], Pixels]:
    model = recipe.model
    if weights == "dlib-resnet":
        name, embedding = "dlib-resnet", 128
        default = DEFAULTS["dlib-resnet"]
        state = state_of(read_layers(read_weights(default.package, default.parts["model"])))
        pixels = DlibResNet.pixels
    else:
        path = Path(weights)
        found = read_checkpoint(path / "state.pt" if path.is_dir() else path)
        name, embedding, state = found.backbone, found.embedding, found.state
        pixels = found.pixels
    if name != model.backbone or embedding != model.embedding:
        raise CheckpointError(
            f"{weights} is {name} with embeddings of {embedding}, and the recipe trains {model.backbone} with "
            f'{model.embedding}: write model.backbone = "{name}" and model.embedding = {embedding}'
        )
    return state, pixels


def class_means(backbone: Backbone, crops: Crops, world: World) -> Tensor:
    """The mean unit-length embedding of each class: (classes, D), over at most OF_A_CLASS of its crops."""
    counts: dict[int, int] = {}
    chosen = []
    for number, label in enumerate(crops.labels.tolist()):
        counts[label] = counts.get(label, 0) + 1
        if counts[label] <= OF_A_CLASS:
            chosen.append(number)
    embed = embedder(backbone, world.device)
    means = torch.zeros(len(crops.classes), backbone.embedding, device=world.device)
    for numbers, images in _some(crops, chosen[world.rank :: world.size]):
        vectors = F.normalize(torch.from_numpy(embed(images)).to(world.device))
        means.index_add_(0, torch.from_numpy(crops.labels[numbers]).to(world.device), vectors)
    return world.sum(means)


def _some(crops: Crops, numbers: list[int]) -> Iterator[tuple[list[int], Image]]:
    for first in range(0, len(numbers), AT_ONCE):
        part = numbers[first : first + AT_ONCE]
        yield part, np.stack([crops.read(number) for number in part])
