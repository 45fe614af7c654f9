"""What a detector's training would take, before it is started. Trains nothing; a few steps are timed."""

import time
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from mien.train.detectors.recipe import DetectorRecipe
from mien.train.detectors.registry import DETECTORS
from mien.train.detectors.task import DetectionTask
from mien.train.distributed import ALONE, World
from mien.train.memory import keep_freed_memory

REPEATED = 2


@dataclass(frozen=True, slots=True)
class DetectorPlan:
    """What a training takes.

    Attributes:
        pictures: in an epoch.
        faces: that count on them.
        problems: rows and pictures that cannot be used.
        steps_per_epoch: steps of an epoch.
        steps: of the training.
        parameters: of the network.
        multiplications: of one input's forward pass.
        rate: the learning rate at this batch.
        seconds: of the whole training on this machine, evaluations left out.
        evaluations: names of the sets.
    """

    pictures: int
    faces: int
    problems: tuple[str, ...]
    steps_per_epoch: int
    steps: int
    parameters: int
    multiplications: int
    rate: float
    seconds: float
    evaluations: tuple[str, ...]

    def words(self) -> list[tuple[str, str]]:
        """For people, but for the time."""
        lost = f"; {len(self.problems):,} rows cannot be used, such as {self.problems[0]}" if self.problems else ""
        return [
            ("pictures in an epoch", f"{self.pictures:,}"),
            ("faces", f"{self.faces:,}{lost}"),
            ("steps", f"{self.steps:,} ({self.steps_per_epoch:,} in an epoch)"),
            ("learning rate", f"{self.rate:g} at its highest"),
            (
                "network",
                f"{self.parameters / 1e6:.2f} M parameters, {self.multiplications / 1e9:.2f} G products an input",
            ),
            ("evaluated on", ", ".join(self.evaluations) or "nothing: add [[evaluate]]"),
        ]


def make_detector_plan(recipe: DetectorRecipe, world: World = ALONE) -> DetectorPlan:
    """Check a recipe against its data and say what it takes.

    Raises:
        TrainingError: it cannot be followed.
        ManifestError: a data set cannot be read.
    """
    keep_freed_memory()
    task = DetectionTask(recipe, world)
    side = recipe.detector.side
    with torch.device("meta"):
        network = DETECTORS[recipe.detector.name]().eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(torch.zeros(1, 3, side, side))
    return DetectorPlan(
        pictures=len(task.pictures),
        faces=task.pictures.faces,
        problems=tuple(f"{one.where}: {one.reason}" for one in task.pictures.problems),
        steps_per_epoch=task.steps_per_epoch,
        steps=task.steps,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        multiplications=counter.get_total_flops() // 2,
        rate=recipe.rate,
        seconds=task.steps * _seconds_a_step(task),
        evaluations=tuple(one.name for one in recipe.evaluate),
    )


def _seconds_a_step(task: DetectionTask) -> float:
    took = []
    batches = task.batches(0)
    for batch in batches:
        start = time.perf_counter()
        task.step(batch, 0.0)
        took.append(time.perf_counter() - start)
        if len(took) > REPEATED:
            break
    batches.close()  # type: ignore[attr-defined]
    return min(took)
