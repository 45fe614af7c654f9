"""The file of a SQLite gallery: made, opened for writing or for reading alone, read and written in transactions.

A write that returned has been synced (WAL, synchronous=FULL), erased rows are overwritten (secure_delete), and
several processes may read and write at once. Where an account may not write (a read-only disk, missing rights), the
gallery is read as it is. What is damaged is an error that says so, never an answer. Knows no queries; see sqlite.py.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from threading import RLock
from typing import Any

from mien.errors import GalleryError
from mien.faults import describe
from mien.gallery.records import Identity
from mien.gallery.stores import sqlite_schema as schema
from mien.whole_files import PRIVATE_FILE, make_folder, make_private

PATIENCE_WITH_WRITERS, PATIENCE_WITH_READERS = 30, 3
"""Seconds to wait for another process: before a write fails, and before the log is left as it is."""

CHECKED_UP_TO = 256 << 20
"""Bytes of a gallery up to which the tables of templates are checked whenever it is opened; this takes 0.1 s at most.
Of larger ones they are checked when all templates are read."""

Row = tuple[Any, ...]


class SqliteFile:
    """One open gallery file. Safe to call from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = RLock()
        self._seen: tuple[float, ...] | None = None
        self._upgraded = False
        with self.reading():
            self._connect()

    @property
    def log(self) -> Path:
        """The write-ahead log."""
        return self.path.with_name(f"{self.path.name}-wal")

    def _connect(self) -> None:
        self.read_only = not os.access(self.path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
        if not self.read_only:
            try:
                self.connection = self._accept(_connect_to_write(self.path))
                return
            except sqlite3.OperationalError as reason:
                if _primary(reason) not in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
                    raise
                self.read_only = True
        self._connect_to_read()

    def _connect_to_read(self) -> None:
        """Read what another account wrote: with its log where there is one, else the file alone."""
        self._seen = None
        if self.log.exists():
            try:
                self.connection = self._accept(_connect_by_uri(self.path, "mode=ro"))
                return
            except sqlite3.OperationalError as reason:
                if _size(self.log):
                    raise GalleryError(
                        f"{self.path} has changes in {self.log.name} that only an account with the right to write "
                        f"can read: run `mien subjects {self.path}` there once"
                    ) from reason
        self._seen = self._state()
        self.connection = self._accept(_connect_by_uri(self.path, "mode=ro&immutable=1"))

    def _state(self) -> tuple[float, ...]:
        """What changes when another process writes to a file that is read without its log."""
        about = self.path.stat()
        return about.st_mtime_ns, about.st_size, about.st_ino, _size(self.log)

    def _accept(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        """Check that a connection reads a gallery that is whole."""
        try:
            if connection.execute("PRAGMA application_id").fetchone()[0] != schema.APPLICATION_ID:
                raise GalleryError(f"{self.path} is a database, but not a gallery of mien; name another file")
            schema.register(connection)
            if not self.read_only:
                _set_up(connection)
            self._require_whole(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _require_whole(self, connection: sqlite3.Connection) -> None:
        tables = ["gallery", "subject", "removed"]
        if self.path.stat().st_size <= CHECKED_UP_TO:
            tables.append("template")
        for table in tables:
            self._require_structure(connection, table)

    def _require_structure(self, connection: sqlite3.Connection, table: str) -> None:
        found = connection.execute(f"PRAGMA integrity_check({table})").fetchone()[0]
        if found != "ok":
            raise self.damaged(f"the table {table}: {' '.join(str(found).split())[:120]}")

    def require_templates(self) -> None:
        """Check the table of templates where it was not checked at the opening."""
        if self.path.stat().st_size > CHECKED_UP_TO:
            self._require_structure(self.connection, "template")

    def close(self) -> None:
        """Give back the connection."""
        with self.lock:
            self.connection.close()

    @property
    def is_upgraded(self) -> bool:
        """Whether its tables have all columns of this version; this or another process may have added them since."""
        if not self._upgraded:
            self._upgraded = schema.is_upgraded(self.connection)
        return self._upgraded

    def require_writable(self) -> None:
        """Refuse a gallery that this account can only read.

        Raises:
            GalleryError: it cannot be written.
        """
        if self.read_only:
            raise GalleryError(
                f"{self.path} can only be read: this account has no right to write it or its folder, or its disk is "
                "read-only; copy it to a different place, or change its rights"
            )

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction; it has been synced when this returns."""
        with self.lock:
            self.require_writable()
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                if not self.is_upgraded:
                    schema.upgrade(self.connection)
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException as reason:
                self._roll_back()
                if isinstance(reason, sqlite3.Error):
                    raise self._fault(reason, "written") from reason
                raise

    def _roll_back(self) -> None:
        # What was added to the tables is gone as well.
        self._upgraded = False
        if self.connection.in_transaction:
            with suppress(sqlite3.Error):
                self.connection.execute("ROLLBACK")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn whatever a damaged file brings about into one error."""
        with self.lock:
            try:
                if self._seen is not None and self._seen != self._state():
                    self.connection.close()
                    self._connect_to_read()
                yield
            except sqlite3.Error as reason:
                raise self._fault(reason, "read") from reason
            except OSError as reason:
                raise GalleryError(describe(reason, str(self.path))) from reason
            except (ValueError, TypeError, OverflowError) as reason:
                raise self.damaged(str(reason)) from reason

    @contextmanager
    def consistent(self) -> Iterator[None]:
        """One view of the gallery for several reads."""
        with self.reading():
            self.connection.execute("BEGIN")
            try:
                yield
            finally:
                if self.connection.in_transaction:
                    self.connection.execute("COMMIT")

    def read(self, query: str, values: Sequence[object] = ()) -> list[Row]:
        """The rows of a query."""
        with self.reading():
            return self.connection.execute(query, values).fetchall()

    def read_intact(self, columns: str, source: str, tables: str, values: Sequence[object] = ()) -> list[Row]:
        """The rows of a query whose content is what was written.

        Args:
            columns: what is selected.
            source: FROM and what follows.
            tables: whose rows are checked, separated by spaces.
            values: of the query's parameters.

        Raises:
            GalleryError: a row is damaged.
        """
        with self.reading():
            if not self.is_upgraded:
                return self.connection.execute(f"SELECT {columns} {source}", values).fetchall()
            checks = " AND ".join(schema.intact(table) for table in tables.split())
            rows = self.connection.execute(f"SELECT {checks}, {columns} {source}", values).fetchall()
            if not all(row[0] for row in rows):
                raise self.damaged(f"a row of the table {tables.split()[0]} is not what was written")
            return [row[1:] for row in rows]

    def empty_log(self) -> bool:
        """Move everything from the write-ahead log into the file and cut the log to nothing.

        Returns:
            Whether it is empty; it is not while another process reads.
        """
        with self.reading():
            self.connection.execute(f"PRAGMA busy_timeout = {1000 * PATIENCE_WITH_READERS}")
            busy = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            self.connection.execute(f"PRAGMA busy_timeout = {1000 * PATIENCE_WITH_WRITERS}")
        return not busy

    def damaged(self, what: str) -> GalleryError:
        """The error of a file that does not hold what was written."""
        return GalleryError(
            f"{self.path} is damaged ({what}): restore it from a backup, or enrol again in a new gallery"
        )

    def _fault(self, reason: sqlite3.Error, done: str) -> GalleryError:
        code = _primary(reason)
        if code == sqlite3.SQLITE_NOTADB:
            return GalleryError(f"{self.path} is not a gallery, or a damaged one: {reason}")
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return GalleryError(f"{self.path} is in use by another process: run this again when that is done")
        if code == sqlite3.SQLITE_FULL:
            return GalleryError(f"{self.path} cannot be {done}, because the disk is full: free some space")
        if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN) or done == "written":
            return GalleryError(f"{self.path} cannot be {done}: {reason}")
        return self.damaged(str(reason))


def _primary(reason: sqlite3.Error) -> int:
    """The number of an error without what SQLite adds to it; errors of Python's own have none."""
    return int(getattr(reason, "sqlite_errorcode", None) or 0) & 0xFF


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _connect_to_write(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=PATIENCE_WITH_WRITERS, isolation_level=None, check_same_thread=False)


def _connect_by_uri(path: Path, options: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}",
        uri=True,
        timeout=PATIENCE_WITH_WRITERS,
        isolation_level=None,
        check_same_thread=False,
    )


def _set_up(connection: sqlite3.Connection) -> None:
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


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
            "INSERT INTO gallery (format, contract, model, metric, dimension, created) VALUES (?, ?, ?, ?, ?, ?)",
            (schema.FORMAT, identity.contract, identity.model, identity.metric, identity.dimension, time.time()),
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
