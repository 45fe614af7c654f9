"""mien models add and inspect: what a file holds, and a card for it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.progress import progress_bar
from mien.cli.tables import TerminalTable
from mien.cli.terminal import WRONG, emit, err, fail, out, show
from mien.cli.train import require_training
from mien.errors import CardError
from mien.evaluate.template_trial import try_templates
from mien.library.add import PortraitRole, add_model, needs_colour
from mien.library.import_model import ModelHints
from mien.models.card import PortraitModelSpec, format_card
from mien.models.store import Model
from mien.portrait.measures.portrait_models import PORTRAIT_FAMILIES
from mien.templates import FORMS, TemplateSpec, parse_template
from mien.train.inspection import inspect_model

USELESS = 0.5
"""FNMR at FMR 1% above which a recognizer recognizes nobody, so that its pixels must enter it wrongly."""

COLOURS, METRICS = ("RGB", "BGR"), ("cosine", "l2")

OnnxFile = Annotated[Path, typer.Argument(help="An ONNX file.", show_default=False)]
NewName = Annotated[str | None, typer.Option("--name", help="Its name (default: the file's).", show_default=False)]
Colour = Annotated[str | None, typer.Option("--colour", help="RGB or BGR: the channel order that it was trained on.")]
Mean = Annotated[float | None, typer.Option("--mean", help="Subtracted from pixels of 0 to 255.")]
Scale = Annotated[float | None, typer.Option("--scale", help="Divides pixels after that.")]
MetricName = Annotated[str, typer.Option("--metric", help="cosine or l2: the metric that it was trained for.")]
Mirror = Annotated[bool, typer.Option("--mirror", help="Average each embedding with that of the mirrored crop.")]
Template = Annotated[str, typer.Option("--template", help=f"The pose of its crops: {FORMS}.")]
Images = Annotated[
    Path | None,
    typer.Option(
        "--images",
        help="FOLDER/subject/*.jpg or a manifest: try the known templates on these images.",
        show_default=False,
    ),
]
Licence = Annotated[str, typer.Option("--licence", help="Licence of the weights.")]
TrainingData = Annotated[str, typer.Option("--training-data", help="What it was trained on.")]
Expert = Annotated[
    str | None,
    typer.Option(
        "--expert",
        help="A model for portraits: "
        + "; ".join(f"{name} ({family.gives})" for name, family in PORTRAIT_FAMILIES.items())
        + ".",
        show_default=False,
    ),
]
Crop = Annotated[
    str | None,
    typer.Option(
        "--crop",
        help="With --expert: how the face is cut: box (a square around it), upright (with level eyes), "
        "aligned (ArcFace's pose), eyes (a square for each), inside (moved into the image).",
        show_default="the family's usual one",
    ),
]
Margin = Annotated[
    float | None,
    typer.Option(
        "--margin",
        help="With --expert: the crop's side over that of the face's box, or over the width of an eye.",
        show_default="the family's usual one",
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        help="With --expert: what the output means. "
        + "; ".join(f"{name}: {', '.join(family.outputs)}" for name, family in PORTRAIT_FAMILIES.items())
        + ".",
        show_default=False,
    ),
]
Signs = Annotated[
    str,
    typer.Option(
        "--signs",
        help="With --expert pose: 1 or -1 for yaw, pitch and roll, so that right, down and clockwise are positive "
        "to the viewer.",
    ),
]
ScoreRange = Annotated[
    str, typer.Option("--range", help="With --expert quality: the scores that are worth 0 and 100.")
]


def add(
    file: OnnxFile,
    name: NewName = None,
    colour: Colour = None,
    mean: Mean = None,
    scale: Scale = None,
    metric: MetricName = "cosine",
    mirror: Mirror = False,
    template: Template = "arcface",
    licence: Licence = "not stated",
    training_data: TrainingData = "not stated",
    expert: Expert = None,
    crop: Crop = None,
    margin: Margin = None,
    output: Output = None,
    signs: Signs = "1,1,1",
    score_range: ScoreRange = "0,1",
    images: Images = None,
    json: options.Json = False,
) -> int:
    """Write a card for your own ONNX recognizer, detector or model for portraits and put it into the store.

    Examples:

      mien models add my-r50.onnx --colour RGB --licence "our own"

      mien models add pfld-98.onnx --expert landmarks --output unit --margin 1.2 --colour RGB --mean 0 --scale 255
    """
    for given, allowed in ((colour or COLOURS[0], COLOURS), (metric, METRICS)):
        if given not in allowed:
            fail(f"{given} is not one of {', '.join(allowed)}", WRONG)
    role = None if expert is None else _role(expert, _RoleWords(crop, margin, output, signs, score_range))
    if colour is None and out.is_terminal and (role is not None or needs_colour(file)):
        colour = typer.prompt("Was it trained on RGB or BGR? (the model's repository says which)")
    hints = ModelHints(
        colour=colour,  # type: ignore[arg-type]
        mean=None if mean is None else (mean,) * 3,
        scale=None if scale is None else (scale,) * 3,
        metric=metric,  # type: ignore[arg-type]
        mirror=mirror,
        template=_template(template),
        licence=licence,
        training_data=training_data,
        source=f"added from {file.name}",
    )
    model = add_model(file, name, hints=hints, role=role)
    show_model(model, json)
    if images is not None and model.card.embedding is not None:
        _try_templates(model, images)
    return 0


def _try_templates(model: Model, images: Path) -> None:
    """Warn where another template than the card's makes fewer errors."""
    with progress_bar() as on_progress:
        trial = try_templates(model, images, detector=options.detector(None), on_progress=on_progress)
    if trial is None:
        err.print(f"mien: {images} has too few people with several images to try templates on")
        return
    warning = trial.warning(model.card.name)
    tried = ", ".join(f"{one.template} {100 * one.fnmr:.1f}%" for one in trial.tried)
    err.print(f"mien: FNMR at FMR 1% on {trial.images} images: {tried}")
    if min(one.fnmr for one in trial.tried) > USELESS:
        err.print("mien: no template works: --colour, --mean or --scale is another one than it was trained with")
    if warning is not None:
        err.print(f"mien: {warning.text('en')}")


