"""mien subjects and mien remove: who is in a gallery, and erasing somebody for good."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.tables import TerminalTable
from mien.cli.terminal import OK, emit, err, out, plural, show
from mien.gallery.people import list_subjects, remove_subject


def subjects(gallery: options.Gallery, json: options.Json = False) -> int:
    """List the subjects of a gallery.

    Example:

      mien subjects staff.gallery
    """
    enrolled = list_subjects(gallery)
    table = TerminalTable("subject", "templates", "enrolled")
    for row in enrolled.subjects:
        when = datetime.fromtimestamp(row.enrolled, UTC).isoformat(timespec="seconds")
        if json:
            emit({"subject": row.name, "templates": row.templates, "enrolled": when})
        table.add_row(row.name, str(row.templates), when)
    if not json:
        show(table)
    count = plural(len(enrolled.subjects), "subject")
    err.print(f"{count} in {gallery}, embedded with {enrolled.identity.model}")
    if enrolled.traces_remain:
        err.print(
            f"mien: traces of what was erased remain in the log of {gallery} while another process reads; run this "
            "again when it is done"
        )
    return OK


def remove(
    gallery: options.Gallery,
    subject: Annotated[str, typer.Argument(help="The subject's name.", show_default=False)],
    json: options.Json = False,
) -> int:
    """Erase a subject from a gallery: embeddings, portraits and their traces on disk.

    Example:

      mien remove staff.gallery "Eileen Collins"
    """
    count = remove_subject(gallery, subject)
    if json:
        emit({"subject": subject, "erased": count})
    else:
        out.print(f"erased {subject}: {plural(count, 'template')} with portraits")
    return OK
