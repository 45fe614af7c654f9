"""mien models: list, info, verify, add, pull, remove, calibrate, quantize."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from mien.cli import options
from mien.cli.embed import embedded_set
from mien.cli.terminal import FAILED, PARTLY, WRONG, emit, err, fail, out, show, track
from mien.cli.train import training
from mien.errors import MienError, ModelError
from mien.evaluate.protocols.calibration import calibration
from mien.models import pull as pulling
from mien.models import store
from mien.models.card import ModelCard, PortraitModelSpec, format_card
from mien.models.defaults import DEFAULTS, shipped_card
from mien.models.import_model import ModelHints, import_model, import_portrait_model, inspect_onnx
from mien.models.options import EngineOptions
from mien.models.quantize import quantize as make_int8
from mien.pipeline import open_pipeline
from mien.types import Image

MOST_FOR_RANGES = 300
"""Faces that set the ranges of a quantized network."""

app = typer.Typer(no_args_is_help=True, help="The models on this machine, and how to get more.")
Name = Annotated[str, typer.Argument(help="The model's name.", show_default=False)]


@app.command("list")
def list_models(json: options.Json = False) -> int:
    """List the models in the store, the ones made from packages, and those that can be pulled."""
    table = Table("name", "kind", "state", "licence", "what it is")
    stored = store.names()
    for name in stored:
        state = "ready" if store.is_stored(name) else "made from a package on first use"
        try:
            card = store.load(name).card if store.is_stored(name) else shipped_card(name)
            row: tuple[str, str, str, str, str] = (name, card.kind, state, card.licence, card.summary)
        except ModelError as reason:
            row = (name, "", "damaged", "", str(reason))
        _list_row(table, row, json)
    for name, entry in pulling.read_catalogue().items():
        if name not in stored:
            _list_row(table, (name, entry.kind, "can be pulled", entry.licence, entry.summary), json)
    if not json:
        show(table)
    return 0


def _list_row(table: Table, row: tuple[str, str, str, str, str], json: bool) -> None:
    if json:
        emit(dict(zip(("name", "kind", "state", "licence", "summary"), row, strict=True)))
    table.add_row(*row)


@app.command()
def info(name: Name, json: options.Json = False) -> int:
    """Show a model's card: input, licence, thresholds, accuracy; or its entry in the catalogue."""
    catalogue = pulling.read_catalogue()
    if name in catalogue and not store.is_stored(name):
        entry = catalogue[name]
        if json:
            emit({"name": name, **entry.model_dump()})
        else:
            for key, value in entry.model_dump().items():
                out.print(f"{key} = {value}")
        return 0
    model = store.load(name)
    if json:
        emit({**model.card.model_dump(exclude={"golden"}), "folder": str(model.folder)})
    else:
        _show_card(model)
    return 0


def _show_card(model: store.Model) -> None:
    card = model.card
    out.print(format_card(card.model_copy(update={"golden": {}})))
    if card.embedding is not None:
        out.print(f"# embedding contract {card.contract}")
    out.print(f"# in {model.folder}")


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Models; all where none is named.")] = None,
    json: options.Json = False,
    engine: options.Engine = None,
    precision: options.Precision = None,
) -> int:
    """Check models: files against sha256, and what the network answers against the golden vector."""
    settings = options.engine_options(engine, precision)
    table = Table("model", "file", "verdict", "engine", "precision")
    bad = 0
    for name in names or store.names():
        for part, verdict, engine_name, used in _verify_one(name, settings):
            bad += verdict != "good"
            if json:
                emit({"model": name, "file": part, "verdict": verdict, "engine": engine_name, "precision": used})
            table.add_row(name, part, verdict, engine_name, used)
    if not json:
        show(table)
    return FAILED if bad else 0


def _verify_one(name: str, settings: EngineOptions) -> list[tuple[str, str, str, str]]:
    try:
        model = store.load(name)
    except MienError as reason:
        return [("", str(reason), "", "")]
    rows = []
    for part in model.card.files:
        try:
            session = model.session(part, settings)
            rows.append((part, "good", session.engine, session.precision))
        except MienError as reason:
            rows.append((part, str(reason), "", ""))
    return rows


