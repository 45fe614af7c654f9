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

import torch

from mien.errors import NonFiniteError
from mien.train import checkpoint
from mien.train.backbones.known import pixels_of
from mien.train.crops import Batch, Crops
from mien.train.journal import Journal
from mien.train.memory import keep_freed_memory
from mien.train.optimize import factor_at
from mien.train.pixels import embedder
from mien.train.recipe import Recipe
from mien.train.report import write_training_report
from mien.train.resume import begin, save, step_back
from mien.train.start import prepare_training, thaw
from mien.train.step import Outcome, Trained, first_fault, make_step
from mien.train.supply import batches_of, length_of, open_crops
from mien.train.watching import WatchedSet, describe_number, keep, kept, open_set, telling
from mien.train.world import World, joined

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


def train(recipe: Recipe, folder: Path, watch: Watch = lambda progress: None) -> Path:
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
        crops = open_crops(recipe, world)
        length = length_of(recipe, crops)
        sets = [open_set(one, pixels_of(recipe.model.backbone)) for one in recipe.evaluate]
        trained = prepare_training(recipe, crops, world)
        step = begin(recipe, folder, trained, crops, world)
        skipped = set[int]()
        with _stopping() as stopping, Journal(folder, recipe, step, writes=world.rank == 0) as journal:
            judge = _Judge(recipe, folder, trained, sets, journal, world, watch, length.steps)
            judge.look(0)
            while step < length.steps:
                clock = _Clock(recipe.schedule.batch)
                try:
                    for batch in batches_of(recipe, crops, world, step, length.steps):
                        if batch.step not in skipped:
                            thaw(trained, recipe, batch.step, length.an_epoch, world)
                            rate = recipe.rate * factor_at(batch.step, length.steps, length.an_epoch, recipe.schedule)
                            outcome = make_step(trained, batch, rate, recipe, world)
                            if not outcome.finite:
                                raise NonFiniteError(_where(trained, batch, crops, recipe, world))
                            progress = clock.tick(batch.step + 1, length.steps, outcome, rate)
                            journal.write(progress.step, progress.numbers | {"norm": outcome.norm})
                            watch(progress)
                        step = batch.step + 1
                        stop = world.maximum(torch.tensor(float(stopping.is_set()), device=world.device)) > 0
                        if stop or step % recipe.run.save_every == 0 or step == length.steps:
                            save(recipe, folder, trained, crops, world, step)
                        if stop:
                            raise KeyboardInterrupt
                        if judge.look(step):
                            clock = _Clock(recipe.schedule.batch)
                except NonFiniteError as reason:
                    hopeless = len(skipped) >= STEPS_BACK or not checkpoint.checkpoints(folder / "checkpoints")
                    if recipe.run.non_finite == "stop" or hopeless:
                        raise
                    skipped.add(step)
                    step = step_back(folder, trained, crops)
                    journal.rewind(step)
                    watch(Progress(step, length.steps, told=f"{reason} It goes on from step {step}."))
            judge.look(length.steps)
        if world.rank == 0:
            write_training_report(recipe, folder, crops, sets)
        world.wait()
        return checkpoint.checkpoints(folder / "checkpoints")[-1]


@dataclass(frozen=True, slots=True, eq=False)
class _Judge:
    """Evaluates on the recipe's sets when it is time: before the first step, every so often, and at the end."""

    recipe: Recipe
    folder: Path
    trained: Trained
    sets: list[WatchedSet]
    journal: Journal
    world: World
    watch: Watch
    steps: int

    def look(self, step: int) -> bool:
        """Evaluate on the sets that are due, unless a run that was broken off has done so; say whether any was."""
        due = [one for one in self.sets if step in (0, self.steps) or _is_round(step, one.settings.every)]
        if due and self.world.rank == 0:
            for one in due:
                if (step, one.settings.name) not in self.journal.evaluated:
                    self._evaluate(one, step)
        if due:
            self.world.wait()
        return bool(due)

    def _evaluate(self, one: WatchedSet, step: int) -> None:
        name = one.settings.name
        vectors = one.embed(embedder(self.trained.backbone, self.world.device))
        keep(vectors, kept(self.folder, name, "before" if step == 0 else "after"))
        report = one.report(vectors, self.recipe.name)
        numbers = {f"{name}/{key}": value.value for key, value in report.numbers.items()}
        self.journal.write(step, {"evaluated": name, **numbers})
        figures = [f"{key} {describe_number(report.numbers[key])}" for key in telling(report)[:2]]
        told = f"{name}: {', '.join(figures) or 'too few comparisons for any rate'}"
        self.watch(Progress(step, self.steps, told=told))


def _is_round(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


def _where(trained: Trained, batch: Batch, crops: Crops, recipe: Recipe, world: World) -> str:
    """What was in hand when a loss was no number."""
    fault = first_fault(trained, batch, recipe.run.precision, world.device)
    shown = ", ".join(crops.name(number) for number in batch.numbers[:3].tolist())
    return (
        f"step {batch.step + 1}: the loss or a gradient is not finite; {fault}. The batch begins with {shown}. The "
        "last checkpoint is as it was: lower optimizer.rate, set run.precision to f32 or run.non_finite to step back."
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
