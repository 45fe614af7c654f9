"""The file of a SQLite gallery: opened for writing or for reading alone, read and written in transactions.

A write that returned has been synced (WAL, synchronous=FULL), erased rows are overwritten (secure_delete), and
several processes may read and write at once. Every thread that reads has a connection of its own, so that reads wait
for nobody; one connection writes. Where an account may not write (a read-only disk, missing rights), the gallery is
read as it is. What is damaged is an error that says so, never an answer. Knows no queries; see sqlite.py.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, RLock, local
from typing import Any

from mien.errors import GalleryError
from mien.faults import describe
from mien.gallery.stores import sqlite_format1 as format1
from mien.gallery.stores import sqlite_schema as schema

PATIENCE_WITH_WRITERS, PATIENCE_WITH_READERS = 30, 3
"""Seconds to wait for another process: before a write fails, and before the log is left as it is."""

CHECKED_UP_TO = 256 << 20
"""Bytes of a gallery up to which the tables of templates are checked whenever it is opened; this takes 0.1 s at most.
Of larger ones they are checked when all templates are read."""

Row = tuple[Any, ...]
State = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Reader:
    """A connection that reads.

    Attributes:
        connection: to the file.
        seen: the state of a file that is read without its log, when it was opened; None where the log is read too.
        is_former: whether the file had format 1 when it was opened.
    """

    connection: sqlite3.Connection
    seen: State | None
    is_former: bool


class SqliteFile:
    """One open gallery file. Safe to call from several threads."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self._lock, self._writing, self._held = Lock(), RLock(), local()
        self._idle: list[_Reader] = []
        self._is_closed = False
        self._checked: State | None = None
        with self._translated("read"):
            self._open()

    @property
    def log(self) -> Path:
        """The write-ahead log."""
        return self.path.with_name(f"{self.path.name}-wal")

    def _open(self) -> None:
        by_id = os.access in os.supports_effective_ids
        self.read_only = self.read_only or not os.access(self.path, os.W_OK, effective_ids=by_id)
        if not self.read_only:
            try:
                self._writer = self._accept(_connect_to_write(self.path))
                return
            except sqlite3.OperationalError as reason:
                if _primary(reason) not in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
                    raise
                self.read_only = True
        self._give_back(self._open_reader())

    def _open_reader(self) -> _Reader:
        if self.read_only:
            connection, seen = self._connect_to_read()
        else:
            connection, seen = _connect_to_write(self.path), None
            schema.register(connection)
        try:
            is_former = format1.number_of(connection) == 1
            if is_former:
                format1.lay_views(connection)
            connection.execute("PRAGMA query_only = ON")
        except BaseException:
            connection.close()
            raise
        return _Reader(connection, seen, is_former)

    def _connect_to_read(self) -> tuple[sqlite3.Connection, State | None]:
        """Read what another account wrote: with its log where there is one, else the file alone."""
        if self.log.exists():
            try:
                return self._accept(_connect_by_uri(self.path, "mode=ro")), None
            except sqlite3.OperationalError as reason:
                if _size(self.log):
                    raise GalleryError(
                        f"{self.path} has changes in {self.log.name} that only an account with the right to write "
                        f"can read: run `mien subjects {self.path}` there once"
                    ) from reason
        seen = self._state()
        return self._accept(_connect_by_uri(self.path, "mode=ro&immutable=1")), seen

    def _state(self) -> State:
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
            state = self._state()
            if state != self._checked:
                self._require_whole(connection)
                self._checked = state
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
        found = connection.execute(f"PRAGMA main.integrity_check({table})").fetchone()[0]
        if found != "ok":
            raise self.damaged(f"the table {table}: {' '.join(str(found).split())[:120]}")

    def require_templates(self) -> None:
        """Check the table of templates where it was not checked at the opening."""
        if self.path.stat().st_size > CHECKED_UP_TO:
            with self.reading() as connection:
                self._require_structure(connection, "template")

    def close(self) -> None:
        """Give back the connections; what others still read ends with them."""
        with self._writing, self._lock:
            self._is_closed = True
            if not self.read_only:
                self._writer.close()
            for reader in self._idle:
                reader.connection.close()
            self._idle.clear()

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
        """One transaction, in which this thread's reads see what it has written; it has been synced at the end.

        A gallery of format 1 is raised before.
        """
        with self._writing:
            self.require_writable()
            with self._translated("written"):
                if format1.number_of(self._writer) == 1:
                    format1.raise_format(self._writer, self.path)
                self._writer.execute("BEGIN IMMEDIATE")
            self._held.connection = self._writer
            try:
                self._require_known_format(self._writer)
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException as reason:
                self._roll_back()
                if isinstance(reason, sqlite3.Error):
                    raise self._fault(reason, "written") from reason
                raise
            finally:
                self._held.connection = None

    def _require_known_format(self, connection: sqlite3.Connection) -> None:
        """Refuse what a later mien made, or made of it while it was open."""
        found = format1.number_of(connection)
        if found not in (1, schema.FORMAT):
            raise GalleryError(
                f"{self.path} has gallery format {found}, and this mien reads 1 and {schema.FORMAT}: update mien"
            )

    def _roll_back(self) -> None:
        if self._writer.in_transaction:
            with suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")

    @contextmanager
    def _translated(self, done: str) -> Iterator[None]:
        """Turn whatever a damaged file brings about into one error."""
        try:
            yield
        except sqlite3.Error as reason:
            raise self._fault(reason, done) from reason
        except OSError as reason:
            raise GalleryError(describe(reason, str(self.path))) from reason
        except (ValueError, TypeError, OverflowError) as reason:
            raise self.damaged(str(reason)) from reason

    def decoding(self) -> AbstractContextManager[None]:
        """Turn what a damaged value brings about into one error."""
        return self._translated("read")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for this thread alone; within a write, the one that writes."""
        held = getattr(self._held, "connection", None)
        with self._translated("read"):
            if held is not None:
                yield held
                return
            reader = self._take()
            self._held.connection = reader.connection
            try:
                yield reader.connection
            except BaseException:
                reader.connection.close()
                raise
            finally:
                self._held.connection = None
            self._give_back(reader)

    def _take(self) -> _Reader:
        while True:
            with self._lock:
                if self._is_closed:
                    raise GalleryError(f"{self.path} was closed: open it again")
                reader = self._idle.pop() if self._idle else None
            reader = reader or self._open_reader()
            try:
                if self._is_current(reader):
                    return reader
            except BaseException:
                reader.connection.close()
                raise
            reader.connection.close()

    def _is_current(self, reader: _Reader) -> bool:
        if reader.is_former:
            # The views hold as long as the file is not raised, so nobody may raise it within a read.
            reader.connection.execute("BEGIN")
            return format1.number_of(reader.connection) == 1
        self._require_known_format(reader.connection)
        return reader.seen is None or reader.seen == self._state()

    def _give_back(self, reader: _Reader) -> None:
        if reader.connection.in_transaction:
            reader.connection.execute("COMMIT")
        with self._lock:
            if not self._is_closed:
                self._idle.append(reader)
                return
        reader.connection.close()

    @contextmanager
    def consistent(self) -> Iterator[None]:
        """One view of the gallery for several reads of this thread."""
        with self.reading() as connection:
            if connection.in_transaction:
                yield
                return
            connection.execute("BEGIN")
            try:
                yield
            finally:
                connection.execute("COMMIT")

    def read(self, query: str, values: Sequence[object] = ()) -> list[Row]:
        """The rows of a query."""
        with self.reading() as connection:
            return connection.execute(query, values).fetchall()

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
        checks = " AND ".join(schema.intact(table) for table in tables.split())
        rows = self.read(f"SELECT {checks}, {columns} {source}", values)
        if not all(row[0] for row in rows):
            raise self.damaged(f"a row of the table {tables.split()[0]} is not what was written")
        return [row[1:] for row in rows]

    def empty_log(self) -> bool:
        """Move everything from the write-ahead log into the file and cut the log to nothing.

        Returns:
            Whether it is empty; it is not while another process reads for longer than a moment.
        """
        with self._writing, self._translated("read"):
            self._writer.execute(f"PRAGMA busy_timeout = {1000 * PATIENCE_WITH_READERS}")
            busy = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            self._writer.execute(f"PRAGMA busy_timeout = {1000 * PATIENCE_WITH_WRITERS}")
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
