"""The training loop: from a recipe to checkpoints, evaluations and a report.

Data, network, head, step and checkpoint each have a module; this one says in which order things happen. It is the
same for every kind of training, on one process and on many, on a processor and on GPUs.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from typing import Any

import torch

from mien.errors import NonFiniteError
from mien.messages import check_language
from mien.progress import OnProgress, Progress, no_progress
from mien.train.compute.distributed import World, joined
from mien.train.compute.memory import keep_freed_memory
from mien.train.kinds import open_task
from mien.train.recipe.settings import Training
from mien.train.resume import begin, save, step_back
from mien.train.run.checkpoint import checkpoints
from mien.train.run.folder import RunFolder, open_run_folder
from mien.train.run.journal import Journal
from mien.train.run.writer import CheckpointWriter
from mien.train.task import Batch, Task

MAX_STEPS_BACK = 3
"""Number of times that a training may go back to a checkpoint before it is given up."""

SPEED_STEPS = 20
"""Number of last steps that the speed is measured over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """What is known after a step, or a message about one.

    Attributes:
        step: number of steps that are done.
        steps: number of steps of the whole training.
        loss: of the last step.
        rate: learning rate of the last step.
        speed: images per second, over all processes.
        seconds_left: at that speed.
        message: a sentence, after an evaluation or a step back; empty after a step.
    """

    step: int
    steps: int
    loss: float = nan
    rate: float = nan
    speed: float = nan
    seconds_left: float = nan
    message: str = ""


OnReport = Callable[[StepReport], None]
"""Called after every step, every evaluation and every step back."""


