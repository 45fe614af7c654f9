"""mien train and mien export: from a recipe to a model of one's own."""

import importlib
import importlib.util
import os
import time
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from mien.cli import options
from mien.cli.tables import Table
from mien.cli.terminal import WRONG, emit, err, fail, out, plural, show
from mien.errors import MissingExtraError
from mien.image import find_images, read_image
from mien.models.card import format_card
from mien.models.store import Model

if TYPE_CHECKING:
    from mien.train.detectors.plan import DetectorPlan
    from mien.train.loop import Progress as Step
    from mien.train.recognizers.plan import Plan

COMPARED = 16
"""Pictures on which a detector's file and network are compared, where a folder is given."""

LINE_EVERY = 30.0
"""Seconds between lines where the output is no terminal."""


def training(part: str) -> ModuleType:
    """A module of the training room.

    Raises:
        MissingExtraError: torch is not installed.
    """
    for package in ("torch", "tensorboard"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(f"training needs {package}: pip install '.[train]' in mien's folder")
    return importlib.import_module(f"mien.train.{part}")


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe, .toml; see recipes/.", show_default=False)],
    target: Annotated[
        Path | None, typer.Option("--out", help="The folder of the run; runs/NAME, where none is given.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="section.key=value on top of the recipe; several times.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and print the plan; train nothing.")
    ] = False,
    json: options.Json = False,
) -> int:
    """Train or fine-tune a recognition model or a detector as a recipe says. Run it again to go on where it stopped.

    Examples:

      mien train recipes/smoke.toml --set data.sets='["portraits-112"]'

      mien train recipes/scrfd-500m-wider.toml --set data.sets='["widerface/train/labelv2.txt"]'

      torchrun --nproc-per-node 8 -m mien train recipes/arcface-r50-deepglint.toml
    """
    found = training("recipe_io").read_recipe(recipe, tuple(settings or ()))
    if dry_run:
        if hasattr(found, "detector"):
            return _show_plan(found.name, training("detectors.plan").make_detector_plan(found), json)
        return _show_plan(found.name, training("recognizers.plan").make_plan(found), json)
    folder = target or Path("runs") / found.name
    first = int(os.environ.get("RANK", "0")) == 0
    with _Line(json=json, quiet=not first) as line:
        last = training("loop").train(found, folder, line.tell)
    if not first:
        return 0
    if json:
        emit({"checkpoint": str(last), "report": str(folder / "report" / "report.json")})
    else:
        out.print(f"{last}")
        out.print(f"{folder / 'report' / 'report.html'}, log.jsonl, tensorboard/")
        out.print(f"make it a model with `mien export {folder}`")
    return 0


def _show_plan(name: str, plan: "Plan | DetectorPlan", json: bool) -> int:
    if json:
        emit({"name": name, **asdict(plan), **({"bytes": plan.bytes} if hasattr(plan, "bytes") else {})})
        return 0
    table = Table("what", "how much", title=name)
    for row in plan.words():
        table.add_row(*row)
    table.add_row("time on this machine", f"about {_long(plan.seconds)}, evaluations left out")
    show(table)
    return 0


def _long(seconds: float) -> str:
    """A duration, in the largest unit that fits."""
    for size, unit in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    return plural(max(1, round(seconds)), "second")


class _Line:
    """The progress of a training: a bar on a terminal, a line now and then elsewhere, JSON where asked for."""

    def __init__(self, *, json: bool, quiet: bool) -> None:
        self._json, self._quiet, self._said = json, quiet, 0.0
        columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[words]}"))
        self._bar = Progress(*columns, console=err.rich, transient=True, disable=not err.is_terminal or json or quiet)
        self._task = self._bar.add_task("training", total=None, words="")

    def __enter__(self) -> "_Line":
        self._bar.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._bar.stop()

    def tell(self, step: "Step") -> None:
        """Show a step, or a sentence."""
        if self._quiet:
            return
        if step.told:
            if self._json:
                emit({"step": step.step, "told": step.told})
            else:
                err.print(f"step {step.step}: {step.told}")
            return
        words = (
            f"loss {step.loss:.3f}, rate {step.rate:.4g}, {step.speed:.0f} images/s, {_long(step.seconds_left)} left"
        )
        self._bar.update(self._task, total=step.steps, completed=step.step, words=words)
        now = time.monotonic()
        if not self._bar.disable or (now - self._said < LINE_EVERY and step.step < step.steps):
            return
        self._said = now
        if self._json:
            emit({"step": step.step, "steps": step.steps, "loss": step.loss, "rate": step.rate, "speed": step.speed})
        else:
            err.print(f"step {step.step} of {step.steps}: {words}")


def export(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="CHECKPOINT",
            help="A run's folder, a checkpoint's, or others' weights.",
            show_default=False,
        ),
    ],
    name: Annotated[str | None, typer.Option("--name", help="Of the model; the run's, else.")] = None,
    crops: Annotated[
        Path | None,
        typer.Option("--crops", help="A pack, to compare file and network on; for a detector, a folder of pictures."),
    ] = None,
    calibrate: Annotated[
        Path | None, typer.Option("--calibrate", help="A pack of subjects, to measure the card's thresholds on.")
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Store the weights in half precision.")] = False,
    mirror: Annotated[bool, typer.Option("--mirror", help="Average in the mirror image.")] = False,
    json: options.Json = False,
) -> int:
    """Make a checkpoint a model of the store: ONNX with a free batch, compared with the network, and its card.

    Examples:

      mien export runs/arcface-r50-deepglint --calibrate portraits-112

      mien export backbone.pth --name their-r50 --crops portraits-112
    """
    detectors = training("detectors.export")
    detector = detectors.open_detector_origin(source)
    if detector is not None:
        if calibrate is not None or mirror:
            fail("a detector has no thresholds and no mirror image: leave --calibrate and --mirror out", WRONG)
        shown = [read_image(path) for path in find_images(crops)[:COMPARED]] if crops is not None else []
        model = detectors.export_detector(detector, name or _name(source), shown, half=half)
        return _tell(model, json)
    room = training("recognizers.export")
    origin = room.open_origin(source)
    compared = crops or next(iter(origin.sets), None)
    if compared is None:
        fail(f"{source} does not say which crops it belongs to: give --crops PACK, to compare file and network on")
    chosen = name or _name(source)
    model = room.export(origin, chosen, room.some_crops(compared, origin.backbone), half=half, mirror=mirror)
    if calibrate is not None:
        known = room.trained_on(origin, calibrate)
        if known:
            err.print(
                f"mien: {plural(known, 'subject')} of {calibrate} have names of subjects it was trained on; measure "
                "thresholds on others, or they promise too much"
            )
        model, found = room.measure_thresholds(model, calibrate)
        for sentence in found.refused.values():
            err.print(f"mien: {sentence}")
    if not json and not model.card.thresholds:
        err.print(
            "mien: no thresholds yet; measure them with "
            f"`mien evaluate calibrate FOLDER --recognizer {chosen} --card`"
        )
    return _tell(model, json)


def _tell(model: Model, json: bool) -> int:
    if json:
        emit({**model.card.model_dump(exclude={"golden"}), "folder": str(model.folder)})
    else:
        out.print(format_card(model.card.model_copy(update={"golden": {}})))
        out.print(f"# in {model.folder}")
    return 0


def _name(source: Path) -> str:
    """A run's name, or a file's."""
    folder = source.parent.parent if source.parent.name == "checkpoints" else source
    return (folder.stem if source.is_file() else folder.resolve().name).lower().replace(" ", "-")