@app.command("inspect")
def inspect_file(
    file: Annotated[Path, typer.Argument(help="An ONNX file, or a checkpoint of torch.", show_default=False)],
    json: options.Json = False,
) -> int:
    """Say what network a file holds: family, size, colour order, normalization. Runs no code of the file's.

    Examples:

      mien models inspect backbone.pth

      mien models inspect w600k_r50.onnx
    """
    found = _inspect_onnx(file) if file.suffix == ".onnx" else _inspect_checkpoint(file)
    if json:
        emit({"file": str(file), **found})
        return 0
    table = Table("what", str(file.name))
    for key, value in found.items():
        table.add_row(key, str(value))
    show(table)
    return 0


def _inspect_onnx(file: Path) -> dict[str, object]:
    graph = inspect_onnx(_read(file), str(file))
    return {
        "family": graph.family,
        "input": f"{graph.width or 'any'}x{graph.height or 'any'}",
        "normalization": "in the graph" if graph.prepares else "outside, see `mien models add`",
        "colour": "not in the file" if graph.family == "embedding" else "the family's",
    }


def _inspect_checkpoint(file: Path) -> dict[str, object]:
    path = file / "state.pt" if file.is_dir() else file
    found = training("recognizers.weights").read_weights(path)
    pixels = found.pixels
    return {
        "family": found.backbone,
        "embedding": found.embedding,
        "parameters": found.parameters,
        "tensors": len(found.state),
        "input": f"{pixels.size}x{pixels.size}, {pixels.template} pose",
        "colour": pixels.colour,
        "normalization": f"(pixel - {_channels(pixels.mean)}) / {_channels(pixels.scale)}",
        "known from": found.note,
        "prefix of names": found.prefix or "none",
        "beside the weights": ", ".join(found.other) or "nothing",
    }


def _channels(values: tuple[float, float, float]) -> str:
    """One number where all channels have the same."""
    return f"{values[0]:g}" if len(set(values)) == 1 else str(values)


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="An ONNX file.", show_default=False)],
    name: Annotated[str | None, typer.Option("--name", help="Its name; the file's, where none is given.")] = None,
    colour: Annotated[str | None, typer.Option("--colour", help="RGB or BGR: what it was trained on.")] = None,
    mean: Annotated[float | None, typer.Option("--mean", help="Subtracted from pixels of 0..255.")] = None,
    scale: Annotated[float | None, typer.Option("--scale", help="Divides pixels after that.")] = None,
    metric: Annotated[str, typer.Option("--metric", help="cosine or l2: what it was trained for.")] = "cosine",
    mirror: Annotated[bool, typer.Option("--mirror", help="Average in the mirror image.")] = False,
    template: Annotated[str, typer.Option("--template", help="arcface or dlib: the pose of its crops.")] = "arcface",
    licence: Annotated[str, typer.Option("--licence", help="Of the weights.")] = "not stated",
    training_data: Annotated[str, typer.Option("--training-data", help="What it was trained on.")] = "not stated",
    expert: Annotated[
        str | None, typer.Option("--expert", help="A model for portraits: landmarks, pose, parsing or quality.")
    ] = None,
    crop: Annotated[
        str, typer.Option("--crop", help="Of --expert: box (a square around the face) or aligned (ArcFace's pose).")
    ] = "box",
    margin: Annotated[
        float, typer.Option("--margin", help="Of --expert: the square's side over the longer side of the face's box.")
    ] = 1.5,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            help="Of --expert: unit, signed, pixels (landmarks); degrees, radians, matrix (pose); classes; score.",
            show_default=False,
        ),
    ] = None,
    signs: Annotated[
        str,
        typer.Option(
            "--signs",
            help="Of --expert pose: 1 or -1 for yaw, pitch and roll, so that right, down and "
            "clockwise are positive to the viewer.",
        ),
    ] = "1,1,1",
    score_range: Annotated[
        str, typer.Option("--range", help="Of --expert quality: the scores that are worth 0 and 100.")
    ] = "0,1",
    json: options.Json = False,
) -> int:
    """Write a card for your own ONNX recognizer, detector or model for portraits and put it into the store.

    Examples:

      mien models add my-r50.onnx --colour RGB --licence "our own"

      mien models add pfld-98.onnx --expert landmarks --output unit --margin 1.2 --colour RGB --mean 0 --scale 255
    """
    chosen = name or file.stem.lower().replace(" ", "-")
    for given, allowed in (
        (colour, (None, "RGB", "BGR")),
        (metric, ("cosine", "l2")),
        (template, ("arcface", "dlib")),
    ):
        if given not in allowed:
            fail(f"{given} is not one of {', '.join(str(a) for a in allowed if a)}", WRONG)
    if colour is None and out.is_terminal and (expert or _is_recognizer(file)):
        colour = typer.prompt("Was it trained on RGB or BGR? (the model's repository says which)")
    hints = ModelHints(
        colour=colour,  # type: ignore[arg-type]
        mean=None if mean is None else (mean,) * 3,
        scale=None if scale is None else (scale,) * 3,
        metric=metric,  # type: ignore[arg-type]
        mirror=mirror,
        template=template,  # type: ignore[arg-type]
        licence=licence,
        training_data=training_data,
        source=f"added from {file.name}",
    )
    if expert is None:
        model = store.save(*import_model(_read(file), chosen, hints))
    else:
        spec = _expert_spec(expert, crop, margin, output, signs, score_range)
        model = store.save(*import_portrait_model(_read(file), chosen, expert, hints, spec))  # type: ignore[arg-type]
    if json:
        emit({**model.card.model_dump(exclude={"golden"}), "folder": str(model.folder)})
    else:
        _show_card(model)
    return 0


