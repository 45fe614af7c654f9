"""A made-up kind of training without a network, to see what the loop does."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

import torch

from mien.train.compute.distributed import ALONE, World
from mien.train.compute.machine import PlannedMachine, machine_of
from mien.train.compute.optimize import Outcome
from mien.train.exported import Exported, ExportRequest
from mien.train.kinds import TrainingKind
from mien.train.recipe.io import RecipeFormat
from mien.train.recipe.settings import Training, ValidationSettings
from mien.train.run.checkpoint import Saved


class ToyRecipe(Training):
    """Counts; some steps are not finite."""

    toy: dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class ToyBatch:
    step: int


@dataclass
class ToyTask:
    """Notes what the loop asks of it."""

    recipe: ToyRecipe
    world: World
    steps_per_epoch: int = 4
    steps: int = 12
    rates: dict[int, float] = field(default_factory=dict)
    count: int = 0

    def __post_init__(self) -> None:
        self.steps = self.recipe.schedule.total_steps(self.steps_per_epoch)

    @property
    def validation_sets(self) -> Sequence[ValidationSettings]:
        return self.recipe.evaluate

    def batches(self, start: int) -> Iterator[ToyBatch]:
        return (ToyBatch(step) for step in range(start, self.steps))

    def step(self, batch: ToyBatch, rate: float, *, stopping: bool = False) -> Outcome:
        if batch.step in self.recipe.toy["bad"]:
            return Outcome(inf, 1.0)
        self.rates[batch.step] = rate
        self.count += 1
        stops = bool(self.world.maximum(torch.tensor(float(stopping))))
        return Outcome(float(batch.step), 1.0, parts=(("part", 0.5),), stopping=stops)

    def describe_fault(self, batch: ToyBatch) -> str:
        return f"toy batch {batch.step}"

    def inputs(self) -> dict[str, str]:
        return {}

    def state(self) -> dict[str, Any]:
        return {"count": self.count}

    def shard(self) -> dict[str, Any]:
        return {"rank": self.world.rank}

    def restore(self, saved: Saved) -> None:
        self.count = saved.state["count"]

    def evaluate(self, number: int, step: int, folder: Path) -> tuple[dict[str, Any], str]:
        name = self.recipe.evaluate[number].name
        return {f"{name}/count": self.count}, f"counted {self.count}"

    def report(self, folder: Path, language: str) -> tuple[str, ...]:
        (folder / "report").mkdir(exist_ok=True)
        (folder / "report" / "language").write_text(language)
        return (f"counted {self.count}",)


@dataclass(frozen=True, slots=True)
class ToyPlan:
    seconds: float
    machine: PlannedMachine = field(default_factory=lambda: machine_of(ALONE))

    def rows(self) -> list[tuple[str, str]]:
        return [("toys", "many")]

    def values(self) -> dict[str, object]:
        return {"toys": "many", "seconds": self.seconds}


def export_toy(request: ExportRequest) -> Exported | None:
    return None


def schema(content: Mapping[str, Any]) -> type[ToyRecipe]:
    return ToyRecipe


TOY = TrainingKind(
    ToyRecipe,
    RecipeFormat("toy", schema, {"toy.wrong": "toy.bad"}),
    ToyTask,
    lambda recipe, world: ToyPlan(12.5),
    export_toy,
)


def toy_content(*bad: int, **changes: object) -> dict[str, object]:
    """A recipe of twelve steps in epochs of four."""
    return {
        "name": "toy",
        "toy": {"bad": list(bad)},
        "optimizer": {"rate": 1.0, "rate_batch": 8},
        "schedule": {"batch": 8, "epochs": 3, "decay": "constant"},
        "run": {"save_every": 2, "device": "cpu"},
        **changes,
    }
