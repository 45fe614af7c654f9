"""mien doctor: what is on this machine, what is missing, and the command that fixes it."""

from dataclasses import asdict
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.tables import TerminalTable
from mien.cli.terminal import FAILED, emit, err, plural, show
from mien.models.report import Check, examine


def doctor(
    gallery: Annotated[
        str | None, typer.Argument(help="A gallery whose vectors are looked at instead.", show_default=False)
    ] = None,
    json: options.Json = False,
) -> int:
    """Check engine, processor, packages and models, or one gallery. Exit code 3: something is broken.

    Examples:

      mien doctor

      mien doctor staff.gallery
    """
    checks = examine() if gallery is None else _of_gallery(gallery)
    table = TerminalTable("what", "state", "found", "how to fix it")
    for check in checks:
        if json:
            emit(asdict(check))
        table.add_row(check.topic, check.state, check.detail, check.remedy)
    if not json:
        show(table)
    bad = sum(check.state == "bad" for check in checks)
    err.print(f"{plural(bad, 'thing')} to fix" if bad else "everything that is needed is here")
    return FAILED if bad else 0


def _of_gallery(gallery: str) -> list[Check]:
    # A look at the machine needs nothing of galleries.
    from mien.gallery.transfer import check_vectors

    return check_vectors(gallery)
