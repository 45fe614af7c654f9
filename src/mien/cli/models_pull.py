"""mien models pull and bundle: how models get onto this machine and onto one without a network."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
from rich.progress import Progress as RichProgress

from mien.cli import options
from mien.cli.guarding import guarded
from mien.cli.models_add import show_model
from mien.cli.output_trial import output_file
from mien.cli.progress import lines
from mien.cli.terminal import OK, PARTLY, WRONG, emit, err, fail, out, plural
from mien.library import pull as pulling
from mien.library.bundle import bundle_models, is_bundle
from mien.library.catalogue import RECOMMENDED, CatalogueEntry, read_catalogue
from mien.models import store
from mien.models.defaults import DEFAULTS
from mien.progress import Progress

MEGABYTE = 1e6

Pulled = Annotated[
    str, typer.Argument(help=f"A name in the catalogue, or `{RECOMMENDED}`.", show_default=False, metavar="NAME")
]
AcceptLicence = Annotated[bool, typer.Option("--accept-licence", help="Needed for weights for research only.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=f"Answer yes to what `pull {RECOMMENDED}` asks.")]
Mirror = Annotated[
    str | None,
    typer.Option("--mirror", help="Take the file from this address; a folder if it ends in /.", show_default=False),
]
Origin = Annotated[
    Path | None,
    typer.Option(
        "--from", help="Take it from this folder, bundle or file instead of the network.", show_default=False
    ),
]
OwnCatalogue = Annotated[Path | None, typer.Option("--catalogue", help="Your own catalogue.", show_default=False)]


def pull(
    name: Pulled,
    accept_licence: AcceptLicence = False,
    yes: Yes = False,
    mirror: Mirror = None,
    origin: Origin = None,
    catalogue: OwnCatalogue = None,
    json: options.Json = False,
) -> int:
    """Bring a model of the catalogue into the store. Continues where an earlier transfer ended.

    `pull recommended` brings the models that do better than the embedded ones, and makes them the default.

    Examples:

      mien models pull recommended

      mien models pull recommended --from models/ --yes

      mien models pull arcface-r50 --accept-licence --mirror https://models.example/faces/
    """
    if origin is not None and not origin.exists():
        fail(f"{origin} does not exist: --from takes a folder, a bundle or a file", WRONG)
    if name == RECOMMENDED:
        return _pull_recommended(yes, origin, catalogue, json)
    if origin is None or not is_bundle(origin):
        err.print(_about(name, pulling.entry_of(name, origin, catalogue)))
    with _transfer_bar() as on_progress:
        done = pulling.pull(
            name,
            accept_licence=accept_licence,
            mirror=mirror,
            origin=origin,
            catalogue=catalogue,
            on_progress=on_progress,
        )
    if done.remark:
        err.print(f"mien: {done.remark}")
    if json:
        show_model(done.model, json)
    else:
        out.print(f"{name} is ready in {done.model.folder}")
    return OK


def _pull_recommended(yes: bool, origin: Path | None, catalogue: Path | None, json: bool) -> int:
    known = read_catalogue(catalogue)
    names = known.recommended.models if known.recommended else ()
    for name in names:
        err.print(_about(name, known.entry(name)))
    if not yes:
        if not (out.is_terminal and err.is_terminal):
            fail(f"`pull {RECOMMENDED}` changes your default models: add --yes if it may", WRONG)
        typer.confirm(f"Bring {plural(len(names), 'model')} here and use them by default?", abort=True, default=True)
    with _transfer_bar() as on_progress:
        done = pulling.pull_recommended(origin=origin, catalogue=catalogue, on_progress=on_progress)
    for one in done.models:
        if one.remark:
            err.print(f"mien: {one.remark}")
    for name, reason in done.missing.items():
        err.print(f"mien: {name} did not come: {reason}")
    code = PARTLY if done.missing else OK
    if json:
        came = [one.model.card.name for one in done.models]
        emit({"models": came, "missing": done.missing, "settings": done.defaults})
        return code
    for one in done.models:
        out.print(f"{one.model.card.name} is ready in {one.model.folder}")
    for setting, value in done.defaults.items():
        out.print(f"{setting} is {value} from now on; `mien config unset {setting}` takes it back")
    return code


def bundle(
    file: Annotated[Path, typer.Argument(help="The bundle to write.", show_default=False, callback=output_file)],
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Models (default: those that pull brought or you added).", show_default=False),
    ] = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> int:
    """Pack models with their cards, licences and checksums into one file, for a machine without a network.

    Examples:

      mien models bundle models.zip face-reid-0095

      mien models pull face-reid-0095 --from models.zip
    """
    chosen = list(names) if names else _own_models()
    with guarded([file], overwrite=overwrite):
        done = bundle_models(file, chosen)
    if json:
        emit({"file": str(done.file), "models": list(done.models), "bytes": done.size})
    else:
        out.print(f"{done.file}: {', '.join(done.models)}, {megabytes(done.size)}")
        out.print(f"on the other machine, for each: `mien models pull NAME --from {done.file.name}`")
    return OK


def _own_models() -> list[str]:
    own = [name for name in store.names() if store.is_stored(name) and name not in DEFAULTS]
    if not own:
        fail("the store has no model that was pulled or added: name the models to pack", WRONG)
    return own


def megabytes(size: int) -> str:
    """A size as people read it."""
    return f"{size / MEGABYTE:.1f} MB" if size >= MEGABYTE / 10 else f"{size / 1e3:.0f} kB"


def _about(name: str, entry: CatalogueEntry) -> str:
    """What a person should know before the transfer begins."""
    size = f", {megabytes(entry.size)}" if entry.size else ""
    allowed = {
        "yes": "may be used commercially",
        "no": "not for commercial use",
        "disputed": "may be used commercially, but the training data is disputed",
    }[entry.commercial]
    return (
        f"{name}: {entry.summary}{size}. Licence: {entry.licence} ({allowed}). Training data: {entry.training_data}"
    )


@contextmanager
def _transfer_bar() -> Iterator[Callable[[Progress], None]]:
    if not err.is_terminal:
        update = lines(err.print)
        yield lambda now: update(_in_megabytes(now))
        return
    columns = (TextColumn("pulling"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with RichProgress(*columns, console=err.rich, transient=True) as shown:
        task = shown.add_task("pulling", total=None)
        yield lambda now: shown.update(task, completed=now.done, total=now.total)


def _in_megabytes(now: Progress) -> Progress:
    total = None if now.total is None else round(now.total / MEGABYTE)
    return replace(now, stage="pulling, in MB", done=int(now.done / MEGABYTE), total=total)
