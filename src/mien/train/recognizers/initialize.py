"""What a training starts from: a new network or existing weights, the head's first centres, the optimizer.

Takes no step.
"""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from mien.errors import CheckpointError, RecipeError
from mien.models.defaults import DEFAULTS, read_weights
from mien.models.dlib_resnet import read_layers
from mien.train.compute.compiling import fastest_way
from mien.train.compute.distributed import World
from mien.train.compute.network import OFF, callable_network, require_precision, use_fast_kernels
from mien.train.compute.norms import synchronize
from mien.train.compute.optimize import LossScale, freeze_stages, make_optimizer
from mien.train.compute.order import parts_of_batch
from mien.train.recognizers import lora
from mien.train.recognizers.attention_maps import AttentionTeacher
from mien.train.recognizers.backbones.backbone import Backbone, BackboneInput
from mien.train.recognizers.backbones.dlib_resnet import DlibResNet, state_of
from mien.train.recognizers.backbones.registry import build, spec_of
from mien.train.recognizers.dataset import CropDataset
from mien.train.recognizers.distillation import Distiller, turning_of
from mien.train.recognizers.embed import embedder
from mien.train.recognizers.partial_fc import CentreUpdate, PartialFC
from mien.train.recognizers.recipe import RecognizerRecipe
from mien.train.recognizers.step import Learner
from mien.train.recognizers.teacher import Teacher, open_teacher
from mien.train.recognizers.teacher_cache import require_pack, teach
from mien.train.recognizers.weights import read_weights as read_checkpoint
from mien.types import Image

CROPS_PER_CLASS = 16
"""Maximum number of crops whose mean makes a class's first centre."""

AT_ONCE = 64


def make_backbone(recipe: RecognizerRecipe) -> Backbone:
    """Build the network of a recipe, with random weights or those of [init].

    Raises:
        CheckpointError: [init] names weights of another network.
    """
    torch.manual_seed(recipe.seed)
    model, init = recipe.model, recipe.init
    backbone = build(model.backbone, model.embedding, model.dropout)
    backbone.regularize(model.masking, model.drop_path)
    if init is None:
        # Train from scratch on RGB even where the original authors used BGR.
        backbone.spec = backbone.spec.with_colour("RGB")
    else:
        state, backbone.spec = _weights(recipe, init.weights)
        backbone.load_state_dict(state)
    if model.colour is not None:
        backbone.spec = backbone.spec.with_colour(model.colour)
    backbone.recompute = recipe.run.recompute
    return backbone


def _weights(recipe: RecognizerRecipe, weights: Path | str) -> tuple[dict[str, Tensor], BackboneInput]:
    model = recipe.model
    if weights == "dlib-resnet":
        name, embedding = "dlib-resnet", 128
        default = DEFAULTS["dlib-resnet"]
        state = state_of(read_layers(read_weights(default.package, default.parts["model"])))
        spec = DlibResNet.spec
    else:
        path = Path(weights)
        found = read_checkpoint(path / "state.pt" if path.is_dir() else path)
        name, embedding, state = found.backbone, found.embedding, found.state
        spec = found.spec
    if name != model.backbone or embedding != model.embedding:
        raise CheckpointError(
            f"{weights} is {name} with embeddings of {embedding}, and the recipe trains {model.backbone} with "
            f'{model.embedding}: write model.backbone = "{name}" and model.embedding = {embedding}'
        )
    return state, spec


def class_means(backbone: Backbone, crops: CropDataset, world: World) -> Tensor:
    """Compute the mean unit-length embedding of each class, over at most CROPS_PER_CLASS crops: (classes, D)."""
    counts: dict[int, int] = {}
    chosen = []
    for number, label in enumerate(crops.labels.tolist()):
        counts[label] = counts.get(label, 0) + 1
        if counts[label] <= CROPS_PER_CLASS:
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


