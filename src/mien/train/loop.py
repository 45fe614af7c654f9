"""The training loop: from a recipe to checkpoints, evaluations and a report. One function, read downwards.

Data, network, head, step and checkpoint each have a module; this one says in which order things happen. It is the
same on one process and on many, on a processor and on GPUs.
"""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from mien.data.pack import Pack, is_pack
from mien.errors import CheckpointError, NonFiniteError, RecipeError
from mien.models.engines import usable_cores
from mien.train import checkpoint
from mien.train.augment import Chances
from mien.train.backbones.backbone import Backbone
from mien.train.crops import Batch, Choice, Crops, Share, batches
from mien.train.heads import HEADS
from mien.train.journal import Journal
from mien.train.memory import keep_freed_memory
from mien.train.norms import synchronize
from mien.train.optimize import LossScale, factor_at, freeze_stages, make_optimizer
from mien.train.partial_fc import PartialFC, Update
from mien.train.pixels import embedder
from mien.train.recipe import Recipe, format_recipe
from mien.train.report import write_training_report
from mien.train.start import class_means, make_backbone
from mien.train.step import Trained, first_fault, make_step
from mien.train.watching import WatchedSet, describe_number, keep, kept, open_set, telling
from mien.train.world import ALONE, World, joined

STEPS_BACK = 3
"""How often a training may go back before it is given up."""

FIRST_SCALE = 2.0**16


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
    loss: float
    rate: float
    speed: float
    seconds_left: float
    told: str = ""


Watch = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Length:
    """Steps of an epoch and of the whole training."""

    an_epoch: int
    steps: int


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
        sets = [open_set(one, _pixels(recipe)) for one in recipe.evaluate]
        trained = prepare_training(recipe, crops, world)
        begun = _begin(recipe, folder, trained, crops, world)
        share = Share(recipe.schedule.batch, *world.slice_of(recipe.schedule.batch))
        step, skipped, last = begun, set[int](), begun
        with _stopping() as stopping, Journal(folder, recipe, begun, writes=world.rank == 0) as journal:
            if step == 0:
                _evaluate(recipe, folder, trained, sets, journal, world, 0, watch)
            while step < length.steps:
                clock = _Clock(recipe.schedule.batch)
                try:
                    for batch in _batches(recipe, crops, share, step, length.steps):
                        _thaw(trained, recipe, batch.step, length, world)
                        rate = recipe.rate * factor_at(batch.step, length.steps, length.an_epoch, recipe.schedule)
                        if batch.step not in skipped:
                            outcome = make_step(trained, batch, rate, recipe, world)
                            if not outcome.finite:
                                raise NonFiniteError(_where(trained, batch, crops, recipe, world))
                        step = batch.step + 1
                        speed = clock.tick()
                        journal.write(
                            step, {"loss": outcome.loss, "rate": rate, "norm": outcome.norm, "speed": speed}
                        )
                        watch(
                            Progress(step, length.steps, outcome.loss, rate, speed, _left(step, length, share, speed))
                        )
                        stop = world.maximum(torch.tensor(float(stopping.is_set()), device=world.device)) > 0
                        if stop or step % recipe.run.save_every == 0 or step == length.steps:
                            _save(recipe, folder, trained, crops, world, step)
                            last = step
                        if stop:
                            raise KeyboardInterrupt
                        if _evaluate(recipe, folder, trained, sets, journal, world, step, watch, length.steps):
                            clock = _Clock(recipe.schedule.batch)
                except NonFiniteError as reason:
                    if recipe.run.non_finite == "stop" or len(skipped) >= STEPS_BACK or last == 0:
                        raise
                    skipped.add(step)
                    watch(Progress(step, length.steps, 0.0, 0.0, 0.0, 0.0, f"{reason} It goes on from step {last}."))
                    step = _restore(trained, _newest(folder), crops, world)
        if world.rank == 0:
            write_training_report(recipe, folder, crops, sets)
        world.wait()
        return checkpoint.checkpoints(folder / "checkpoints")[-1]


def open_crops(recipe: Recipe, world: World = ALONE) -> Crops:
    """The recipe's data, checked as far as can be before the first step.

    Raises:
        ManifestError: a data set cannot be read, or a pack's checksums fail.
        RecipeError: too few classes, or a batch that cannot be shared out.
    """
    pixels, data = _pixels(recipe), recipe.data
    if recipe.data.check:
        _check_packs(recipe)
    crops = Crops(data.sets, pixels.size, pixels.template, Choice(data.least, data.most, data.sampling))
    batch, parts = recipe.schedule.batch, world.size * recipe.run.accumulate
    if batch % parts:
        raise RecipeError(
            f"a batch of {batch} cannot be shared out to {world.size} processes in {recipe.run.accumulate} parts; "
            f"take a multiple of {parts}"
        )
    if batch // parts < 2:
        raise RecipeError(f"a batch of {batch} leaves a process {batch // parts}, and BatchNorm needs two crops")
    if crops.an_epoch < batch:
        raise RecipeError(
            f"{len(crops)} crops do not fill one batch of {batch}; lower schedule.batch or give more crops"
        )
    if pixels.template != "arcface" and (recipe.augment.mask or recipe.augment.glasses):
        raise RecipeError("augment.mask and augment.glasses are drawn on the arcface pose alone; set them to 0")
    return crops


