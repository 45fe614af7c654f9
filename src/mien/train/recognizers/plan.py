"""What a recognizer's training would take, before it is started: images, classes, steps, memory, time.

Counts multiplications and activations on a network without memory. The time comes from a few steps of the network on
this machine, on a processor with a small batch, so it is an estimate; reading, evaluations and the exchange between
processes are left out. Trains nothing.
"""

import time
from dataclasses import asdict, dataclass
from math import isnan, nan

import numpy as np
import torch

from mien.train.compute.counting import count_forward
from mien.train.compute.distributed import ALONE, World
from mien.train.compute.machine import PlannedMachine, disk_row, machine_of, settle
from mien.train.compute.memory import keep_freed_memory
from mien.train.compute.network import PRECISIONS
from mien.train.compute.optimize import freeze_stages
from mien.train.compute.preprocess import prepare
from mien.train.recipe.optimizers import OPTIMIZERS
from mien.train.recognizers import lora
from mien.train.recognizers.backbones.backbone import Backbone
from mien.train.recognizers.backbones.registry import build
from mien.train.recognizers.data import open_dataset
from mien.train.recognizers.embed import embed
from mien.train.recognizers.initialize import check
from mien.train.recognizers.recipe import RecognizerRecipe
from mien.train.recognizers.validation import open_validation_set

BACKWARD = 3.0
"""The head's multiplications of a step as a multiple of the forward pass's."""

