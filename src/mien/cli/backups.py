"""mien backup and mien restore: copies of a gallery."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.terminal import OK, emit, err, out, plural
from mien.gallery.backups import backup_gallery, restore_gallery


def backup(
    gallery: options.Gallery,
    file: Annotated[Path, typer.Argument(help="The file to write.", show_default=False)],
) -> int:
    """Write a copy of a gallery, while others may read and write it.

    A copy of an encrypted gallery has no keys: whoever is erased later cannot be read in it. `mien keys backup` is a
    command of its own.

    Example:

      mien backup staff.gallery staff.backup
    """
    backup_gallery(gallery, file)
    out.print(f"{file} is a copy of {gallery}, readable by its owner alone")
    return OK


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `mien backup` wrote.", show_default=False)],
    gallery: options.OutputGallery,
    json: options.Json = False,
) -> int:
    """Bring back what a gallery lacks from a backup; nobody who was erased comes back.

    Where there is no gallery, the backup becomes it. What was enrolled since stays.

    Example:

      mien restore staff.backup staff.gallery
    """
    is_new = not Path(gallery).exists()
    done = restore_gallery(file, gallery)
    if json:
        emit({"subjects": done.subjects, "samples": done.samples, "erased": done.erased})
    else:
        out.print(
            f"{plural(done.subjects, 'subject')} and {plural(done.samples, 'sample')} brought back to {gallery}; "
            f"{done.erased} of the backup were erased since and stay erased"
        )
    if is_new:
        err.print(
            "mien: there was no gallery that knows who was erased since the backup; the keys of an encrypted one "
            "know it, and a plain one has everybody who was enrolled then"
        )
    return OK
