"""A gallery as one file: a SQLite database that holds subjects, templates and portraits.

Owns the queries and erasure: after a removal, erased rows are overwritten and the write-ahead log is emptied, or the
caller hears that another process kept it from that. How the file is opened and written is in sqlite_file.py, and its
tables are in sqlite_schema.py.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mien.errors import GalleryError, SubjectNotFoundError
from mien.faults import describe
from mien.gallery.records import Changes, Identity, KeptDoubt, NewTemplate, Portrait, SampleRow, SubjectRow
from mien.gallery.stores.base import BLOCK, require_identity
from mien.gallery.stores.sqlite_file import Row, SqliteFile, make_gallery
from mien.gallery.stores.sqlite_rows import doubts_of, erase, insert, portrait_of, text_of, without_name
from mien.gallery.stores.sqlite_schema import FORMAT, row_checksum, stamp

if TYPE_CHECKING:
    from mien.gallery.indexes.base import Ids
    from mien.types import Floats

TRACES = "traces"
"""The name under which a gallery keeps that something erased may still be in its log."""

PORTRAITS = 64
"""Portraits that are read at a time."""


class SqliteStore:
    """One open gallery file; see Store."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self.path = file.path
        with file.reading():
            row = file.connection.execute("SELECT format FROM gallery").fetchone()
        if row is None or row[0] != FORMAT:
            raise GalleryError(
                f"{self.path} has gallery format {row and row[0]}, and this mien reads {FORMAT}: update mien"
            )
        self.identity = self.current_identity()

    @property
    def address(self) -> str:
        """The path of the file."""
        return str(self.path)

    @classmethod
    def exists(cls, address: str) -> bool:
        """See Store."""
        return os.path.lexists(address)

    @classmethod
    def create(cls, address: str, identity: Identity) -> SqliteStore:
        """See Store."""
        if not cls.exists(address):
            make_gallery(Path(address), identity)
        store = cls.open(address)
        require_identity(store, identity)
        return store

    @classmethod
    def open(cls, address: str) -> SqliteStore:
        """See Store."""
        path = Path(address)
        try:
            if path.is_dir():
                raise GalleryError(f"{path} is a folder; a gallery is one file, such as {path / 'people.gallery'}")
            if not path.is_file():
                raise GalleryError(f"there is no gallery {path}; make one with `mien enrol {path} FOLDER`")
            path.open("rb").close()
        except (OSError, ValueError) as reason:
            raise GalleryError(describe(reason, address)) from reason
        return cls(SqliteFile(path))

    def close(self) -> None:
        """See Store."""
        self._file.close()

    def require_writable(self) -> None:
        """See Store."""
        self._file.require_writable()

    def read_kept(self, name: str) -> str | None:
        """See Store."""
        # Galleries made before anything was kept have no such table.
        if not self._file.read("SELECT 1 FROM sqlite_master WHERE name = 'kept'"):
            return None
        rows = self._file.read_intact("text", "FROM kept WHERE name = ?", "kept", (name,))
        return str(rows[0][0]) if rows else None

    def write_kept(self, name: str, text: str | None) -> None:
        """See Store."""
        with self._file.write() as connection:
            connection.execute("DELETE FROM kept WHERE name = ?", (name,))
            if text is not None:
                values = name, text, row_checksum(name, text)
                connection.execute("INSERT INTO kept (name, text, checksum) VALUES (?, ?, ?)", values)

    def add(self, templates: Sequence[NewTemplate]) -> list[int | None]:
        """See Store."""
        with self._file.write() as connection:
            return [insert(connection, template) for template in templates]

    def remove(self, subject: str) -> int:
        """See Store.

        Raises:
            SubjectNotFoundError: there is no such subject.
            GalleryError: another process kept reading, so the log could not be emptied; the subject is gone from the
                gallery, and the message says how to finish.
        """
        with self._erasing("erased") as connection:
            place = self._place(subject)
            count = erase(connection, "subject = ?", (place,))
            connection.execute("DELETE FROM subject WHERE id = ?", (place,))
        return count

    def remove_sample(self, subject: str, number: int) -> bool:
        """See Store, and remove for what else is raised."""
        with self._erasing("erased") as connection:
            place = self._place(subject)
            if not erase(connection, "subject = ? AND id = ?", (place, number)):
                raise GalleryError(
                    f"{self.path} has no sample {number} of '{subject}'; see `mien samples {self.path} '{subject}'`"
                )
            is_gone = not connection.execute("SELECT 1 FROM template WHERE subject = ?", (place,)).fetchone()
            if is_gone:
                connection.execute("DELETE FROM subject WHERE id = ?", (place,))
        return is_gone

    def rename(self, subject: str, name: str) -> None:
        """See Store, and remove for what else is raised."""
        with self._erasing("renamed") as connection:
            place = self._place(subject)
            if self._find(name) not in (None, place):
                raise GalleryError(
                    f"{self.path} has a subject '{name}' already; `mien merge {self.path} '{subject}' '{name}'` "
                    "makes one subject of both"
                )
            self._forget_name(connection, place, subject)
            connection.execute("UPDATE subject SET name = ? WHERE id = ?", (name, place))
            stamp(connection, "subject", "id = ?", (place,))

    def merge(self, subject: str, into: str) -> int:
        """See Store, and remove for what else is raised."""
        with self._erasing("merged") as connection:
            place, target = self._place(subject), self._place(into)
            if place == target:
                raise GalleryError(f"{self.path}: '{subject}' cannot be merged with itself")
            # What gets a new checksum must be what was written.
            self._file.read_intact("id", "FROM template WHERE subject = ?", "template", (place,))
            self._forget_name(connection, place, subject)
            same = "subject = ? AND source_sha256 IN (SELECT source_sha256 FROM template WHERE subject = ?)"
            erase(connection, same, (place, target))
            moved = [row[0] for row in connection.execute("SELECT id FROM template WHERE subject = ?", (place,))]
            connection.execute("UPDATE template SET subject = ? WHERE subject = ?", (target, place))
            for number in moved:
                stamp(connection, "template", "id = ?", (number,))
            connection.execute(
                "UPDATE subject SET enrolled = min(enrolled, (SELECT enrolled FROM subject WHERE id = ?)) "
                "WHERE id = ?",
                (place, target),
            )
            stamp(connection, "subject", "id = ?", (target,))
            connection.execute("DELETE FROM subject WHERE id = ?", (place,))
            # No template has this id. The row alone makes another change_number.
            connection.execute("INSERT INTO removed (template) VALUES (0)")
        return len(moved)

    def _forget_name(self, connection: sqlite3.Connection, place: int, name: str) -> None:
        """Take a name that is given up out of the paths that portraits were enrolled from."""
        source = "FROM portrait JOIN template ON template.id = portrait.template WHERE template.subject = ?"
        for number, path in self._file.read_intact("portrait.template, source", source, "portrait", (place,)):
            short = without_name(path, name)
            if short != path:
                connection.execute("UPDATE portrait SET source = ? WHERE template = ?", (short, number))
                stamp(connection, "portrait", "template = ?", (number,))

    @contextmanager
    def _erasing(self, done: str) -> Iterator[sqlite3.Connection]:
        """One transaction, after which the traces of what it erased are gone, or an error says how to finish."""
        try:
            with self._file.write() as connection:
                yield connection
        except SubjectNotFoundError:
            if self.traces_remain():
                self._finish("nothing was changed")
            raise
        self._finish(done)

    def _finish(self, done: str) -> None:
        if self.erase_traces():
            return
        # Another process may be writing; the log is then looked at again by the next command.
        with suppress(GalleryError):
            self.write_kept(TRACES, "remain")
        raise GalleryError(
            f"{done}, but traces remain in {self._file.log} while another process reads; when it is done, run `mien "
            f"subjects {self.path}`, which empties the log"
        )

    def _place(self, subject: str) -> int:
        place = self._find(subject)
        if place is None:
            raise SubjectNotFoundError(f"{self.path} has no subject '{subject}'; see `mien subjects {self.path}`")
        return place

    def _find(self, subject: str) -> int | None:
        rows = self._file.read_intact("id", "FROM subject WHERE name = ?", "subject", (subject,))
        return int(rows[0][0]) if rows else None

    def erase_traces(self) -> bool:
        """See Store: everything is moved from the write-ahead log into the file, and the log is cut to nothing."""
        if self._file.read_only:
            return not self.traces_remain()
        if not self._file.empty_log():
            return False
        if not self.traces_remain():
            return True
        self.write_kept(TRACES, None)
        return self._file.empty_log()

    def traces_remain(self) -> bool:
        """See Store."""
        return self.read_kept(TRACES) is not None

    def subjects(self) -> list[SubjectRow]:
        """See Store."""
        count = "(SELECT count(*) FROM template WHERE template.subject = subject.id)"
        rows = self._file.read_intact(f"name, {count}, enrolled", "FROM subject ORDER BY name", "subject")
        with self._file.reading():
            return [SubjectRow(text_of(name), int(count), float(enrolled)) for name, count, enrolled in rows]

    def samples(self, subject: str) -> list[SampleRow]:
        """See Store."""
        place = self._place(subject)
        rows = self._file.read_intact(
            f"template.id, source, {self._of_sample('enrolled')}, {self._of_sample('doubts')}, subject.enrolled",
            "FROM template JOIN portrait ON portrait.template = template.id JOIN subject ON subject.id = "
            "template.subject WHERE template.subject = ? ORDER BY template.id",
            "template portrait subject",
            (place,),
        )
        with self._file.reading():
            return [
                SampleRow(number, text_of(source), float(subject_enrolled if at is None else at), doubts_of(doubts))
                for number, source, at, doubts, subject_enrolled in rows
            ]

    def _of_sample(self, column: str) -> str:
        """A column of template that galleries of older versions lack."""
        return f"template.{column}" if self._file.is_upgraded else "NULL"

    def change_number(self) -> str:
        """See Store."""
        query = "SELECT contract, (SELECT max(id) FROM template), (SELECT max(number) FROM removed) FROM gallery"
        return " ".join(map(str, self._file.read(query)[0]))

    def first_templates(self, count: int) -> dict[str, list[int]]:
        """See Store."""
        # Names are read once per subject, since their rows are checked.
        names: dict[int, str] = dict(self._file.read_intact("id, name", "FROM subject", "subject"))
        rows = self._file.read(
            "SELECT subject, template FROM (SELECT id AS template, subject, "
            "row_number() OVER (PARTITION BY subject ORDER BY id) AS place FROM template) AS numbered "
            "WHERE place <= ? ORDER BY template",
            (count,),
        )
        found: dict[str, list[int]] = {}
        for subject, number in rows:
            # Another process may have added the subject between both reads.
            if subject in names:
                found.setdefault(names[subject], []).append(number)
        return dict(sorted(found.items()))

    def has_source(self, subject: str, source_sha256: str) -> bool:
        """See Store."""
        return bool(
            self._file.read(
                "SELECT 1 FROM template JOIN subject ON subject.id = template.subject "
                "WHERE name = ? AND source_sha256 = ?",
                (subject, source_sha256),
            )
        )

    def subject_embeddings(self, subject: str) -> Floats:
        """See Store."""
        rows = self._file.read_intact(
            "embedding",
            "FROM template JOIN subject ON subject.id = template.subject WHERE name = ? ORDER BY template.id",
            "template subject",
            (subject,),
        )
        return self._vectors([row[0] for row in rows])

    def current_identity(self) -> Identity:
        """See Store."""
        rows = self._file.read_intact("contract, model, metric, dimension", "FROM gallery", "gallery")
        return Identity(*rows[0])

    def count(self) -> int:
        """See Store."""
        return int(self._file.read("SELECT count(*) FROM template")[0][0])

    def changes(self, last_id: int, last_removal: int) -> Changes:
        """See Store."""
        import numpy as np

        with self._file.consistent():
            if last_id == 0:
                self._file.require_templates()
            source = "FROM template WHERE id > ? ORDER BY id LIMIT ?"
            rows = self._file.read_intact("id, embedding", source, "template", (last_id, BLOCK))
            removals = self._file.read("SELECT number, template FROM removed WHERE number > ?", (last_removal,))
            ids = np.array([row[0] for row in rows], np.int64)
            if not np.all(np.diff(ids, prepend=last_id) > 0):
                raise self._file.damaged("the templates are not in the order of their ids")
            removed = np.array([row[1] for row in removals], np.int64)
            last = max([last_removal, *(row[0] for row in removals)])
            return Changes(ids, self._vectors([row[1] for row in rows]), removed, last)

    def embeddings(self, ids: Ids) -> Floats:
        """See Store."""
        import numpy as np

        vectors = np.full((len(ids), self.identity.dimension), np.nan, np.float32)
        place = {int(number): position for position, number in enumerate(ids)}
        rows = list(self._by_ids("template.id, embedding", "FROM template", "template", ids))
        if rows:
            vectors[[place[number] for number, _ in rows]] = self._vectors([blob for _, blob in rows])
        return vectors

    def owners(self, ids: Ids) -> dict[int, str]:
        """See Store."""
        source = "FROM template JOIN subject ON subject.id = template.subject"
        return dict(self._by_ids("template.id, subject.name", source, "template subject", ids))

    def doubts(self, ids: Ids) -> dict[int, tuple[KeptDoubt, ...]]:
        """See Store."""
        if not self._file.is_upgraded:
            return {}
        rows = self._by_ids("template.id, template.doubts", "FROM template", "template", ids)
        with self._file.reading():
            return {number: doubts_of(text) for number, text in rows if text is not None}

    def portraits(self) -> Iterator[tuple[int, Portrait]]:
        """See Store."""
        return self._portraits("true")

    def portraits_of(self, subject: str) -> Iterator[tuple[int, Portrait]]:
        """See Store."""
        return self._portraits("template.subject = (SELECT id FROM subject WHERE name = ?)", subject)

    def _portraits(self, where: str, *values: object) -> Iterator[tuple[int, Portrait]]:
        last = 0
        while rows := self._file.read_intact(
            "template.id, source, jpeg, landmarks",
            "FROM template LEFT JOIN portrait ON portrait.template = template.id "
            f"WHERE template.id > ? AND {where} ORDER BY template.id LIMIT {PORTRAITS}",
            "portrait",
            (last, *values),
        ):
            for number, *portrait in rows:
                # Numbers that do not grow would lead around in a circle.
                if number <= last:
                    raise self._file.damaged("the portraits are not in the order of their ids")
                with self._file.reading():
                    found = portrait_of(*portrait)
                # Others may read while the caller works on it.
                yield number, found
                last = number

    def replace_embeddings(self, identity: Identity, embeddings: Mapping[int, Floats]) -> None:
        """See Store."""
        with self._file.write() as connection:
            present = {row[0] for row in connection.execute("SELECT id FROM template")}
            if present != set(embeddings):
                raise GalleryError(f"{self.path} was changed while it was embedded again: run the command again")
            self._file.read_intact("id", "FROM template", "template")
            connection.executemany(
                "UPDATE template SET embedding = ? WHERE id = ?",
                [(vector.astype("<f4").tobytes(), number) for number, vector in embeddings.items()],
            )
            stamp(connection, "template", "true", ())
            connection.execute(
                "UPDATE gallery SET contract = ?, model = ?, metric = ?, dimension = ?",
                (identity.contract, identity.model, identity.metric, identity.dimension),
            )
            stamp(connection, "gallery", "true", ())
        self.identity = identity
        self.erase_traces()

    def _vectors(self, blobs: Sequence[bytes]) -> Floats:
        """Embeddings as they are stored, (N, D) float32."""
        import numpy as np

        with self._file.reading():
            vectors = np.frombuffer(b"".join(blobs), np.float32).reshape(len(blobs), self.identity.dimension)
            if not np.isfinite(vectors).all():
                raise self._file.damaged("an embedding holds what is not a number")
            return vectors

    def _by_ids(self, columns: str, source: str, tables: str, ids: Ids) -> Iterator[Row]:
        for start in range(0, len(ids), 900):
            part = [int(number) for number in ids[start : start + 900]]
            where = f"{source} WHERE template.id IN ({','.join('?' * len(part))})"
            yield from self._file.read_intact(columns, where, tables, part)