TIMED, REPEATED = 8, 3
"""Crops in a timed step, and number of steps, of which the fastest counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizerPlan:
    """What a training takes.

    Attributes:
        images: number of crops in an epoch.
        classes: number of classes of the head.
        left_out: number of classes with too few crops.
        steps_per_epoch: number of steps in an epoch.
        steps: number of steps of the training.
        parameters: number of weights of the backbone.
        multiplications: of one crop's forward pass.
        rate: the learning rate at this batch.
        backbone_bytes: weights of the backbone in one process, and gradient and moments of those that learn.
        activation_bytes: of one part of a batch in one process.
        head_bytes: class centres, their moments, and logits in one process.
        checkpoint_bytes: of one checkpoint, with the parts of all processes.
        batch: crops of a step in one process.
        kept: number of checkpoints that are kept.
        machine: what the plan is for.
        seconds: of the whole training, without evaluations; NaN where the device is not at this machine.
        evaluations: names of the validation sets.
    """

    images: int
    classes: int
    left_out: int
    steps_per_epoch: int
    steps: int
    parameters: int
    multiplications: int
    rate: float
    backbone_bytes: int
    activation_bytes: int
    head_bytes: int
    checkpoint_bytes: int
    batch: int
    kept: int
    machine: PlannedMachine
    seconds: float
    evaluations: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """Memory of one process."""
        return self.backbone_bytes + self.activation_bytes + self.head_bytes

    def values(self) -> dict[str, object]:
        """All of it, for programs."""
        return {**asdict(self), "bytes": self.bytes, "seconds": None if isnan(self.seconds) else self.seconds}

    def rows(self) -> list[tuple[str, str]]:
        """What and how much, for people, without the time."""
        left_out = f", and {self.left_out:,} with too few images, left out"
        return [
            ("images per epoch", f"{self.images:,}"),
            ("classes", f"{self.classes:,}{left_out if self.left_out else ''}"),
            ("steps", f"{self.steps:,} ({self.steps_per_epoch:,} per epoch)"),
            ("learning rate", f"at most {self.rate:g}"),
            ("network", f"{self.parameters / 1e6:.1f} M parameters"),
            ("multiplications per crop", f"{self.multiplications / 1e9:.2f} G"),
            ("processes", f"{self.machine.processes} x {self.machine.device}, {self.batch} crops of a step each"),
            self.machine.memory_row(
                self.bytes,
                f"{self.backbone_bytes / 1e9:.1f} backbone, {self.activation_bytes / 1e9:.1f} activations, "
                f"{self.head_bytes / 1e9:.1f} head",
            ),
            disk_row(self.kept, self.checkpoint_bytes),
            ("evaluated on", ", ".join(self.evaluations) or "nothing: add [[evaluate]]"),
        ]


def plan_recognizer(recipe: RecognizerRecipe, world: World = ALONE) -> RecognizerPlan:
    """Check a recipe against its data and say what it takes.

    Raises:
        TrainingError: it cannot be followed.
        ManifestError: a data set cannot be read.
    """
    crops = open_dataset(recipe, world)
    check(recipe, world)
    with torch.device("meta"):
        backbone = build(recipe.model.backbone, recipe.model.embedding)
    for one in recipe.evaluate:
        open_validation_set(one, backbone.spec)
    steps_per_epoch = crops.epoch_length // recipe.schedule.batch
    steps = recipe.schedule.total_steps(steps_per_epoch)
    parameters = sum(parameter.numel() for parameter in backbone.parameters())
    operations, activations = count_forward(backbone.eval(), backbone.spec.size)
    learning = _learning(backbone, recipe)
    classes = len(crops.classes)
    machine = machine_of(world)
    seconds = _seconds_per_image(recipe, classes, world) / world.size if machine.present else nan
    moments = OPTIMIZERS[recipe.optimizer.name].moments
    centres = classes * recipe.head.make().centres * recipe.model.embedding
    return RecognizerPlan(
        images=crops.epoch_length,
        classes=classes,
        left_out=crops.left_out,
        steps_per_epoch=steps_per_epoch,
        steps=steps,
        parameters=parameters,
        multiplications=operations // 2,
        rate=recipe.rate,
        backbone_bytes=4 * (parameters + learning * (1 + moments)),
        activation_bytes=_activation_bytes(recipe, activations, world),
        head_bytes=_head_bytes(recipe, classes, world),
        checkpoint_bytes=4 * (parameters + learning * moments + centres * (1 + moments)),
        batch=recipe.schedule.batch // world.size,
        kept=recipe.run.keep,
        machine=machine,
        seconds=steps * recipe.schedule.batch * seconds,
        evaluations=tuple(one.name for one in recipe.evaluate),
    )


def _learning(backbone: Backbone, recipe: RecognizerRecipe) -> int:
    """How many weights have a gradient, with frozen stages and thin matrices; changes the network."""
    init = recipe.init
    if init is not None and init.lora:
        lora.adapt(backbone, init.lora, init.lora_alpha)
    if init is not None and init.freeze and not init.freeze_epochs:
        freeze_stages(backbone, init.freeze)
    return sum(parameter.numel() for parameter in backbone.parameters() if parameter.requires_grad)


def _seconds_per_image(recipe: RecognizerRecipe, classes: int, world: World) -> float:
    sampled = max(1, int(classes * recipe.head.sample))
    head_work = 2 * sampled * recipe.model.embedding
    return _seconds_per_crop(recipe, world) + head_work * BACKWARD / _operations_per_second(world)


def _activation_bytes(recipe: RecognizerRecipe, numbers: int, world: World) -> int:
    part = recipe.schedule.batch // world.size // recipe.run.accumulate
    width = 2 if recipe.run.precision in PRECISIONS else 4
    kept = numbers // 6 if recipe.run.recompute else numbers
    return part * kept * width


def _head_bytes(recipe: RecognizerRecipe, classes: int, world: World) -> int:
    own = -(-classes // world.size)
    sampled = max(1, int(own * recipe.head.sample))
    centres = recipe.head.make().centres
    row = 4 * centres * recipe.model.embedding
    kept = own * row * (1 + OPTIMIZERS[recipe.optimizer.name].moments)
    # The sampled rows: a copy, its gradient, and both for its unit-length form.
    passing = sampled * row * (3 if recipe.head.sample >= 1 else 4)
    logits = 3 * 4 * recipe.schedule.batch // recipe.run.accumulate * sampled * centres
    return kept + passing + logits


def _seconds_per_crop(recipe: RecognizerRecipe, world: World) -> float:
    """Measure how long this machine takes for one crop, forward and backward, at a small batch."""
    keep_freed_memory()
    backbone = build(recipe.model.backbone, recipe.model.embedding).to(world.device).train()
    if recipe.run.channels_last:
        backbone = backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    side = backbone.spec.size
    # A GPU needs a whole batch to be as fast as it is; a processor is as fast with a small one.
    part = recipe.schedule.batch // world.size // recipe.run.accumulate
    count = part if world.device.type == "cuda" else TIMED
    crops = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)
    took = []
    for _ in range(REPEATED):
        start = time.perf_counter()
        pixels = prepare(crops, backbone.spec, world.device, channels_last=recipe.run.channels_last)
        embed(backbone, pixels, recipe.run.precision, world.device).square().mean().backward()  # type: ignore[no-untyped-call]
        settle(world.device)
        took.append((time.perf_counter() - start) / count)
    return min(took)


def _operations_per_second(world: World) -> float:
    """Measure floating point operations per second of a float32 product such as the head's."""
    a, b = torch.randn(256, 512, device=world.device), torch.randn(4096, 512, device=world.device)
    took = []
    for _ in range(REPEATED):
        start = time.perf_counter()
        float((a @ b.T).sum())
        took.append(time.perf_counter() - start)
    return 2 * 256 * 4096 * 512 / min(took)
