"""What a training starts from: a new network or weights that are there, the head's first centres, the optimizer.

Takes no step.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from mien.errors import CheckpointError, RecipeError
from mien.models.defaults import DEFAULTS, read_weights
from mien.models.dlib_resnet import read_layers
from mien.train.distributed import World
from mien.train.network import callable_network, require_precision
from mien.train.norms import synchronize
from mien.train.optimize import LossScale, freeze_stages, make_optimizer
from mien.train.recognizers.backbones.backbone import Backbone, Pixels
from mien.train.recognizers.backbones.dlib_resnet import DlibResNet, state_of
from mien.train.recognizers.backbones.registry import build
from mien.train.recognizers.dataset import CropDataset
from mien.train.recognizers.embed import embedder
from mien.train.recognizers.heads import HEADS, Head
from mien.train.recognizers.partial_fc import PartialFC, Update
from mien.train.recognizers.recipe import Recipe
from mien.train.recognizers.step import Trained
from mien.train.recognizers.weights import read_weights as read_checkpoint
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


def class_means(backbone: Backbone, crops: CropDataset, world: World) -> Tensor:
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


def _some(crops: CropDataset, numbers: list[int]) -> Iterator[tuple[list[int], Image]]:
    for first in range(0, len(numbers), AT_ONCE):
        part = numbers[first : first + AT_ONCE]
        yield part, np.stack([crops.read(number) for number in part])


def prepare_training(recipe: Recipe, crops: CropDataset, world: World) -> Trained:
    """Network, head and optimizer, as they are before the first step.

    Raises:
        RecipeError: a head that does not have what the recipe sets.
    """
    run, init = recipe.run, recipe.init
    require_precision(recipe.run, world)
    backbone = make_backbone(recipe).to(world.device)
    if run.channels_last:
        backbone = backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    head = _make_centres(recipe, len(crops.classes), world)
    if init is not None and init.head == "class means":
        head.begin_at(class_means(backbone, crops, world))
    anchor = None
    if init is not None and init.anchor:
        anchor = deepcopy(backbone).eval().requires_grad_(False)
    if run.synchronize_norms and world.size > 1:
        synchronize(backbone, world)
    optimizer = make_optimizer(backbone, recipe.optimizer, init.layer_decay if init is not None else 1.0)
    if init is not None and init.freeze:
        freeze_stages(backbone, init.freeze)
    scale = LossScale.of(run.precision)
    return Trained(backbone, callable_network(backbone, recipe.run, world), head, optimizer, scale, anchor)


def check(recipe: Recipe, world: World) -> None:
    """Find out whether prepare_training would succeed, without its work.

    Raises:
        RecipeError: a precision that the device does not have, or a head that does not have what the recipe sets.
        CheckpointError: [init] names weights that cannot be read, or of another network.
    """
    require_precision(recipe.run, world)
    _head(recipe)
    if recipe.init is not None:
        _weights(recipe, recipe.init.weights)


def _head(recipe: Recipe) -> Head:
    given = recipe.head.model_dump(exclude={"name", "sample"}, exclude_none=True)
    kind = HEADS[recipe.head.name]
    known = {field.name for field in fields(kind) if field.init}
    for key in given:
        if key not in known:
            raise RecipeError(f"head.{key}: {recipe.head.name} has no such number; it has {', '.join(sorted(known))}")
    return kind(**given)


def _make_centres(recipe: Recipe, classes: int, world: World) -> PartialFC:
    optimizer = recipe.optimizer
    update = Update(optimizer.name, optimizer.momentum, weight_decay=optimizer.weight_decay)
    return PartialFC(
        _head(recipe),
        classes,
        recipe.model.embedding,
        world,
        rate=recipe.head.sample,
        update=update,
        seed=recipe.seed,
    )


def thaw(trained: Trained, recipe: Recipe, step: int, steps_per_epoch: int, world: World) -> None:
    """Let frozen stages learn once their time has come."""
    init = recipe.init
    if init is None or not init.freeze or not init.freeze_epochs:
        return
    due = step >= round(init.freeze_epochs * steps_per_epoch)
    if due and any(not p.requires_grad for group in trained.optimizer.param_groups for p in group["params"]):
        for group in trained.optimizer.param_groups:
            for parameter in group["params"]:
                parameter.requires_grad = True
        trained.model = callable_network(trained.backbone, recipe.run, world)
