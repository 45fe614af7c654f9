"""Tries the places of outputs while the command line is parsed, so that a full disk is not found after the work.

Each function is the `callback` of an option or argument. Writes nothing that stays, and checks no content.
"""

import errno
import os
import stat
from pathlib import Path
from tempfile import TemporaryFile

import typer

from mien.cli.exit_codes import FAILED

PROBE = 64 * 1024
"""Bytes that are written to see whether there is room; reports and galleries are larger."""

LONGEST_NAME = 255
"""Bytes in the name of a file on the file systems in use."""


def output_file(ctx: typer.Context, value: Path | None) -> Path | None:
    """An option that names a file to write."""
    return _tried(ctx, value, kind="file")


def output_folder(ctx: typer.Context, value: Path | None) -> Path | None:
    """An option that names a folder to write into."""
    return _tried(ctx, value, kind="folder")


def output_place(ctx: typer.Context, value: Path | None) -> Path | None:
    """An option that names a file or a folder, as another option says."""
    return _tried(ctx, value, kind="either")


def output_gallery(ctx: typer.Context, value: str) -> str:
    """An argument that names a gallery to write; addresses with a scheme are tried by their store."""
    if "://" not in value:
        _tried(ctx, Path(value), kind="file")
    return value


def _tried(ctx: typer.Context, value: Path | None, *, kind: str) -> Path | None:
    # Completion parses too.
    if value is None or ctx.resilient_parsing:
        return value
    try:
        try_output(value, kind=kind)
    except OSError as reason:
        from mien.cli.terminal import fail
        from mien.faults import describe

        fail(describe(reason, str(value)), FAILED)
    return value


def try_output(path: Path, *, kind: str = "either") -> None:
    """Try whether something can be written at a path; missing folders will be made there.

    Args:
        path: a file that is to be written or replaced, or a folder that is to be written into.
        kind: file, folder or either.

    Raises:
        OSError: it cannot; the error names the path.
    """
    existing = _existing(path)
    if existing == path and kind != "folder" and not path.is_dir():
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", str(path))
        existing = path.parent
    if existing == path and kind == "file":
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not existing.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(existing))
    try:
        with TemporaryFile(dir=existing) as probe:
            probe.write(bytes(PROBE))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as reason:
        reason.filename = str(path)
        raise


def _existing(path: Path) -> Path:
    """The deepest part of a path that exists.

    Raises:
        OSError: a missing part has too long a name, or the path cannot be looked at.
    """
    for part in (path, *path.parents):
        try:
            part.stat()
        except (FileNotFoundError, NotADirectoryError):
            if len(os.fsencode(part.name)) > LONGEST_NAME:
                raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), str(path)) from None
            continue
        return part
    return Path()