def _check_packs(recipe: Recipe) -> None:
    for path in recipe.data.sets:
        if is_pack(path):
            problem = next(Pack(path).check(), None)
            if problem is not None:
                raise RecipeError(f"{path}: {problem.where}: {problem.reason}; run `mien data check {path}`")


def _pixels(recipe: Recipe) -> Any:  # noqa: ANN401
    with torch.device("meta"):
        from mien.train.backbones.known import build

        return build(recipe.model.backbone, recipe.model.embedding).pixels


def length_of(recipe: Recipe, crops: Crops) -> Length:
    """Steps of an epoch and of the training."""
    an_epoch = crops.an_epoch // recipe.schedule.batch
    schedule = recipe.schedule
    return Length(an_epoch, schedule.steps or max(1, round((schedule.epochs or 0) * an_epoch)))


def prepare_training(recipe: Recipe, crops: Crops, world: World) -> Trained:
    """Network, head and optimizer, as they are before the first step.

    Raises:
        RecipeError: a head that does not have what the recipe sets.
    """
    run, init = recipe.run, recipe.init
    if run.precision == "fp16" and world.device.type == "cpu":
        raise RecipeError(
            "run.precision is fp16, which processors compute a hundred times slower than bf16: take bf16"
        )
    backbone = make_backbone(recipe).to(world.device)
    if run.channels_last:
        backbone = backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    head = _make_head(recipe, len(crops.classes), world)
    if init is not None and init.head == "class means":
        head.begin_at(class_means(backbone, crops, world))
    anchor = None
    if init is not None and init.anchor:
        anchor = deepcopy(backbone).eval().requires_grad_(False)
    if run.synchronize_norms and world.size > 1:
        synchronize(backbone, world)
    optimizer = make_optimizer(backbone, recipe.optimizer, init)
    if init is not None and init.freeze:
        freeze_stages(backbone, init.freeze)
    grows = run.precision == "fp16"
    scale = LossScale(FIRST_SCALE if grows else 1.0, grows)
    return Trained(backbone, _callable(backbone, recipe, world), head, optimizer, scale, anchor)


def _make_head(recipe: Recipe, classes: int, world: World) -> PartialFC:
    given = recipe.head.model_dump(exclude={"name", "sample"}, exclude_none=True)
    kind = HEADS[recipe.head.name]
    known = set(kind.__dataclass_fields__)  # type: ignore[attr-defined]
    for key in given:
        if key not in known:
            raise RecipeError(f"head.{key}: {recipe.head.name} has no such number; it has {', '.join(sorted(known))}")
    optimizer = recipe.optimizer
    update = Update(optimizer.name, optimizer.momentum, weight_decay=optimizer.weight_decay)
    return PartialFC(
        kind(**given),
        classes,
        recipe.model.embedding,
        world,
        rate=recipe.head.sample,
        update=update,
        seed=recipe.seed,
    )


def _callable(backbone: Backbone, recipe: Recipe, world: World) -> nn.Module:
    """The network as steps call it."""
    model: nn.Module = backbone
    if world.size > 1:
        ids = [world.device.index] if world.device.type == "cuda" else None
        model = DistributedDataParallel(
            model, device_ids=ids, forward_sync_buffers=False, gradient_as_bucket_view=True
        )
    if recipe.run.compile:
        model = torch.compile(model)  # type: ignore[assignment]
    return model


def _thaw(trained: Trained, recipe: Recipe, step: int, length: Length, world: World) -> None:
    """Let frozen stages learn once their time has come."""
    init = recipe.init
    if init is None or not init.freeze or not init.freeze_epochs:
        return
    due = step >= round(init.freeze_epochs * length.an_epoch)
    if due and any(not p.requires_grad for group in trained.optimizer.param_groups for p in group["params"]):
        for group in trained.optimizer.param_groups:
            for parameter in group["params"]:
                parameter.requires_grad = True
        trained.model = _callable(trained.backbone, recipe, world)


