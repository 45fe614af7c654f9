"""mien train and mien export: from a recipe to your own model."""

import importlib.util
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from mien.cli import options
from mien.cli.output_trial import output_folder
from mien.cli.progress import progress_bar
from mien.cli.tables import TerminalTable
from mien.cli.terminal import WRONG, emit, err, fail, out, plural, show
from mien.errors import ExportOptionError, MissingExtraError
from mien.models.card import format_card
from mien.models.store import Model

if TYPE_CHECKING:
    from mien.train.loop import StepReport
    from mien.train.task import TrainingPlan

LINE_EVERY = 30.0
"""Seconds between lines if the output is not a terminal."""


def require_training() -> None:
    """Refuse to train or to read checkpoints without torch.

    Raises:
        MissingExtraError: the extra is not installed.
    """
    for package in ("torch", "tensorboard"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(f"training needs {package}: pip install 'mien[train]'")


def train(
    recipe: Annotated[
        str,
        typer.Argument(
            help="The name of a recipe (`mien recipes list`), or your own file (.toml).", show_default=False
        ),
    ],
    target: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the run.", show_default="runs/NAME", callback=output_folder),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="section.key=value on top of the recipe; may be repeated.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and print the plan, without training.")
    ] = False,
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes", min=1, help="With --dry-run: the number of processes to plan for.", show_default="1"
        ),
    ] = None,
    language: options.Language = None,
    json: options.Json = False,
) -> int:
    """Train or fine-tune a recognizer or a detector as a recipe says. Run it again to continue where it stopped.

    Examples:

      mien train smoke --set data.sets='["portraits-112"]'

      mien train arcface-r100-ms1m --dry-run --processes 8

      mien train scrfd-500m-wider --set data.sets='["widerface/train/labelv2.txt"]'

      torchrun --nproc-per-node 8 -m mien train arcface-r50-deepglint
    """
    require_training()
    from mien.train import loop
    from mien.train.kinds import plan_training, read_recipe
    from mien.train.recipe.shipped import find_recipe

    spoken = options.language(language)
    found = read_recipe(find_recipe(recipe), tuple(settings or ()))
    if dry_run:
        return _show_plan(found.name, plan_training(found, processes), json)
    if processes is not None:
        fail("--processes is for --dry-run; torchrun --nproc-per-node starts processes", WRONG)
    # Of several processes, only the first one writes to the terminal.
    with _Line(json=json, quiet=os.environ.get("RANK", "0") != "0") as line:
        result = loop.train(found, target or Path("runs") / found.name, language=spoken, on_report=line.show)
    if not result.first_process:
        return 0
    if json:
        emit({"checkpoint": str(result.checkpoint), "report": str(result.report / "report.json")})
    else:
        for sentence in result.sentences:
            out.print(sentence)
        out.print(f"{result.checkpoint}")
        out.print(f"{result.report / 'report.html'}, log.jsonl, tensorboard/")
        out.print(f"make it a model with `mien export {result.folder}`")
    return 0


def _show_plan(name: str, plan: "TrainingPlan", json: bool) -> int:
    if json:
        emit({"name": name, **plan.values()})
        return 0
    table = TerminalTable("what", "how much", title=name)
    for row in plan.rows():
        table.add_row(*row)
    duration = _long(plan.seconds) if plan.seconds == plan.seconds else ""
    table.add_row(*plan.machine.time_row(plan.seconds, duration))
    show(table)
    return 0


def _long(seconds: float) -> str:
    """A duration in the largest unit that fits."""
    for size, unit in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    return plural(max(1, round(seconds)), "second")


class _Line:
    """Shows a training: a bar on a terminal, a line now and then elsewhere, JSON if asked for."""

    def __init__(self, *, json: bool, quiet: bool) -> None:
        self._json, self._quiet, self._shown = json, quiet, 0.0
        columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[numbers]}"))
        self._bar = Progress(*columns, console=err.rich, transient=True, disable=not err.is_terminal or json or quiet)
        self._task = self._bar.add_task("training", total=None, numbers="")

    def __enter__(self) -> "_Line":
        self._bar.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._bar.stop()

    def show(self, report: "StepReport") -> None:
        """Show a step, or a message."""
        if self._quiet:
            return
        if report.message:
            self._show_message(report)
            return
        numbers = (
            f"loss {report.loss:.3f}, rate {report.rate:.4g}, {report.speed:.0f} images/s, "
            f"{_long(report.seconds_left)} left"
        )
        self._bar.update(self._task, total=report.steps, completed=report.step, numbers=numbers)
        now = time.monotonic()
        if not self._bar.disable or (now - self._shown < LINE_EVERY and report.step < report.steps):
            return
        self._shown = now
        if self._json:
            keys = ("step", "steps", "loss", "rate", "speed")
            emit({key: getattr(report, key) for key in keys})
        else:
            err.print(f"step {report.step} of {report.steps}: {numbers}")

    def _show_message(self, report: "StepReport") -> None:
        if self._json:
            emit({"step": report.step, "message": report.message})
        else:
            err.print(f"step {report.step}: {report.message}")


def export(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="CHECKPOINT",
            help="A run's folder, a checkpoint's folder, or a file of other people's weights.",
            show_default=False,
        ),
    ],
    name: Annotated[str | None, typer.Option("--name", help="Name of the model.", show_default="the run's")] = None,
    crops: Annotated[
        Path | None,
        typer.Option(
            "--crops",
            help="What file and network are compared on: a pack; for a detector, a folder of images.",
            show_default="the recipe's",
        ),
    ] = None,
    calibrate: Annotated[
        Path | None, typer.Option("--calibrate", help="A pack of subjects to measure the card's thresholds on.")
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Store the weights in half precision.")] = False,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="Average each embedding with that of the mirrored crop.")
    ] = False,
    colour: Annotated[
        str | None,
        typer.Option(
            "--colour",
            help="RGB or BGR: the channel order that other people's weights were trained on.",
            show_default="that of the layout's authors",
        ),
    ] = None,
    engine: options.Engine = None,
    precision: options.Precision = None,
    json: options.Json = False,
) -> int:
    """Make a model of a checkpoint: ONNX with a free batch, compared with the network, and its card.

    Examples:

      mien export runs/arcface-r50-deepglint --calibrate portraits-112

      mien export backbone.pth --name their-r50 --crops portraits-112

      mien export tface-ir101.pth --colour RGB --crops portraits-112
    """
    require_training()
    if colour not in (None, "RGB", "BGR"):
        fail(f"--colour is RGB or BGR, not {colour}", WRONG)
    from mien.train.export import export as export_model

    try:
        with progress_bar() as on_progress:
            exported = export_model(
                source,
                name=name,
                crops=crops,
                calibrate=calibrate,
                half=half,
                mirror=mirror,
                colour=colour,  # type: ignore[arg-type]
                engine=options.engine_options(engine, precision),
                on_progress=on_progress,
            )
    except ExportOptionError as reason:
        fail(str(reason), WRONG)
    for sentence in exported.warnings:
        err.print(f"mien: {sentence}")
    card = exported.model.card
    if not json and card.embedding is not None and not card.thresholds:
        err.print(
            "mien: no thresholds yet; measure them with "
            f"`mien evaluate calibrate FOLDER --recognizer {card.name} --card`"
        )
    return _show_model(exported.model, json)


def _show_model(model: Model, json: bool) -> int:
    if json:
        emit({**model.card.model_dump(exclude={"golden"}), "folder": str(model.folder)})
    else:
        out.print(format_card(model.card.model_copy(update={"golden": {}})))
        out.print(f"# in {model.folder}")
    return 0
