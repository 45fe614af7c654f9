"""mien subjects and mien remove: who is in a gallery, and erasing somebody for good."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.tables import Table
from mien.cli.terminal import emit, err, out, plural, show
from mien.gallery.stores import open_store


def subjects(gallery: options.GalleryPath, json: options.Json = False) -> int:
    """List the subjects of a gallery.

    Example:

      mien subjects staff.gallery
    """
    store = open_store(gallery)
    try:
        rows = store.subjects()
        store.erase_traces()
    finally:
        store.close()
    table = Table("subject", "templates", "enrolled")
    for row in rows:
        when = datetime.fromtimestamp(row.enrolled, UTC).isoformat(timespec="seconds")
        if json:
            emit({"subject": row.name, "templates": row.templates, "enrolled": when})
        table.add_row(row.name, str(row.templates), when)
    if not json:
        show(table)
    err.print(f"{plural(len(rows), 'subject')} in {gallery}, embedded with {store.identity.model}")
    return 0


def remove(
    gallery: options.GalleryPath,
    subject: Annotated[str, typer.Argument(help="The subject's name.", show_default=False)],
    json: options.Json = False,
) -> int:
    """Erase a subject from a gallery: embeddings, portraits and their traces on disk.

    Example:

      mien remove staff.gallery "Eileen Collins"
    """
    store = open_store(gallery)
    try:
        count = store.remove(subject)
    finally:
        store.close()
    if json:
        emit({"subject": subject, "erased": count})
    else:
        out.print(f"erased {subject}: {plural(count, 'template')} with portraits")
    return 0
