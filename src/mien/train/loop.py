"""The training loop: from a recipe to checkpoints, evaluations and a report. One function, read downwards.

Data, network, head, step and checkpoint each have a module; this one says in which order things happen. It is the
same on one process and on many, on a processor and on GPUs.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import torch

from mien.errors import NonFiniteError
from mien.train import checkpoint
from mien.train.detectors.recipe import DetectorRecipe
from mien.train.detectors.task import DetectionTask
from mien.train.distributed import World, joined
from mien.train.journal import Journal
from mien.train.memory import keep_freed_memory
from mien.train.optimize import factor_at
from mien.train.recipe_io import AnyRecipe
from mien.train.recognizers.task import RecognitionTask
from mien.train.resume import begin, save, step_back
from mien.train.task import Outcome, Task

STEPS_BACK = 3
"""How often a training may go back before it is given up."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is.

    Attributes:
        step: steps made.
        steps: of the whole training.
        loss: of the last step.
        rate: its learning rate.
        speed: images a second, over all processes.
        seconds_left: at that speed.
        told: a sentence, where something happened.
    """

    step: int
    steps: int
    loss: float = nan
    rate: float = nan
    speed: float = nan
    seconds_left: float = nan
    told: str = ""

    @property
    def numbers(self) -> dict[str, float]:
        """What the log keeps of it."""
        return {"loss": self.loss, "rate": self.rate, "speed": self.speed}


Watch = Callable[[Progress], None]


def train(recipe: AnyRecipe, folder: Path, watch: Watch = lambda progress: None) -> Path:
    """Train, or go on where a run of the same recipe stopped.

    Args:
        recipe: what to do.
        folder: of the run: recipe.toml, log.jsonl, checkpoints/, tensorboard/, report/.
        watch: told after every step.

    Returns:
        The last checkpoint.

    Raises:
        TrainingError: the recipe cannot be followed; a checkpoint cannot be read or written; a loss is no number.
        KeyboardInterrupt: it was asked to stop, and has written a checkpoint.
    """
    keep_freed_memory()
    with joined(recipe.run.device) as world:
        task = open_task(recipe, world)
        step = begin(task, folder)
        skipped = set[int]()
        with _stopping() as stopping, Journal(folder, recipe, step, writes=world.rank == 0) as journal:
            judge = _Judge(task, folder, journal, watch)
            judge.look(0)
            while step < task.steps:
                clock = _Clock(recipe.schedule.batch)
                try:
                    for batch in task.batches(step):
                        if batch.step not in skipped:
                            rate = recipe.rate * factor_at(
                                batch.step, task.steps, task.steps_per_epoch, recipe.schedule
                            )
                            outcome = task.step(batch, rate)
                            if not outcome.finite:
                                raise NonFiniteError(_where(task, batch))
                            progress = clock.tick(batch.step + 1, task.steps, outcome, rate)
                            values = {"norm": outcome.norm, **dict(outcome.parts)}
                            journal.write(progress.step, progress.numbers | values)
                            watch(progress)
                        step = batch.step + 1
                        stop = world.maximum(torch.tensor(float(stopping.is_set()), device=world.device)) > 0
                        if stop or step % recipe.run.save_every == 0 or step == task.steps:
                            save(task, folder, step)
                        if stop:
                            raise KeyboardInterrupt
                        if judge.look(step):
                            clock = _Clock(recipe.schedule.batch)
                except NonFiniteError as reason:
                    hopeless = len(skipped) >= STEPS_BACK or not checkpoint.checkpoints(folder / "checkpoints")
                    if recipe.run.non_finite == "stop" or hopeless:
                        raise
                    skipped.add(step)
                    step = step_back(task, folder)
                    journal.rewind(step)
                    watch(Progress(step, task.steps, told=f"{reason} It goes on from step {step}."))
            judge.look(task.steps)
        if world.rank == 0:
            task.report(folder)
        world.wait()
        return checkpoint.checkpoints(folder / "checkpoints")[-1]


def open_task(recipe: AnyRecipe, world: World) -> Task[Any]:
    """What a recipe trains, with its data open and its network as it is before the first step."""
    return DetectionTask(recipe, world) if isinstance(recipe, DetectorRecipe) else RecognitionTask(recipe, world)


@dataclass(frozen=True, slots=True, eq=False)
class _Judge:
    """Evaluates on the recipe's sets when it is time: before the first step, every so often, and at the end."""

    task: Task[Any]
    folder: Path
    journal: Journal
    watch: Watch

    def look(self, step: int) -> bool:
        """Evaluate on the sets that are due, unless a run that was broken off has done so; say whether any was."""
        sets, world = self.task.watched, self.task.world
        due = [
            number for number, one in enumerate(sets) if step in (0, self.task.steps) or _is_round(step, one.every)
        ]
        if due and world.rank == 0:
            for number in due:
                if (step, sets[number].name) not in self.journal.evaluated:
                    self._evaluate(number, step)
        if due:
            world.wait()
        return bool(due)

    def _evaluate(self, number: int, step: int) -> None:
        name = self.task.watched[number].name
        numbers, told = self.task.evaluate(number, step, self.folder)
        self.journal.write(step, {"evaluated": name, **numbers})
        self.watch(Progress(step, self.task.steps, told=f"{name}: {told}"))


def _is_round(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


def _where(task: Task[Any], batch: Any) -> str:  # noqa: ANN401
    """What was in hand when a loss was no number."""
    return (
        f"step {batch.step + 1}: the loss or a gradient is not finite; {task.fault(batch)}. The last checkpoint is "
        "as it was: lower optimizer.rate, set run.precision to f32 or run.non_finite to step back."
    )


class _Clock:
    """Images a second over the last steps."""

    def __init__(self, batch: int) -> None:
        self._batch, self._times = batch, [time.monotonic()]

    def tick(self, step: int, steps: int, outcome: Outcome, rate: float) -> Progress:
        """A step is done."""
        self._times = [*self._times[-20:], time.monotonic()]
        speed = self._batch * (len(self._times) - 1) / max(1e-9, self._times[-1] - self._times[0])
        return Progress(step, steps, outcome.loss, rate, speed, (steps - step) * self._batch / speed)


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that is set when the process is asked to stop; asked twice, it stops at once."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = {kind: signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: object) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    for kind in before:
        signal.signal(kind, ask)
    try:
        yield event
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
