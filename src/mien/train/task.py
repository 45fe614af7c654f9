"""What the loop needs of what is trained. A recognizer and a detector are one such task each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Protocol, TypeVar

from mien.train.checkpoint import Saved
from mien.train.distributed import World
from mien.train.settings import Training, ValidationSettings


class Batch(Protocol):
    """This process's share of a step's data."""

    @property
    def step(self) -> int:
        """Its number in the training."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step went.

    Attributes:
        loss: the mean over the global batch.
        norm: of the network's gradient, before clipping.
        overflowed: whether half precision overflowed and nothing was changed.
        parts: parts of the loss, by name, for the log.
    """

    loss: float
    norm: float
    overflowed: bool = False
    parts: tuple[tuple[str, float], ...] = ()

    @property
    def finite(self) -> bool:
        """Whether loss and gradient are numbers."""
        return self.overflowed or (isfinite(self.loss) and isfinite(self.norm))


B = TypeVar("B", bound=Batch)


class Task(Protocol[B]):
    """A training: its data, its steps, what a checkpoint keeps, and how it is judged.

    Attributes:
        world: the processes that do it.
        steps_per_epoch: steps of an epoch.
        steps: of the whole training.
    """

    world: World
    steps_per_epoch: int
    steps: int

    @property
    def recipe(self) -> Training:
        """What to do."""
        ...

    @property
    def watched(self) -> Sequence[ValidationSettings]:
        """The sets that it is evaluated on."""
        ...

    def batches(self, start: int) -> Iterator[B]:
        """This process's shares of the steps from `start` on."""
        ...

    def step(self, batch: B, rate: float) -> Outcome:
        """Train on one batch; nothing is changed where the outcome is not finite."""
        ...

    def fault(self, batch: B) -> str:
        """Where a number that is none came from, in words, and what the batch held."""
        ...

    def state(self) -> dict[str, Any]:
        """What the first process writes into a checkpoint."""
        ...

    def shard(self) -> dict[str, Any]:
        """What every process writes."""
        ...

    def restore(self, saved: Saved) -> None:
        """Take up a checkpoint.

        Raises:
            CheckpointError: it is of other data or of another network.
        """
        ...

    def evaluate(self, number: int, step: int, folder: Path) -> tuple[dict[str, Any], str]:
        """Evaluate on one of the watched sets; gives what the log keeps, and a sentence."""
        ...

    def report(self, folder: Path) -> None:
        """Write the run's report/."""
        ...
