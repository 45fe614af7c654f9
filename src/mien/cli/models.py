"""mien models: list, info, verify, inspect, add, pull, bundle, remove, calibrate, quantize."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mien.cli import models_add, models_pull, options
from mien.cli.models_add import show_model
from mien.cli.progress import progress_bar
from mien.cli.protocol_verb import ProtocolVerb
from mien.cli.tables import TerminalTable
from mien.cli.terminal import FAILED, OK, emit, err, out, show
from mien.detect.detector import BuiltInFamily
from mien.evaluate.protocols import PROTOCOLS
from mien.library.catalogue import read_catalogue
from mien.library.listing import find_model
from mien.library.listing import list_models as models_here
from mien.library.quantize import quantize as make_int8
from mien.library.verify import verify_models
from mien.models import store
from mien.models.defaults import DEFAULTS

app = typer.Typer(no_args_is_help=True, help="The models on this machine, and how to get more.")
Name = Annotated[str, typer.Argument(help="The model's name.", show_default=False)]


@app.command("list")
def list_models(
    catalogue: Annotated[
        bool,
        typer.Option("--catalogue", help="What can be pulled: what for, how good, how large, under which terms."),
    ] = False,
    json: options.Json = False,
) -> int:
    """List the models: in the store, made from packages, built in, and those that can be pulled.

    Examples:

      mien models list

      mien models list --catalogue
    """
    if catalogue:
        return _list_catalogue(json)
    table = TerminalTable("name", "kind", "state", "licence", "what it is")
    for one in models_here():
        if json:
            emit(asdict(one))
        table.add_row(one.name, one.kind, one.state, one.licence, one.summary)
    if not json:
        show(table)
    return OK


COMMERCIAL = {"yes": "yes", "no": "no", "disputed": "weights yes, data disputed"}


def _list_catalogue(json: bool) -> int:
    """The catalogue as a person would choose from it."""
    known = read_catalogue()
    best = known.recommended.models if known.recommended else ()
    table = TerminalTable("name", "what for", "published accuracy", "size", "commercial use", "licence")
    for name, entry in known.models.items():
        if json:
            emit({"name": name, "recommended": name in best, "size": entry.size, **entry.model_dump(mode="json")})
        size = models_pull.megabytes(entry.size) if entry.size else "not stated"
        shown = f"{name} (recommended)" if name in best else name
        table.add_row(
            shown, entry.use, entry.published or "not stated", size, COMMERCIAL[entry.commercial], entry.licence
        )
    if not json:
        show(table)
        out.print("published accuracy is its publisher's; `mien models pull NAME` brings one here")
    return OK


@app.command()
def info(name: Name, json: options.Json = False) -> int:
    """Show a model's card (input, licence, thresholds, accuracy), or its entry in the catalogue.

    Example:

      mien models info dlib-resnet
    """
    found = find_model(name)
    if isinstance(found, store.Model):
        show_model(found, json)
        return OK
    if isinstance(found, BuiltInFamily):
        values = {"kind": "detector", "summary": found.label, "weights": found.weights, "licence": found.licence}
    else:
        values = found.model_dump(mode="json")
    if json:
        emit({"name": name, **values})
        return OK
    for key, value in values.items():
        out.print(f"{key} = {value}")
    return OK


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Models (default: all).", show_default=False)] = None,
    json: options.Json = False,
    engine: options.Engine = None,
    precision: options.Precision = None,
) -> int:
    """Check models: files against sha256, and what the network answers against the golden vector.

    Example:

      mien models verify --engine openvino --precision f32
    """
    chosen = options.engine_options(engine, precision)
    with progress_bar() as on_progress:
        verdicts = verify_models(names, options=chosen, on_progress=on_progress)
    table = TerminalTable("model", "file", "verdict", "engine", "precision")
    for one in verdicts:
        if json:
            emit(asdict(one))
        table.add_row(one.model, one.file, one.verdict, one.engine, one.precision)
    if not json:
        show(table)
    return OK if all(one.good for one in verdicts) else FAILED


app.command("inspect")(models_add.inspect_file)
app.command("add")(models_add.add)


app.command("pull")(models_pull.pull)
app.command("bundle")(models_pull.bundle)


@app.command()
def remove(name: Name, json: options.Json = False) -> int:
    """Take a model out of the store.

    Example:

      mien models remove my-r50
    """
    store.remove(name)
    if json:
        emit({"removed": name})
        return OK
    again = " (it is made again from its package when it is needed)" if name in DEFAULTS else ""
    out.print(f"removed {name}{again}")
    return OK


@app.command(hidden=True)
def calibrate(
    name: Name,
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="FOLDER/subject/*.jpg, or a manifest.")],
    detector: options.Detector = None,
    json: options.Json = False,
) -> int:
    """Measure a recognizer's thresholds on your subjects, and write them on its card (the old name of a verb)."""
    err.print(
        f"mien: `mien models calibrate {name} {source}` is now called `mien evaluate calibrate {source} "
        f"--recognizer {name} --card`"
    )
    verb = ProtocolVerb(PROTOCOLS["calibrate"])
    return verb.run(set_embedded=source, detector=detector, recognizer=name, card=True, json=json)


@app.command()
def quantize(
    name: Name,
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="Photographs with at least 32 faces.")],
    copy: Annotated[
        str | None, typer.Option("--as", help="The copy's name (default: NAME-int8).", show_default=False)
    ] = None,
    detector: options.Detector = None,
    engine: options.Engine = None,
    precision: options.Precision = None,
    json: options.Json = False,
) -> int:
    """Make an 8-bit copy of a recognizer or a detector: faster, a little different, another model with its own card.

    Examples:

      mien models quantize arcface-r50 portraits/

      mien models quantize scrfd photographs/
    """
    files = options.expand([source])
    model = store.load(name)
    with progress_bar() as on_progress:
        saved = make_int8(
            model,
            files,
            copy,
            detector=options.detector(detector),
            options=options.engine_options(engine, precision),
            on_progress=on_progress,
        )
    if json:
        show_model(saved, json)
    else:
        out.print(f"{saved.card.name} is ready: {saved.card.accuracy[0].figure}")
        out.print(
            f"measure its thresholds with `mien evaluate calibrate FOLDER --recognizer {saved.card.name} --card`"
            if saved.card.kind == "recognizer"
            else f"measure what it finds with `mien evaluate detection SET --detector {saved.card.name}`"
        )
    return OK