def prepare_training(recipe: RecognizerRecipe, crops: CropDataset, world: World) -> Learner:
    """Make network, head and optimizer, as they are before the first step.

    Raises:
        RecipeError: the device does not have the recipe's precision.
        CheckpointError: [init] names weights that cannot be read, or of another network.
    """
    run, init = recipe.run, recipe.init
    require_precision(recipe.run, world)
    use_fast_kernels(products_of(recipe, world), world.device)
    backbone = make_backbone(recipe).to(world.device)
    if run.channels_last:
        backbone = backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    head = _make_centres(recipe, len(crops.classes), world)
    if init is not None and init.head == "class means":
        head.begin_at(class_means(backbone, crops, world))
    anchor = None
    if init is not None and init.anchor:
        anchor = deepcopy(backbone).eval().requires_grad_(False)
    if init is not None and init.lora:
        lora.adapt(backbone, init.lora, init.lora_alpha)
    if run.synchronize_norms and world.size > 1:
        synchronize(backbone, world)
    optimizer = make_optimizer(backbone, recipe.optimizer, init.layer_decay if init is not None else 1.0)
    if init is not None and init.freeze:
        freeze_stages(backbone, init.freeze)
    part = recipe.schedule.batch // parts_of_batch(recipe, world)
    steps = recipe.schedule.total_steps(crops.epoch_length // recipe.schedule.batch)
    way = fastest_way(backbone, (part, 3, backbone.spec.size, backbone.spec.size), run, world, steps)
    return Learner(
        backbone=backbone,
        model=callable_network(backbone, run, world, way),
        way=way,
        head=head,
        optimizer=optimizer,
        scale=LossScale.of(run.precision),
        anchor=anchor,
        frozen=init.freeze if init is not None else (),
        distiller=open_distiller(recipe, crops, backbone, way, world),
    )


def open_distiller(
    recipe: RecognizerRecipe, crops: CropDataset, student: Backbone, way: str, world: World
) -> Distiller | None:
    """Open a recipe's teacher: read its embeddings of the training's packs, or make those that are missing.

    Raises:
        RecipeError: a data set that is not a pack, a teacher whose pose cannot be made of its crops, or one whose
            stages are not known or cannot be compared.
        ModelError: no such model.
        CheckpointError: the teacher's checkpoint cannot be read.
    """
    if recipe.teacher is None:
        return None
    teacher = open_teacher(recipe.teacher.model, crops.size, crops.template, world.device)
    attention = None
    if recipe.teacher.attention:
        attention = AttentionTeacher(student, _stages_of(recipe, teacher, way), world.device)
    packs = [teach(path, teacher, world) for path in recipe.data.sets]
    turning = turning_of(packs, recipe.model.embedding).to(world.device)
    return Distiller(recipe.teacher, packs, crops.places, turning, teacher.digest, attention)


def _stages_of(recipe: RecognizerRecipe, teacher: Teacher, way: str) -> Backbone:
    """A teacher's network, whose stages are compared with the student's."""
    if teacher.network is None:
        raise RecipeError(
            f"teacher.attention needs the stages of {teacher.name}, and only a checkpoint shows them; set it to 0"
        )
    if way != OFF or recipe.run.recompute:
        raise RecipeError(
            "teacher.attention reads the stages of the network, which a compiled or recomputed network hides: set "
            'run.compile = "off" and run.recompute = false'
        )
    network, own = teacher.network(), spec_of(recipe.model.backbone)
    if (network.spec.size, network.spec.template) != (own.size, own.template):
        raise RecipeError(
            f"teacher.attention compares the same crops: {teacher.name} takes {network.spec.template} crops of "
            f"{network.spec.size} pixels, and the network {own.template} crops of {own.size}"
        )
    return network


def check(recipe: RecognizerRecipe, world: World) -> None:
    """Find out whether prepare_training would succeed, without its work.

    Raises:
        RecipeError: the device does not have the recipe's precision.
        CheckpointError: [init] names weights that cannot be read, or of another network.
    """
    require_precision(recipe.run, world)
    if recipe.init is not None:
        _weights(recipe, recipe.init.weights)
    if recipe.teacher is not None:
        spec = spec_of(recipe.model.backbone)
        open_teacher(recipe.teacher.model, spec.size, spec.template, world.device)
        for path in recipe.data.sets:
            require_pack(path)


def _make_centres(recipe: RecognizerRecipe, classes: int, world: World) -> PartialFC:
    optimizer = recipe.optimizer
    return PartialFC(
        recipe.head.make(),
        classes,
        recipe.model.embedding,
        world,
        rate=recipe.head.sample,
        update=CentreUpdate(optimizer.name, optimizer.momentum, optimizer.weight_decay),
        seed=recipe.seed,
        bf16=products_of(recipe, world) == "bf16",
    )


def products_of(recipe: RecognizerRecipe, world: World) -> str:
    """The precision of the head's products on this device: f32, tf32 or bf16."""
    chosen = recipe.head.products
    if chosen != "auto":
        return chosen
    return "tf32" if world.device.type == "cuda" and recipe.run.precision != "f32" else "f32"


def thaw(learner: Learner, recipe: RecognizerRecipe, step: int, steps_per_epoch: int, world: World) -> None:
    """Let frozen stages learn from the step at which the recipe ends their freeze."""
    init = recipe.init
    if init is None or not init.freeze or not init.freeze_epochs:
        return
    parameters = [one for group in learner.optimizer.param_groups for one in group["params"]]
    due = step >= round(init.freeze_epochs * steps_per_epoch)
    if due and not all(parameter.requires_grad for parameter in parameters):
        for parameter in parameters:
            parameter.requires_grad = True
        learner.frozen = ()
        learner.model = callable_network(learner.backbone, recipe.run, world, learner.way)
