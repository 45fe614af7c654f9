"""What the loop needs of what is trained. A recognizer and a detector are one such task each."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from mien.train.compute.distributed import World
from mien.train.compute.machine import PlannedMachine
from mien.train.compute.optimize import Outcome
from mien.train.recipe.settings import Training, ValidationSettings
from mien.train.run.checkpoint import Saved


class Batch(Protocol):
    """This process's share of the data of a step."""

    @property
    def step(self) -> int:
        """Number of the step in the training; 0 is the first."""
        ...


B = TypeVar("B", bound=Batch)


class Task(Protocol[B]):
    """A training: its data, its steps, what a checkpoint keeps, and how it is validated.

    Attributes:
        world: the processes that train together.
        steps_per_epoch: number of steps in an epoch.
        steps: number of steps of the whole training.
    """

    world: World
    steps_per_epoch: int
    steps: int

    @property
    def recipe(self) -> Training:
        """What to do."""
        ...

    @property
    def validation_sets(self) -> Sequence[ValidationSettings]:
        """The sets that the network is evaluated on."""
        ...

    def batches(self, start: int) -> Iterator[B]:
        """This process's shares of the steps from `start` on."""
        ...

    def step(self, batch: B, rate: float, *, stopping: bool = False) -> Outcome:
        """Train on one batch; nothing is changed if the outcome is not finite.

        The outcome says whether any process was asked to stop, of which `stopping` says whether this one was.
        """
        ...

    def describe_fault(self, batch: B) -> str:
        """Describe where the first NaN or infinity appeared and which samples were in the batch."""
        ...

    def inputs(self) -> dict[str, str]:
        """Digests of the data that the recipe names, by their keys as `section.key`, wherever the data are."""
        ...

    def state(self) -> dict[str, Any]:
        """What the first process writes into a checkpoint."""
        ...

    def shard(self) -> dict[str, Any]:
        """What every process writes into a checkpoint."""
        ...

    def restore(self, saved: Saved) -> None:
        """Continue from a checkpoint.

        Raises:
            CheckpointError: it was made with other data or another network.
        """
        ...

    def evaluate(self, number: int, step: int, folder: Path) -> tuple[dict[str, Any], str]:
        """Evaluate on one of the validation sets; returns numbers for the log, and a sentence.

        Every process calls this and does a share of the work; what it returns counts in the first one only.
        """
        ...

    def report(self, folder: Path, language: str) -> tuple[str, ...]:
        """Write the run's report/ in a language; returns its first sentences."""
        ...


class TrainingPlan(Protocol):
    """What a training takes; a frozen dataclass."""

    @property
    def seconds(self) -> float:
        """Of the whole training, without evaluations; NaN where the device is not at this machine."""
        ...

    @property
    def machine(self) -> PlannedMachine:
        """What it is planned for."""
        ...

    def rows(self) -> list[tuple[str, str]]:
        """What and how much, for people, without the time."""
        ...

    def values(self) -> dict[str, object]:
        """The same for programs."""
        ...
