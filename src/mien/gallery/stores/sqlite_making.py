"""Making a gallery file: empty, whole, and private from its first byte on. Opens and reads none."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from mien.errors import GalleryError
from mien.faults import describe
from mien.gallery.profiles import new_id
from mien.gallery.records import Identity
from mien.gallery.stores import sqlite_schema as schema
from mien.whole_files import PRIVATE_FILE, make_folder, make_private


def make_gallery(path: Path, identity: Identity) -> None:
    """Write an empty gallery next to its place and put it there, so that no half-made one is ever opened.

    Its owner alone may read it. Where another process made one in the meantime, that one stays.

    Raises:
        GalleryError: it cannot be made there.
    """
    scratch = path.with_name(f".{token_hex(8)}.new")
    try:
        make_folder(path.parent, private=True)
        os.close(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
        make_private(scratch)
        _write_empty(scratch, identity)
        _put(scratch, path)
    except (OSError, ValueError) as reason:
        raise GalleryError(f"{path} cannot be made: {describe(reason, str(path))}") from reason
    except sqlite3.Error as reason:
        raise GalleryError(f"{path} cannot be made: {reason}") from reason
    finally:
        with suppress(OSError, ValueError):
            scratch.unlink(missing_ok=True)


def _write_empty(path: Path, identity: Identity) -> None:
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA page_size = 16384")
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        schema.register(connection)
        connection.executescript(schema.SCHEMA)
        connection.execute(
            "INSERT INTO gallery (format, uid, contract, model, metric, dimension, created) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                schema.FORMAT,
                new_id(),
                identity.contract,
                identity.model,
                identity.metric,
                identity.dimension,
                time.time(),
            ),
        )
        schema.stamp(connection, "gallery", "true", ())
        connection.commit()
    finally:
        connection.close()


def _put(scratch: Path, path: Path) -> None:
    try:
        path.hardlink_to(scratch)
    except FileExistsError:
        return
    except OSError:
        # exFAT and some network disks know no hard links.
        with _locked(path.parent):
            if not path.exists():
                scratch.replace(path)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes that make a gallery in this folder waiting, where the system can."""
    try:
        import fcntl

        opened = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return
    try:
        with suppress(OSError):
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)