OUTPUTS = {
    "landmarks": ("unit", "signed", "pixels"),
    "pose": ("degrees", "radians", "matrix"),
    "parsing": ("classes",),
    "quality": ("score",),
}
"""What the outputs of models for portraits may mean; the first is taken where none is given."""


def _expert_spec(
    expert: str, crop: str, margin: float, output: str | None, signs: str, score_range: str
) -> PortraitModelSpec:
    """The [expert] part of a card from the command's words."""
    if expert not in OUTPUTS:
        fail(f"--expert is {', '.join(OUTPUTS)}, not {expert}", WRONG)
    meant = output or OUTPUTS[expert][0]
    if meant not in OUTPUTS[expert]:
        fail(f"--output of {expert} is {', '.join(OUTPUTS[expert])}, not {meant}", WRONG)
    if crop not in ("box", "aligned") or (crop == "aligned" and expert in ("landmarks", "parsing")):
        fail("--crop is box or aligned, and landmarks and parsing need box, since they are laid back", WRONG)
    try:
        low, high = (float(word) for word in score_range.split(","))
        yaw, pitch, roll = (float(word) for word in signs.split(","))
        return PortraitModelSpec(
            crop=crop,  # type: ignore[arg-type]
            margin=margin,
            output=meant,  # type: ignore[arg-type]
            signs=(yaw, pitch, roll),
            low=low,
            high=high,
        )
    except ValueError:
        fail("--range takes two numbers as 0,1; --signs three as 1,1,-1; --margin is between 0.2 and 4", WRONG)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as reason:
        fail(f"{file} cannot be read: {reason.strerror}")


def _is_recognizer(file: Path) -> bool:
    return inspect_onnx(_read(file), str(file)).family == "embedding"


