"""The gallery file: a SQLite database that holds subjects, templates and portraits. The truth on disk.

Owns the schema, durability and erasure. A write that returned has been synced (WAL, synchronous=FULL). Erased rows
are overwritten (secure_delete), and the write-ahead log is emptied. Several processes may read and write at once.
Knows no network, compares nothing.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock

import numpy as np

from mien.errors import ContractError, GalleryError, SubjectNotFoundError
from mien.gallery.index import Ids
from mien.gallery.records import Changes, Identity, NewTemplate, Portrait, SubjectRow, canonical
from mien.types import Floats

FORMAT = 1
APPLICATION_ID = 0x6D69656E
"""'mien' in the header of the file, so that another database is not taken for a gallery."""

PATIENCE_WITH_WRITERS, PATIENCE_WITH_READERS = 30, 3
"""Seconds to wait for another process: before a write fails, and before the log is left as it is."""

BLOCK = 50_000
"""Templates that are read at a time, so that a large gallery is opened without holding it twice."""

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


class GalleryStore:
    """One open gallery file. Safe to call from several threads."""

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

    @classmethod
    def create(cls, path: Path, identity: Identity) -> "GalleryStore":
        """Make a new gallery file; an existing one is opened, and must hold the same embeddings.

        Raises:
            ContractError: the existing file holds another model's embeddings.
            GalleryError: the file cannot be written.
        """
        if not path.exists():
            _initialize(path, identity)
        store = cls.open(path)
        store.require(identity)
        return store

    @classmethod
    def open(cls, path: Path) -> "GalleryStore":
        """Open an existing gallery file.

        Raises:
            GalleryError: no such file, or it is no gallery.
        """
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
            raise GalleryError(f"{path} is no gallery, or a damaged one: {reason}") from reason

    def require(self, identity: Identity) -> None:
        """Refuse another model.

        Raises:
            ContractError: with the command that re-enrols.
        """
        if self.identity.contract != identity.contract:
            raise ContractError(
                f"{self.path} holds embeddings of {self.identity.model} (contract {self.identity.contract}), not of "
                f"{identity.model} ({identity.contract}): open it with --recognizer {self.identity.model}, or embed "
                f"its portraits anew with `mien reenrol {self.path} --recognizer {identity.model}`"
            )

    def close(self) -> None:
        """Close the file."""
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

    def keep(self, name: str, text: str | None) -> None:
        """Keep a text under a name in the file, or take it out with None."""
        with self._write() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, text TEXT NOT NULL)")
            connection.execute("DELETE FROM kept WHERE name = ?", (name,))
            if text is not None:
                connection.execute("INSERT INTO kept VALUES (?, ?)", (name, text))

    def kept(self, name: str) -> str | None:
        """The text that is kept under a name, or None."""
        with self._lock:
            # Galleries made before texts were kept have no such table.
            if not self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'kept'").fetchone():
                return None
            row = self._connection.execute("SELECT text FROM kept WHERE name = ?", (name,)).fetchone()
            return None if row is None else str(row[0])

    def add(self, templates: Sequence[NewTemplate]) -> list[int | None]:
        """Enrol templates in one transaction.

        Returns:
            Their ids; None for one whose source is already enrolled for its subject.
        """
        with self._write() as connection:
            return [_insert(connection, template) for template in templates]

    def remove(self, subject: str) -> int:
        """Erase a subject: embeddings, portraits and their traces in the log.

        Returns:
            How many templates were erased.

        Raises:
            SubjectNotFoundError: no such subject.
            GalleryError: another process kept reading, so the log could not be emptied; the subject is
                gone from the gallery, and the message says how to finish.
        """
        name = canonical(subject)
        with self._write() as connection:
            row = connection.execute("SELECT id FROM subject WHERE name = ?", (name,)).fetchone()
            if row is None:
                raise SubjectNotFoundError(f"{self.path} has no subject '{subject}'; see `mien subjects {self.path}`")
            connection.execute("INSERT INTO removed (template) SELECT id FROM template WHERE subject = ?", row)
            count = connection.execute("SELECT count(*) FROM template WHERE subject = ?", row).fetchone()[0]
            connection.execute("DELETE FROM subject WHERE id = ?", row)
        if not self.empty_log():
            raise GalleryError(
                f"erased, but traces remain in {self.path}-wal while another process reads; when it is done, "
                f"run `mien subjects {self.path}`, which empties the log"
            )
        return int(count)

    def empty_log(self) -> bool:
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
        """All subjects by name."""
        rows = self._read(
            "SELECT name, count(template.id), enrolled FROM subject "
            "LEFT JOIN template ON template.subject = subject.id GROUP BY subject.id ORDER BY name"
        )
        return [SubjectRow(*row) for row in rows]

    def has_source(self, subject: str, source_sha256: str) -> bool:
        """Whether this file is already enrolled for this subject."""
        return bool(
            self._read(
                "SELECT 1 FROM template JOIN subject ON subject.id = template.subject "
                "WHERE name = ? AND source_sha256 = ?",
                (canonical(subject), source_sha256),
            )
        )

    def subject_embeddings(self, subject: str) -> Floats:
        """The vectors of one subject, (N, D) float32; none for an unknown one."""
        rows = self._read(
            "SELECT embedding FROM template JOIN subject ON subject.id = template.subject WHERE name = ?",
            (canonical(subject),),
        )
        return np.frombuffer(b"".join(row[0] for row in rows), np.float32).reshape(-1, self.identity.dimension)

    def current_identity(self) -> Identity:
        """Which embeddings the file holds now; another process may have embedded it anew."""
        return Identity(*self._read("SELECT contract, model, metric, dimension FROM gallery")[0])

    def count(self) -> int:
        """How many templates there are."""
        return int(self._read("SELECT count(*) FROM template")[0][0])

    def changes(self, last_id: int, last_removal: int) -> Changes:
        """The next templates after an id, at most BLOCK of them, and all removals after a number, as one view."""
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
        vectors = np.frombuffer(b"".join(row[1] for row in rows), np.float32).reshape(-1, self.identity.dimension)
        removed = np.array([row[1] for row in removals], np.int64)
        return Changes(ids, vectors, removed, max([last_removal, *(row[0] for row in removals)]))

    def embeddings(self, ids: Ids) -> Floats:
        """The vectors of some templates in their order, NaN for one that has been removed."""
        vectors = np.full((len(ids), self.identity.dimension), np.nan, np.float32)
        place = {int(number): position for position, number in enumerate(ids)}
        for number, blob in self._by_ids("SELECT id, embedding FROM template WHERE id IN ({})", ids):
            vectors[place[number]] = np.frombuffer(blob, np.float32)
        return vectors

    def owners(self, ids: Ids) -> dict[int, str]:
        """The subjects of some templates."""
        query = (
            "SELECT template.id, subject.name FROM template JOIN subject ON subject.id = template.subject "
            "WHERE template.id IN ({})"
        )
        return dict(self._by_ids(query, ids))

    def portraits(self) -> Iterator[tuple[int, Portrait]]:
        """All portraits by template id, a few at a time."""
        last = 0
        while rows := self._read(
            "SELECT template, source, jpeg, landmarks FROM portrait WHERE template > ? ORDER BY template LIMIT 64",
            (last,),
        ):
            for number, source, jpeg, landmarks in rows:
                yield number, Portrait(source, jpeg, np.frombuffer(landmarks, np.float32).reshape(5, 2))
            last = rows[-1][0]

    def replace_embeddings(self, identity: Identity, embeddings: dict[int, Floats]) -> None:
        """Exchange all embeddings for another model's in one transaction.

        Raises:
            GalleryError: templates were added or removed in the meantime.
        """
        with self._write() as connection:
            present = {row[0] for row in connection.execute("SELECT id FROM template")}
            if present != set(embeddings):
                raise GalleryError(f"{self.path} was changed while it was embedded anew: run the command again")
            connection.executemany(
                "UPDATE template SET embedding = ? WHERE id = ?",
                [(vector.astype("<f4").tobytes(), number) for number, vector in embeddings.items()],
            )
            connection.execute(
                "UPDATE gallery SET contract = ?, model = ?, metric = ?, dimension = ?",
                (identity.contract, identity.model, identity.metric, identity.dimension),
            )
        self.identity = identity
        self.empty_log()

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
    name = canonical(new.subject)
    connection.execute(
        "INSERT INTO subject (name, enrolled) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
        (name, time.time()),
    )
    cursor = connection.execute(
        "INSERT INTO template (subject, source_sha256, embedding) SELECT id, ?, ? FROM subject WHERE name = ? "
        "ON CONFLICT (subject, source_sha256) DO NOTHING",
        (new.source_sha256, new.embedding.astype("<f4").tobytes(), name),
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
    """Write an empty gallery beside its place and move it there, so that no half-made one is ever opened."""
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