def ignore_report(report: StepReport) -> None:
    """Do nothing with a report."""


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What a training leaves.

    Attributes:
        folder: of the run: recipe.toml, log.jsonl, checkpoints/, tensorboard/, report/.
        checkpoint: the last one.
        first_process: whether this process is the one that wrote log and report.
        sentences: the first of the report; none in other processes.
    """

    folder: Path
    checkpoint: Path
    first_process: bool = True
    sentences: tuple[str, ...] = ()

    @property
    def report(self) -> Path:
        """The folder of the report."""
        return self.folder / "report"


def train(
    recipe: Training,
    folder: Path,
    *,
    language: str = "en",
    on_progress: OnProgress = no_progress,
    on_report: OnReport = ignore_report,
) -> TrainingResult:
    """Train, or continue where a run of the same recipe stopped.

    Args:
        recipe: what to do; mien.train.kinds.read_recipe reads one.
        folder: of the run.
        language: of the report.
        on_progress: called after every step.
        on_report: called after every step, with its numbers, and with a message after an evaluation.

    Raises:
        TrainingError: the recipe cannot be followed, a checkpoint cannot be read or written, or a loss is not finite.
        LanguageError: there is no such language.
        KeyboardInterrupt: the process was asked to stop, and has written a checkpoint.

    Example:
        >>> from mien.train.kinds import read_recipe
        >>> mien.train_model(read_recipe(Path("tiny.toml")), Path("run")).checkpoint.name
        'step-00000002'
    """
    check_language(language)
    keep_freed_memory()
    with joined(recipe.run.device) as world:
        place = open_run_folder(folder, world.channel, gather=recipe.run.gather)
        task = open_task(recipe, world)
        start = begin(task, place)
        damaged = _damaged(folder, start.step)
        for message in (*damaged, *start.notes):
            on_report(StepReport(step=start.step, steps=task.steps, message=message))
        with (
            _stopping() as stopping,
            Journal(folder, recipe, start.step, writes=world.rank == 0) as journal,
            CheckpointWriter(place, recipe.run.keep) as writer,
        ):
            run = _Run(
                task=task,
                place=place,
                writer=writer,
                journal=journal,
                stopping=stopping,
                on_progress=on_progress,
                on_report=on_report,
            )
            run.go(start.step)
        sentences = task.report(folder, language) if world.rank == 0 else ()
        world.wait()
        newest = place.checkpoints / f"step-{task.steps:08d}"
        return TrainingResult(folder, newest, world.rank == 0, sentences)


@dataclass(slots=True, eq=False, kw_only=True)
class _Run:
    """One training on its way: steps, checkpoints, evaluations, and what happens when a loss is not finite."""

    task: Task[Any]
    place: RunFolder
    writer: CheckpointWriter
    journal: Journal
    stopping: threading.Event
    on_progress: OnProgress
    on_report: OnReport
    skipped: set[int] = field(default_factory=set)
    times: list[float] = field(default_factory=list)

    def go(self, step: int) -> None:
        """Train from a step to the end."""
        while step < self.task.steps:
            # What is due at a checkpoint comes after it, so a run that was killed between them has it left to do.
            self.validate(step)
            self.times = [time.monotonic()]
            try:
                for batch in self.task.batches(step):
                    asked = self.stopping.is_set() or self.writer.failed
                    stop = _any(self.task.world, asked) if batch.step in self.skipped else self.train_on(batch, asked)
                    step = batch.step + 1
                    self.save_and_validate(step, stop)
            except NonFiniteError as reason:
                step = self.go_back(step, reason)
        self.validate(self.task.steps)
        self.writer.finish()

    def train_on(self, batch: Batch, asked: bool) -> bool:
        """Make one step and report it; returns whether any process was asked to stop."""
        task = self.task
        rate = task.recipe.rate * task.recipe.schedule.factor(batch.step, task.steps, task.steps_per_epoch)
        outcome = task.step(batch, rate, stopping=asked)
        if not outcome.finite:
            raise NonFiniteError(
                f"step {batch.step + 1}: the loss or a gradient is not finite; {task.describe_fault(batch)}. The "
                "last checkpoint is unchanged: lower optimizer.rate, set run.precision to f32 or run.non_finite to "
                "step back."
            )
        done, speed = batch.step + 1, self.speed()
        left = (task.steps - done) * task.recipe.schedule.batch / speed
        self.journal.write(
            done, {"loss": outcome.loss, "rate": rate, "speed": speed, "norm": outcome.norm, **dict(outcome.parts)}
        )
        self.on_report(
            StepReport(step=done, steps=task.steps, loss=outcome.loss, rate=rate, speed=speed, seconds_left=left)
        )
        self.on_progress(Progress(stage="training", done=done, total=task.steps))
        # A process that trains alone needs no exchange to hear of a signal that came during the step.
        return outcome.stopping or (task.world.size == 1 and self.stopping.is_set())

    def speed(self) -> float:
        """Images per second over the last steps, one of which is done now."""
        self.times = [*self.times[-SPEED_STEPS:], time.monotonic()]
        seconds = max(1e-9, self.times[-1] - self.times[0])
        return self.task.recipe.schedule.batch * (len(self.times) - 1) / seconds

    def save_and_validate(self, step: int, stop: bool) -> None:
        """Begin a checkpoint and evaluate, if it is time; stop, if any process was asked to or could not write."""
        task = self.task
        if stop or step % task.recipe.run.save_every == 0 or step == task.steps:
            save(task, self.writer, step)
            self.journal.flush()
        if stop:
            self.writer.finish()
            raise KeyboardInterrupt
        if self.validate(step):
            self.times = [time.monotonic()]

    def go_back(self, step: int, reason: NonFiniteError) -> int:
        """Skip the batch of a step and return to the last checkpoint; returns its step."""
        task = self.task
        self.writer.finish()
        none = self.place.channel.any(self.place.channel.rank == 0 and not checkpoints(self.place.checkpoints))
        if task.recipe.run.non_finite == "stop" or len(self.skipped) >= MAX_STEPS_BACK or none:
            raise reason
        self.skipped.add(step)
        back = step_back(task, self.place)
        self.journal.rewind(back)
        self.on_report(StepReport(step=back, steps=task.steps, message=f"{reason} It continues from step {back}."))
        return back

    def validate(self, step: int) -> bool:
        """Evaluate on the sets that are due, unless an interrupted run has done so; says whether any was due."""
        sets, world, ends = self.task.validation_sets, self.task.world, (0, self.task.steps)
        due = [number for number, one in enumerate(sets) if step in ends or (one.every > 0 and step % one.every == 0)]
        for number in due:
            # Only the first process has the log.
            left = world.rank == 0 and (step, sets[number].name) not in self.journal.evaluated
            if _any(world, left):
                self.evaluate(number, step)
        if due:
            world.wait()
        return bool(due)

    def evaluate(self, number: int, step: int) -> None:
        """Evaluate on one set, write it down and report it."""
        name = self.task.validation_sets[number].name
        numbers, sentence = self.task.evaluate(number, step, self.place.path)
        if self.task.world.rank > 0:
            return
        self.journal.write(step, {"evaluated": name, **numbers})
        self.on_report(StepReport(step=step, steps=self.task.steps, message=f"{name}: {sentence}"))


def _damaged(folder: Path, step: int) -> tuple[str, ...]:
    """A sentence on the newest checkpoint, where a run does not continue from it."""
    newest = next(reversed(checkpoints(folder / "checkpoints")), None)
    if newest is None or int(newest.name[5:]) == step:
        return ()
    return (f"{newest.name} is damaged and was skipped; the training continues from step {step}",)


def _any(world: World, value: bool) -> bool:
    """Whether it is so on any process."""
    return value if world.size == 1 else bool(world.maximum(torch.tensor(float(value), device=world.device)) > 0)


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