def _batches(recipe: Recipe, crops: Crops, share: Share, start: int, end: int) -> Iterator[Batch]:
    threads = recipe.run.threads or max(1, usable_cores() // 2)
    chances = Chances(**recipe.augment.model_dump())
    return batches(crops, share, recipe.seed, chances, threads, start, end)


def _begin(recipe: Recipe, folder: Path, trained: Trained, crops: Crops, world: World) -> int:
    """The step to begin at: 0, or that of the newest checkpoint of this run."""
    newest = checkpoint.latest(folder / "checkpoints")
    if newest is None:
        if world.rank == 0:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "recipe.toml").write_text(format_recipe(recipe), encoding="utf-8")
            except OSError as reason:
                raise CheckpointError(
                    f"{folder} cannot be written: {reason.strerror}; give another --out"
                ) from reason
        world.wait()
        return 0
    if newest.state["recipe"] != _result(recipe):
        raise RecipeError(
            f"{folder} holds a run of another recipe; give another --out, or its own {folder}/recipe.toml"
        )
    return _restore(trained, newest, crops, world)


def _result(recipe: Recipe) -> str:
    """What the result follows from: all but how it is run, and for how long."""
    return recipe.model_copy(update={"run": type(recipe.run)(), "evaluate": (), "about": type(recipe.about)()}).digest


def _newest(folder: Path) -> checkpoint.Saved:
    newest = checkpoint.latest(folder / "checkpoints")
    if newest is None:
        raise CheckpointError(f"{folder} has no checkpoint to go back to")
    return newest


def _save(recipe: Recipe, folder: Path, trained: Trained, crops: Crops, world: World, step: int) -> None:
    state = {
        "step": step,
        "recipe": _result(recipe),
        "recipe_text": format_recipe(recipe),
        "commit": commit(),
        "classes": crops.classes,
        "backbone": recipe.model.backbone,
        "embedding": recipe.model.embedding,
        "pixels": asdict(trained.backbone.pixels),
        "weights": trained.backbone.state_dict(),
        "optimizer": trained.optimizer.state_dict(),
        "scale": asdict(trained.scale),
        "head": trained.head.head.state(),
    }
    checkpoint.save(folder / "checkpoints", step, state, trained.head.state(), world, recipe.run.keep)


def _restore(trained: Trained, saved: checkpoint.Saved, crops: Crops, world: World) -> int:
    """Take up a checkpoint; gives its step.

    Raises:
        CheckpointError: it is of other classes or of another network.
    """
    state = saved.state
    if state["classes"] != crops.classes:
        raise CheckpointError(
            f"{saved.where} was trained on {len(state['classes'])} classes, and the data have {len(crops.classes)}, "
            "or others: restore the data, or begin anew from its weights with [init]"
        )
    try:
        trained.backbone.load_state_dict(state["weights"])
        trained.optimizer.load_state_dict(state["optimizer"])
    except (RuntimeError, ValueError) as reason:
        raise CheckpointError(f"{saved.where} is of another network: {str(reason).splitlines()[0]}") from reason
    trained.scale.value, trained.scale.good = state["scale"]["value"], state["scale"]["good"]
    trained.head.head.restore(state["head"])
    trained.head.restore(saved.heads)
    return saved.step


def commit() -> str:
    """The commit of the code that trains, or empty where it is not in a repository."""
    try:
        found = subprocess.run(  # noqa: S603
            ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""


def _evaluate(
    recipe: Recipe,
    folder: Path,
    trained: Trained,
    sets: list[WatchedSet],
    journal: Journal,
    world: World,
    step: int,
    watch: Watch,
    steps: int = 0,
) -> bool:
    """Evaluate on the sets that are due: before the first step, every so often, at the end. Says whether any was."""
    due = [
        one for one in sets if step == 0 or step == steps or (one.settings.every and step % one.settings.every == 0)
    ]
    if due and world.rank == 0:
        for one in due:
            vectors = one.embed(embedder(trained.backbone, world.device, mirror=one.settings.mirror))
            keep(vectors, kept(folder, one.settings.name, "before" if step == 0 else "after"))
            report = one.report(vectors, recipe.name)
            numbers = {f"{one.settings.name}/{key}": value.value for key, value in report.numbers.items()}
            journal.write(step, {"evaluated": one.settings.name, **numbers})
            figures = [f"{name} {describe_number(report.numbers[name])}" for name in telling(report)[:2]]
            told = f"{one.settings.name}: {', '.join(figures) or 'too few comparisons for any rate'}"
            watch(Progress(step, steps, 0.0, 0.0, 0.0, 0.0, told))
    world.wait()
    return bool(due)


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

    def tick(self) -> float:
        """A step is done."""
        self._times = [*self._times[-20:], time.monotonic()]
        return self._batch * (len(self._times) - 1) / max(1e-9, self._times[-1] - self._times[0])


def _left(step: int, length: Length, share: Share, speed: float) -> float:
    return (length.steps - step) * share.batch / max(speed, 1e-9)


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
