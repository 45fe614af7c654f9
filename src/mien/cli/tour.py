"""mien tour: see it work on two sample portraits."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.identify import add_rows, as_json, draw
from mien.cli.output_trial import output_folder
from mien.cli.tables import TerminalTable
from mien.cli.terminal import OK, emit, err, show
from mien.gallery.enrolment import about_default
from mien.gallery.tour import TourRound
from mien.gallery.tour import tour as run_tour
from mien.models import store
from mien.models.options import DEFAULT_RECOGNIZER
from mien.output_names import OutputGuard
from mien.settings import load_settings


def tour(
    folder: Annotated[
        Path, typer.Option("--out", help="Folder for images and gallery.", callback=output_folder)
    ] = Path("mien-tour"),
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> int:
    """Enrol, identify and draw on two sample portraits: see it work.

    Example:

      mien tour
    """
    started = time.monotonic()
    guard = OutputGuard(overwrite=overwrite)
    annotated = iter((folder / "annotated-1", folder / "annotated-2"))

    def present(done: TourRound) -> None:
        place = next(annotated)
        for one in done.images:
            with guard.write(place / f"{Path(one.item.name).stem}.jpg") as scratch:
                draw(one, scratch)
        if json:
            for one in done.images:
                emit({"enrolled": done.newest, **as_json(one, options.language(None))})
        else:
            _show(done)

    run_tour(folder, present, overwrite=overwrite)
    _farewell(folder, time.monotonic() - started)
    for note in about_default(store.load(DEFAULT_RECOGNIZER).card):
        err.print(note.text(load_settings().language))
    return OK


def _show(done: TourRound) -> None:
    title = f"In the gallery: {' and '.join(done.subjects)}"
    table = TerminalTable("image", "face at", "decision", done.unit, "candidates", title=title)
    for one in done.images:
        add_rows(table, Path(one.item.name).stem, one)
    show(table)


def _farewell(folder: Path, seconds: float) -> None:
    # scripts/run names itself: in a clone, mien is not on the path.
    name = os.environ.get("MIEN_CALLED_AS", "mien")
    err.print(
        f"Done in {seconds:.1f} s. Annotated images: {folder / 'annotated-1'} and {folder / 'annotated-2'}, "
        f"the group in {folder / 'annotated-2' / 'group.jpg'}.\n"
        "Now with your own photographs, one folder per person:\n"
        f"    {name} enrol people.gallery FOLDER\n"
        f"    {name} identify people.gallery PHOTO --out annotated\n"
        f"    {name} compare PHOTO PHOTO\n"
        f"    {name} --help",
    )
