"""What a detector's training would take, before it is started. Times a few steps; trains nothing."""

import time
from dataclasses import asdict, dataclass
from math import isnan, nan

import torch

from mien.errors import RecipeError
from mien.train.compute.counting import count_forward
from mien.train.compute.distributed import ALONE, World
from mien.train.compute.machine import PlannedMachine, disk_row, machine_of, settle
from mien.train.compute.memory import keep_freed_memory
from mien.train.compute.network import PRECISIONS, require_precision
from mien.train.compute.order import parts_of_batch
from mien.train.detectors.recipe import DetectorRecipe
from mien.train.detectors.registry import DETECTORS
from mien.train.detectors.task import DetectionTask
from mien.train.recipe.optimizers import OPTIMIZERS

CPU = torch.device("cpu")

TIMED = 3
"""Steps that are timed; the fastest counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorPlan:
    """What a training takes.

    Attributes:
        images: number of images in an epoch.
        faces: number of faces that count on them.
        problems: rows and images that cannot be used.
        steps_per_epoch: number of steps in an epoch.
        steps: number of steps of the training.
        parameters: number of weights of the network.
        multiplications: of one input's forward pass.
        rate: the learning rate at this batch.
        batch: images of a step in one process.
        checkpoint_bytes: of one checkpoint.
        kept: number of checkpoints that are kept.
        backbone_bytes: weights, gradient and moments of the network in one process.
        activation_bytes: of one part of a batch in one process.
        machine: what the plan is for.
        seconds: of the whole training, without evaluations; NaN where the device is not at this machine.
        evaluations: names of the validation sets.
    """

    images: int
    faces: int
    problems: tuple[str, ...]
    steps_per_epoch: int
    steps: int
    parameters: int
    multiplications: int
    rate: float
    batch: int
    checkpoint_bytes: int
    kept: int
    backbone_bytes: int
    activation_bytes: int
    machine: PlannedMachine
    seconds: float
    evaluations: tuple[str, ...]

    def values(self) -> dict[str, object]:
        """All of it, for programs."""
        return {**asdict(self), "seconds": None if isnan(self.seconds) else self.seconds}

    def rows(self) -> list[tuple[str, str]]:
        """What and how much, for people, without the time."""
        lost = f"; {len(self.problems):,} rows cannot be used, such as {self.problems[0]}" if self.problems else ""
        return [
            ("images per epoch", f"{self.images:,}"),
            ("faces", f"{self.faces:,}{lost}"),
            ("steps", f"{self.steps:,} ({self.steps_per_epoch:,} per epoch)"),
            ("learning rate", f"at most {self.rate:g}"),
            ("network", f"{self.parameters / 1e6:.2f} M parameters"),
            ("multiplications per input", f"{self.multiplications / 1e9:.2f} G"),
            ("processes", f"{self.machine.processes} x {self.machine.device}, {self.batch} images of a step each"),
            self.machine.memory_row(
                self.backbone_bytes + self.activation_bytes,
                f"{self.backbone_bytes / 1e9:.1f} network, {self.activation_bytes / 1e9:.1f} activations",
            ),
            disk_row(self.kept, self.checkpoint_bytes),
            ("evaluated on", ", ".join(self.evaluations) or "nothing: add [[evaluate]]"),
        ]


def plan_detector(recipe: DetectorRecipe, world: World = ALONE) -> DetectorPlan:
    """Check a recipe against its data and say what it takes.

    Raises:
        TrainingError: it cannot be followed.
        ManifestError: a data set cannot be read.
    """
    keep_freed_memory()
    parts_of_batch(recipe, world)
    require_precision(recipe.run, world)
    machine, side = machine_of(world), recipe.detector.side
    own = recipe.schedule.batch // world.size
    task = DetectionTask(_of_one_process(recipe, own, machine), World(0, 1, world.device if machine.present else CPU))
    with torch.device("meta"):
        network = DETECTORS[recipe.detector.name].build().eval()
    operations, activations = count_forward(network, side)
    multiplications = operations // 2
    parameters = sum(parameter.numel() for parameter in network.parameters())
    moments = OPTIMIZERS[recipe.optimizer.name].moments
    steps_per_epoch = len(task.dataset) // recipe.schedule.batch
    if not steps_per_epoch:
        raise RecipeError(
            f"{len(task.dataset)} images do not fill one batch of {recipe.schedule.batch}; lower schedule.batch or "
            "add images"
        )
    steps = recipe.schedule.total_steps(steps_per_epoch)
    return DetectorPlan(
        images=len(task.dataset),
        faces=task.dataset.faces,
        problems=tuple(f"{one.where}: {one.reason}" for one in task.dataset.problems),
        steps_per_epoch=steps_per_epoch,
        steps=steps,
        parameters=parameters,
        multiplications=multiplications,
        rate=recipe.rate,
        batch=own,
        checkpoint_bytes=4 * parameters * (1 + moments),
        kept=recipe.run.keep,
        backbone_bytes=4 * parameters * (2 + moments),
        activation_bytes=own
        // recipe.run.accumulate
        * activations
        * (2 if recipe.run.precision in PRECISIONS else 4),
        machine=machine,
        seconds=steps * _seconds_per_step(task) if machine.present else nan,
        evaluations=tuple(one.name for one in recipe.evaluate),
    )


def _of_one_process(recipe: DetectorRecipe, batch: int, machine: PlannedMachine) -> DetectorRecipe:
    """The recipe with the share of a batch that one process has, as it can be opened on this machine."""
    schedule = recipe.schedule.model_copy(update={"batch": batch})
    run = recipe.run if machine.present else recipe.run.model_copy(update={"precision": "f32", "device": "cpu"})
    return recipe.model_copy(update={"schedule": schedule, "run": run})


def _seconds_per_step(task: DetectionTask) -> float:
    took = []
    batches = task.batches(0)
    for batch in batches:
        start = time.perf_counter()
        task.step(batch, 0.0)
        settle(task.world.device)
        took.append(time.perf_counter() - start)
        if len(took) == TIMED:
            break
    batches.close()  # type: ignore[attr-defined]
    return min(took)
