"""What a detector's training would take, before it is started. Times a few steps; trains nothing."""

import time
from dataclasses import asdict, dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from mien.train.compute.distributed import ALONE, World
from mien.train.compute.memory import keep_freed_memory
from mien.train.detectors.recipe import DetectorRecipe
from mien.train.detectors.registry import DETECTORS
from mien.train.detectors.task import DetectionTask

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
        seconds: of the whole training on this machine, without evaluations.
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
    seconds: float
    evaluations: tuple[str, ...]

    def values(self) -> dict[str, object]:
        """All of it, for programs."""
        return asdict(self)

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
            ("evaluated on", ", ".join(self.evaluations) or "nothing: add [[evaluate]]"),
        ]


def plan_detector(recipe: DetectorRecipe, world: World = ALONE) -> DetectorPlan:
    """Check a recipe against its data and say what it takes.

    Raises:
        TrainingError: it cannot be followed.
        ManifestError: a data set cannot be read.
    """
    keep_freed_memory()
    task = DetectionTask(recipe, world)
    side = recipe.detector.side
    with torch.device("meta"):
        network = DETECTORS[recipe.detector.name].build().eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(torch.zeros(1, 3, side, side))
    return DetectorPlan(
        images=len(task.dataset),
        faces=task.dataset.faces,
        problems=tuple(f"{one.where}: {one.reason}" for one in task.dataset.problems),
        steps_per_epoch=task.steps_per_epoch,
        steps=task.steps,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        multiplications=counter.get_total_flops() // 2,
        rate=recipe.rate,
        seconds=task.steps * _seconds_per_step(task),
        evaluations=tuple(one.name for one in recipe.evaluate),
    )


def _seconds_per_step(task: DetectionTask) -> float:
    took = []
    batches = task.batches(0)
    for batch in batches:
        start = time.perf_counter()
        task.step(batch, 0.0)
        took.append(time.perf_counter() - start)
        if len(took) == TIMED:
            break
    batches.close()  # type: ignore[attr-defined]
    return min(took)
