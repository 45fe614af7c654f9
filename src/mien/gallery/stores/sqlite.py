"""A gallery as one file: a SQLite database that holds subjects, templates and portraits.

Owns the schema, durability and erasure. A write that returned has been synced (WAL, synchronous=FULL). Erased rows
are overwritten (secure_delete), and the write-ahead log is emptied. Several processes may read and write at once.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from mien.errors import GalleryError, SubjectNotFoundError
from mien.gallery.records import Changes, Identity, NewTemplate, Portrait, SubjectRow
from mien.gallery.stores.base import BLOCK, require_identity

if TYPE_CHECKING:
    from mien.gallery.indexes.base import Ids
    from mien.types import Floats

FORMAT = 1
APPLICATION_ID = 0x6D69656E
"""'mien' in the header of the file, so that another database is not taken for a gallery."""

PATIENCE_WITH_WRITERS, PATIENCE_WITH_READERS = 30, 3
"""Seconds to wait for another process: before a write fails, and before the log is left as it is."""

SCHEMA = """
CREATE TABLE gallery (format INTEGER, contract TEXT, model TEXT, metric TEXT, dimension INTEGER, created REAL);
CREATE TABLE subject (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, enrolled REAL NOT NULL);
CREATE TABLE template (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subject INTEGER NOT NULL REFERENCES subject(id) ON DELETE CASCADE,
    source_sha256 TEXT NOT NULL,
    embedding BLOB NOT NULL
);
CREATE UNIQUE INDEX template_source ON template(subject, source_sha256);
CREATE TABLE portrait (
    template INTEGER PRIMARY KEY REFERENCES template(id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    jpeg BLOB NOT NULL,
    landmarks BLOB NOT NULL
);
CREATE TABLE removed (number INTEGER PRIMARY KEY AUTOINCREMENT, template INTEGER NOT NULL);
"""


class SqliteStore:
    """One open gallery file; see Store."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock = RLock()
        row = connection.execute("SELECT format, contract, model, metric, dimension FROM gallery").fetchone()
        if row is None or row[0] != FORMAT:
            raise GalleryError(
                f"{path} has gallery format {row and row[0]}, and this mien reads {FORMAT}: update mien"
            )
        self.identity = Identity(*row[1:])

    @property
    def address(self) -> str:
        """The path of the file."""
        return str(self.path)

    @classmethod
    def exists(cls, address: str) -> bool:
        """See Store."""
        return Path(address).exists()

    @classmethod
    def create(cls, address: str, identity: Identity) -> SqliteStore:
        """See Store."""
        if not cls.exists(address):
            _initialize(Path(address), identity)
        store = cls.open(address)
        require_identity(store, identity)
        return store

    @classmethod
    def open(cls, address: str) -> SqliteStore:
        """See Store."""
        path = Path(address)
        if path.is_dir():
            raise GalleryError(f"{path} is a folder; a gallery is one file, such as {path / 'people.gallery'}")
        if not path.is_file():
            raise GalleryError(f"there is no gallery {path}; make one with `mien enrol {path} FOLDER`")
        try:
            connection = _connect(path)
            if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                connection.close()
                raise GalleryError(f"{path} is a database, but not a gallery of mien; name another file")
            return cls(path, connection)
        except sqlite3.DatabaseError as reason:
            raise GalleryError(f"{path} is not a gallery, or a damaged one: {reason}") from reason

    def close(self) -> None:
        """See Store."""
        self._connection.close()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """One transaction; it has been synced when this returns."""
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException as reason:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(reason, sqlite3.Error):
                    raise GalleryError(f"{self.path} cannot be written: {reason}") from reason
                raise

    def read_kept(self, name: str) -> str | None:
        """See Store."""
        with self._lock:
            # Galleries made before anything was kept have no such table.
            if not self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'kept'").fetchone():
                return None
            row = self._connection.execute("SELECT text FROM kept WHERE name = ?", (name,)).fetchone()
            return None if row is None else str(row[0])

    def write_kept(self, name: str, text: str | None) -> None:
        """See Store."""
        with self._write() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, text TEXT NOT NULL)")
            connection.execute("DELETE FROM kept WHERE name = ?", (name,))
            if text is not None:
                connection.execute("INSERT INTO kept VALUES (?, ?)", (name, text))

    def add(self, templates: Sequence[NewTemplate]) -> list[int | None]:
        """See Store."""
        with self._write() as connection:
            return [_insert(connection, template) for template in templates]

    def remove(self, subject: str) -> int:
        """See Store.

        Raises:
            SubjectNotFoundError: there is no such subject.
            GalleryError: another process kept reading, so the log could not be emptied; the subject is gone from the
                gallery, and the message says how to finish.
        """
        with self._write() as connection:
            row = connection.execute("SELECT id FROM subject WHERE name = ?", (subject,)).fetchone()
            if row is None:
                raise SubjectNotFoundError(f"{self.path} has no subject '{subject}'; see `mien subjects {self.path}`")
            connection.execute("INSERT INTO removed (template) SELECT id FROM template WHERE subject = ?", row)
            count = connection.execute("SELECT count(*) FROM template WHERE subject = ?", row).fetchone()[0]
            connection.execute("DELETE FROM subject WHERE id = ?", row)
        if not self.erase_traces():
            raise GalleryError(
                f"erased, but traces remain in {self.path}-wal while another process reads; when it is done, "
                f"run `mien subjects {self.path}`, which empties the log"
            )
        return int(count)

    def erase_traces(self) -> bool:
        """Move everything from the write-ahead log into the file and cut the log to nothing.

        Returns:
            Whether it is empty; it is not while another process reads.
        """
        with self._lock:
            self._connection.execute(f"PRAGMA busy_timeout = {1000 * PATIENCE_WITH_READERS}")
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            self._connection.execute(f"PRAGMA busy_timeout = {1000 * PATIENCE_WITH_WRITERS}")
        return not busy

    def subjects(self) -> list[SubjectRow]:
        """See Store."""
        rows = self._read(
            "SELECT name, count(template.id), enrolled FROM subject "
            "LEFT JOIN template ON template.subject = subject.id GROUP BY subject.id ORDER BY name"
        )
        return [SubjectRow(*row) for row in rows]

    def change_number(self) -> str:
        """See Store."""
        query = "SELECT contract, (SELECT max(id) FROM template), (SELECT max(number) FROM removed) FROM gallery"
        return " ".join(map(str, self._read(query)[0]))

    def first_templates(self, count: int) -> dict[str, list[int]]:
        """See Store."""
        rows = self._read(
            "SELECT name, template FROM (SELECT id AS template, subject, "
            "row_number() OVER (PARTITION BY subject ORDER BY id) AS place FROM template) AS numbered "
            "JOIN subject ON subject.id = numbered.subject WHERE place <= ? ORDER BY name, template",
            (count,),
        )
        found: dict[str, list[int]] = {}
        for name, number in rows:
            found.setdefault(name, []).append(number)
        return found

    def has_source(self, subject: str, source_sha256: str) -> bool:
        """See Store."""
        return bool(
            self._read(
                "SELECT 1 FROM template JOIN subject ON subject.id = template.subject "
                "WHERE name = ? AND source_sha256 = ?",
                (subject, source_sha256),
            )
        )

    def subject_embeddings(self, subject: str) -> Floats:
        """See Store."""
        rows = self._read(
            "SELECT embedding FROM template JOIN subject ON subject.id = template.subject WHERE name = ?",
            (subject,),
        )
        return self._vectors([row[0] for row in rows])

    def current_identity(self) -> Identity:
        """See Store."""
        return Identity(*self._read("SELECT contract, model, metric, dimension FROM gallery")[0])

    def count(self) -> int:
        """See Store."""
        return int(self._read("SELECT count(*) FROM template")[0][0])

    def changes(self, last_id: int, last_removal: int) -> Changes:
        """See Store."""
        import numpy as np

        with self._lock:
            self._connection.execute("BEGIN")
            try:
                rows = self._read(
                    "SELECT id, embedding FROM template WHERE id > ? ORDER BY id LIMIT ?", (last_id, BLOCK)
                )
                removals = self._read("SELECT number, template FROM removed WHERE number > ?", (last_removal,))
            finally:
                self._connection.execute("COMMIT")
        ids = np.array([row[0] for row in rows], np.int64)
        removed = np.array([row[1] for row in removals], np.int64)
        last = max([last_removal, *(row[0] for row in removals)])
        return Changes(ids, self._vectors([row[1] for row in rows]), removed, last)

    def embeddings(self, ids: Ids) -> Floats:
        """See Store."""
        import numpy as np

        vectors = np.full((len(ids), self.identity.dimension), np.nan, np.float32)
        place = {int(number): position for position, number in enumerate(ids)}
        for number, blob in self._by_ids("SELECT id, embedding FROM template WHERE id IN ({})", ids):
            vectors[place[number]] = np.frombuffer(blob, np.float32)
        return vectors

    def owners(self, ids: Ids) -> dict[int, str]:
        """See Store."""
        query = (
            "SELECT template.id, subject.name FROM template JOIN subject ON subject.id = template.subject "
            "WHERE template.id IN ({})"
        )
        return dict(self._by_ids(query, ids))

    def portraits(self) -> Iterator[tuple[int, Portrait]]:
        """See Store."""
        import numpy as np

        last = 0
        while rows := self._read(
            "SELECT template, source, jpeg, landmarks FROM portrait WHERE template > ? ORDER BY template LIMIT 64",
            (last,),
        ):
            for number, source, jpeg, landmarks in rows:
                yield number, Portrait(source, jpeg, np.frombuffer(landmarks, np.float32).reshape(5, 2))
            last = rows[-1][0]

    def replace_embeddings(self, identity: Identity, embeddings: Mapping[int, Floats]) -> None:
        """See Store."""
        with self._write() as connection:
            present = {row[0] for row in connection.execute("SELECT id FROM template")}
            if present != set(embeddings):
                raise GalleryError(f"{self.path} was changed while it was embedded again: run the command again")
            connection.executemany(
                "UPDATE template SET embedding = ? WHERE id = ?",
                [(vector.astype("<f4").tobytes(), number) for number, vector in embeddings.items()],
            )
            connection.execute(
                "UPDATE gallery SET contract = ?, model = ?, metric = ?, dimension = ?",
                (identity.contract, identity.model, identity.metric, identity.dimension),
            )
        self.identity = identity
        self.erase_traces()

    def _vectors(self, blobs: Sequence[bytes]) -> Floats:
        import numpy as np

        return np.frombuffer(b"".join(blobs), np.float32).reshape(-1, self.identity.dimension)

    def _read(self, query: str, values: Sequence[object] = ()) -> list[tuple]:  # type: ignore[type-arg]
        with self._lock:
            try:
                return self._connection.execute(query, values).fetchall()
            except sqlite3.Error as reason:
                raise GalleryError(f"{self.path} cannot be read: {reason}") from reason

    def _by_ids(self, query: str, ids: Ids) -> Iterator[tuple]:  # type: ignore[type-arg]
        for start in range(0, len(ids), 900):
            part = [int(number) for number in ids[start : start + 900]]
            yield from self._read(query.format(",".join("?" * len(part))), part)