def _template(text: str) -> TemplateSpec:
    try:
        return parse_template(text)
    except CardError as reason:
        fail(str(reason), WRONG)


@dataclass(frozen=True, slots=True)
class _RoleWords:
    """The options of --expert as they were typed."""

    crop: str | None
    margin: float | None
    output: str | None
    signs: str
    score_range: str


def _role(expert: str, words: _RoleWords) -> PortraitRole:
    """What a model for portraits gives, from the command's words."""
    if expert not in PORTRAIT_FAMILIES:
        fail(f"--expert is {', '.join(PORTRAIT_FAMILIES)}, not {expert}", WRONG)
    family = PORTRAIT_FAMILIES[expert]
    output = _one_of(words.output, family.outputs, f"--output of {expert}")
    crop = _one_of(words.crop, family.crops, f"--crop of {expert}")
    try:
        low, high = (float(word) for word in words.score_range.split(","))
        yaw, pitch, roll = (float(word) for word in words.signs.split(","))
        margin = family.margin if words.margin is None else words.margin
        spec = PortraitModelSpec(
            crop=crop, margin=margin, output=output, signs=(yaw, pitch, roll), low=low, high=high
        )
    except ValueError:
        fail("--range takes two numbers as 0,1; --signs three as 1,1,-1; --margin is between 0.2 and 6", WRONG)
    return PortraitRole(expert, spec)


def _one_of(given: str | None, known: tuple[str, ...], option: str) -> str:
    """What was asked for, checked, or the usual one, which is the first."""
    if given is not None and given not in known:
        fail(f"{option} is {', '.join(known)}, not {given}", WRONG)
    return given or known[0]


def show_model(model: Model, json: bool) -> None:
    """Print a model's card, without its golden vector."""
    card = model.card
    if json:
        emit({**card.model_dump(exclude={"golden"}), "folder": str(model.folder)})
        return
    out.print(format_card(card.model_copy(update={"golden": {}})))
    if card.embedding is not None:
        out.print(f"# embedding contract {card.contract}")
    out.print(f"# in {model.folder}")


def inspect_file(
    file: Annotated[Path, typer.Argument(help="An ONNX file, or a checkpoint of torch.", show_default=False)],
    json: options.Json = False,
) -> int:
    """Show what network a file holds: family, size, colour order, normalization. Runs no code of the file's.

    Examples:

      mien models inspect backbone.pth

      mien models inspect w600k_r50.onnx
    """
    if file.suffix != ".onnx":
        require_training()
    found = inspect_model(file)
    if json:
        emit({"file": str(file), **found})
        return 0
    table = TerminalTable("what", str(file.name))
    for key, value in found.items():
        table.add_row(key, str(value))
    show(table)
    return 0