@app.command()
def pull(
    name: Name,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Needed for weights for research only.")
    ] = False,
    mirror: Annotated[
        str | None, typer.Option("--mirror", help="Take the file from this address; a folder if it ends in /.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Take the file from disk.")] = None,
    catalogue: Annotated[Path | None, typer.Option("--catalogue", help="A catalogue of your own.")] = None,
    json: options.Json = False,
) -> int:
    """Bring a model of the catalogue into the store. Goes on where an earlier transfer ended.

    Examples:

      mien models pull yunet-2023mar

      mien models pull arcface-r50 --accept-licence --mirror https://models.example/faces/
    """
    entries = pulling.read_catalogue(catalogue)
    if name in entries:
        err.print(f"{name}: licence {entries[name].licence}; from {entries[name].url}")
    columns = (TextColumn("pulling"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("pulling", total=None)
        model = pulling.pull(
            name,
            accept_licence=accept_licence,
            mirror=mirror,
            file=file,
            catalogue=catalogue,
            on_progress=lambda now: bar.update(task, completed=now.done, total=now.total),
        )
    if json:
        emit({**model.card.model_dump(exclude={"golden"}), "folder": str(model.folder)})
    else:
        out.print(f"{name} is ready in {model.folder}")
    return 0


@app.command()
def remove(name: Name, json: options.Json = False) -> int:
    """Take a model out of the store."""
    store.remove(name)
    if json:
        emit({"removed": name})
        return 0
    again = " (it is made again from its package when it is needed)" if name in DEFAULTS else ""
    out.print(f"removed {name}{again}")
    return 0


@app.command()
def calibrate(
    name: Name,
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="FOLDER/subject/*.jpg, or a manifest.")],
    detector: options.Detector = None,
    json: options.Json = False,
) -> int:
    """Measure a recognizer's thresholds on your subjects, and write them on its card.

    Half of the subjects choose each threshold, the other half score it.

    Example:

      mien models calibrate arcface-r50 portraits/
    """
    model = store.load(name)
    with TemporaryDirectory() as scratch:
        embedded = embedded_set(
            source, Path(scratch) / "embeddings.parquet", options.detector(detector), str(model.folder)
        )
    for sample, status, detail in embedded.failures:
        err.print(f"mien: left out {sample}: {detail or status}")
    found, _ = calibration(embedded)
    for sentence in found.refused.values():
        err.print(f"mien: {sentence}")
    card = store.rewrite_card(model, model.card.model_copy(update={"thresholds": found.rows})).card
    _show_thresholds(card, json)
    return PARTLY if embedded.failures else 0


@app.command()
def quantize(
    name: Name,
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="Photographs with at least 32 faces.")],
    copy: Annotated[str | None, typer.Option("--as", help="The copy's name; NAME-int8, where none is given.")] = None,
    detector: options.Detector = None,
    json: options.Json = False,
) -> int:
    """Make an 8-bit copy of a recognizer: faster, a little different, another model with its own card.

    Example:

      mien models quantize arcface-r50 portraits/
    """
    files = options.expand([source])
    model = store.load(name)
    pipeline = open_pipeline(options.detector(detector), str(model.folder), many=True)
    crops: list[Image] = []
    for analysis in track(pipeline.analyse(files), len(files), "aligning"):
        crops += list(analysis.crops)
        if len(crops) >= MOST_FOR_RANGES:
            break
    saved = store.save(*make_int8(model, crops[:MOST_FOR_RANGES], copy or f"{name}-int8"))
    if json:
        emit({**saved.card.model_dump(exclude={"golden"}), "folder": str(saved.folder)})
    else:
        out.print(f"{saved.card.name} is ready: {saved.card.accuracy[0].figure}")
        out.print(f"measure its thresholds with `mien models calibrate {saved.card.name} FOLDER`")
    return 0


def _show_thresholds(card: ModelCard, json: bool) -> None:
    table = Table("FMR", "threshold", "unit", "FMR on other subjects", "FNMR")
    for row in card.thresholds:
        if json:
            emit(row.model_dump())
        interval = f"{row.fmr_interval[0]:.2g} to {row.fmr_interval[1]:.2g}" if row.fmr_interval else ""
        misses = f"{row.fnmr:.3f}" if row.fnmr is not None else "no mated pairs"
        table.add_row(f"{row.fmr:g}", f"{row.value:.4f}", row.unit, interval, misses)
    if not json:
        show(table)