def _insert(connection: sqlite3.Connection, new: NewTemplate) -> int | None:
    connection.execute(
        "INSERT INTO subject (name, enrolled) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
        (new.subject, time.time()),
    )
    cursor = connection.execute(
        "INSERT INTO template (subject, source_sha256, embedding) SELECT id, ?, ? FROM subject WHERE name = ? "
        "ON CONFLICT (subject, source_sha256) DO NOTHING",
        (new.source_sha256, new.embedding.astype("<f4").tobytes(), new.subject),
    )
    if cursor.rowcount == 0:
        return None
    number = int(cursor.lastrowid or 0)
    portrait = new.portrait
    connection.execute(
        "INSERT INTO portrait (template, source, jpeg, landmarks) VALUES (?, ?, ?, ?)",
        (number, portrait.source, portrait.jpeg, portrait.landmarks.astype("<f4").tobytes()),
    )
    return number


def _initialize(path: Path, identity: Identity) -> None:
    """Write an empty gallery next to its place and link it there, so that no half-made one is ever opened."""
    scratch = path.with_name(f".{path.name}.{time.time_ns()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(scratch)
        connection.execute("PRAGMA page_size = 16384")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.executescript(SCHEMA)
        connection.execute(
            "INSERT INTO gallery VALUES (?, ?, ?, ?, ?, ?)",
            (FORMAT, identity.contract, identity.model, identity.metric, identity.dimension, time.time()),
        )
        connection.commit()
        connection.close()
        # It exists where another process made it in the meantime.
        with suppress(FileExistsError):
            path.hardlink_to(scratch)
    except (OSError, sqlite3.Error) as reason:
        raise GalleryError(f"{path} cannot be made: {reason}") from reason
    finally:
        scratch.unlink(missing_ok=True)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=PATIENCE_WITH_WRITERS, isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection
