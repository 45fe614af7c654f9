"""A gallery as one file: a SQLite database that holds subjects, templates and portraits.

Owns the queries and erasure: after a removal, erased rows are overwritten and the write-ahead log is emptied, or the
answer says that another process has kept it from that. How the file is opened and read is in sqlite_file.py, what is
written in sqlite_changes.py, and its tables are in sqlite_schema.py.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from mien.errors import GalleryError, SampleNotFoundError, SubjectNotFoundError
from mien.faults import describe
from mien.gallery.profiles import Profile
from mien.gallery.records import (
    Changes,
    Erasure,
    GallerySettings,
    Identity,
    KeptDoubt,
    NewTemplate,
    Owner,
    Portrait,
    SampleRow,
    SubjectRow,
    is_found,
)
from mien.gallery.stores import sqlite_changes as changes
from mien.gallery.stores import sqlite_format1 as format1
from mien.gallery.stores.base import BLOCK, require_identity
from mien.gallery.stores.sqlite_file import Row, SqliteFile
from mien.gallery.stores.sqlite_making import make_gallery
from mien.gallery.stores.sqlite_rows import (
    consent_of,
    doubts_of,
    metadata_of,
    portrait_of,
    settings_of,
    state_of,
    text_of,
)
from mien.gallery.stores.sqlite_schema import FORMAT, row_checksum, stamp

if TYPE_CHECKING:
    from mien.gallery.indexes.base import Ids
    from mien.types import Floats

TRACES, SETTINGS = "traces", "settings"
"""The names under which a gallery keeps that something erased may still be in its log, and what holds for all."""

PORTRAITS = 64
"""Portraits that are read at a time."""

SUBJECT = (
    "subject.uid, subject.name, (SELECT count(*) FROM template WHERE template.subject = subject.id), "
    "subject.enrolled, subject.metadata, subject.consent, subject.state"
)
SAMPLE = (
    "template.uid, template.id, subject.uid, template.source, coalesce(template.enrolled, subject.enrolled), "
    "EXISTS (SELECT 1 FROM portrait WHERE portrait.template = template.id), template.doubts"
)
WITH_SUBJECT = "FROM template JOIN subject ON subject.id = template.subject"


class SqliteStore:
    """One open gallery file; see Store."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self.path = file.path
        row = file.read("SELECT format FROM gallery")
        found = row[0][0] if row else None
        if found not in (1, FORMAT):
            raise GalleryError(
                f"{self.path} has gallery format {found}, and this mien reads 1 and {FORMAT}: update mien"
            )
        self.identity = self.current_identity()

    @property
    def id(self) -> str:
        """See Store."""
        with self._file.decoding():
            return text_of(self._file.read_intact("uid", "FROM gallery", "gallery")[0][0])

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
        rows = self._file.read_intact("text", "FROM kept WHERE name = ?", "kept", (name,))
        return str(rows[0][0]) if rows else None

    def write_kept(self, name: str, text: str | None) -> None:
        """See Store."""
        with self._file.write() as connection:
            connection.execute("DELETE FROM kept WHERE name = ?", (name,))
            if text is not None:
                values = name, text, row_checksum(name, text)
                connection.execute("INSERT INTO kept (name, text, checksum) VALUES (?, ?, ?)", values)

    def settings(self) -> GallerySettings:
        """See Store."""
        text = self.read_kept(SETTINGS)
        with self._file.decoding():
            return settings_of(text)

    def change_settings(self, settings: GallerySettings) -> None:
        """See Store."""
        self.write_kept(SETTINGS, json.dumps(asdict(settings)))

    def add(self, templates: Sequence[NewTemplate]) -> list[int | None]:
        """See Store."""
        with self._file.write() as connection:
            settings = self.settings()
            return [changes.insert(self._file, connection, template, settings) for template in templates]

    def create_subject(self, profile: Profile) -> SubjectRow:
        """See Store."""
        with self._file.write() as connection:
            return self.subject(changes.insert_subject(connection, profile))

    def change_subject(self, subject: str, profile: Profile) -> SubjectRow:
        """See Store."""
        with self._file.write() as connection:
            place = changes.place_of(self._file, subject)
            changes.change_profile(self._file, connection, place, profile)
            row = self.subject(subject)
        self._finish()
        return row

    def remove(self, subject: str) -> Erasure:
        """See Store."""
        with self._file.write() as connection:
            count = changes.erase_subject(self._file, connection, changes.place_of(self._file, subject))
        return self._erased(count)

    def remove_sample(self, sample: str, *, with_subject: bool = False) -> Erasure:
        """See Store."""
        with self._file.write() as connection:
            row = self.sample(sample)
            place = changes.place_of(self._file, row.subject)
            if with_subject and self.subject(row.subject).templates == 1:
                changes.erase_subject(self._file, connection, place)
            else:
                changes.erase(connection, "id = ?", (row.number,))
        return self._erased(1)

    def move_sample(self, sample: str, into: str) -> bool:
        """See Store."""
        with self._file.write() as connection:
            row = self.sample(sample)
            target = changes.place_of(self._file, into)
            if row.subject == into:
                return True
            is_moved = changes.move(self._file, connection, row.number, target)
            changes.note_move(connection)
        if not is_moved:
            self._finish()
        return is_moved

    def merge(self, subject: str, into: str) -> int:
        """See Store."""
        with self._file.write() as connection:
            place, target = changes.place_of(self._file, subject), changes.place_of(self._file, into)
            if place == target:
                raise GalleryError(f"{self.path}: the subject {subject} cannot be merged with itself")
            self._file.read_intact("id", "FROM subject WHERE id IN (?, ?)", "subject", (place, target))
            changes.forget_name(self._file, connection, place, self.subject(subject).name)
            numbers = [row.number for row in self.samples(subject)]
            moved = sum(changes.move(self._file, connection, number, target) for number in numbers)
            connection.execute(
                "UPDATE subject SET enrolled = min(enrolled, (SELECT enrolled FROM subject WHERE id = ?)) "
                "WHERE id = ?",
                (place, target),
            )
            stamp(connection, "subject", "id = ?", (target,))
            changes.erase_subject(self._file, connection, place)
            changes.note_move(connection)
        self._finish()
        return moved

    def _erased(self, templates: int) -> Erasure:
        return Erasure(templates, "none", "emptied" if self._finish() else "pending")

    def _finish(self) -> bool:
        """Empty the log after an erasure, or note that this is still to be done."""
        with self._file.decoding():
            format1.erase_copy(self.path)
        if self.erase_traces():
            return True
        # Another process may be writing; the log is then looked at again by the next command.
        with suppress(GalleryError):
            self.write_kept(TRACES, "remain")
        return False

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

    def find(self, name: str) -> list[SubjectRow]:
        """See Store."""
        return self._subjects("WHERE lookup = ? ORDER BY id", name)

    def subject(self, subject: str) -> SubjectRow:
        """See Store."""
        rows = self._subjects("WHERE uid = ?", subject)
        if not rows:
            raise SubjectNotFoundError(
                f"{self.path} has no subject of the id {subject}; see `mien subjects {self.path}`"
            )
        return rows[0]

    def subjects(self) -> list[SubjectRow]:
        """See Store."""
        return sorted(self._subjects("ORDER BY id"), key=lambda row: row.name)

    def _subjects(self, where: str, *values: object) -> list[SubjectRow]:
        rows = self._file.read_intact(SUBJECT, f"FROM subject {where}", "subject", values)
        with self._file.decoding():
            return [
                SubjectRow(
                    id=text_of(uid),
                    name=text_of(name),
                    templates=int(count),
                    enrolled=float(enrolled),
                    metadata=metadata_of(metadata),
                    consent=consent_of(consent),
                    state=state_of(state),
                )
                for uid, name, count, enrolled, metadata, consent, state in rows
            ]

    def samples(self, subject: str) -> list[SampleRow]:
        """See Store."""
        place = changes.place_of(self._file, subject)
        return self._samples("template.subject = ? ORDER BY template.id", place)

    def sample(self, sample: str) -> SampleRow:
        """See Store."""
        rows = self._samples("template.uid = ?", sample)
        if not rows:
            raise SampleNotFoundError(f"{self.path} has no sample of the id {sample}; see `mien samples {self.path}`")
        return rows[0]

    def _samples(self, where: str, *values: object) -> list[SampleRow]:
        rows = self._file.read_intact(SAMPLE, f"{WITH_SUBJECT} WHERE {where}", "template subject", values)
        with self._file.decoding():
            return [
                SampleRow(
                    id=text_of(uid),
                    number=int(number),
                    subject=text_of(subject),
                    source=None if source is None else text_of(source),
                    enrolled=float(enrolled),
                    has_portrait=bool(kept),
                    doubts=doubts_of(doubts),
                )
                for uid, number, subject, source, enrolled, kept, doubts in rows
            ]

    def change_number(self) -> str:
        """See Store."""
        query = "SELECT contract, (SELECT max(id) FROM template), (SELECT max(number) FROM removed) FROM gallery"
        return " ".join(map(str, self._file.read(query)[0]))

    def first_templates(self, count: int) -> dict[Owner, list[int]]:
        """See Store."""
        # Names are read once per subject, since their rows are checked.
        owners = {
            place: Owner(text_of(name), uid)
            for place, name, uid in self._file.read_intact("id, name, uid", "FROM subject", "subject")
        }
        rows = self._file.read(
            "SELECT subject, template FROM (SELECT id AS template, subject, "
            "row_number() OVER (PARTITION BY subject ORDER BY id) AS place FROM template) AS numbered "
            "WHERE place <= ? ORDER BY template",
            (count,),
        )
        found: dict[Owner, list[int]] = {}
        for subject, number in rows:
            # Another process may have added the subject between both reads.
            if subject in owners:
                found.setdefault(owners[subject], []).append(number)
        return dict(sorted(found.items()))

    def has_source(self, subject: str, source_sha256: str) -> bool:
        """See Store."""
        query = f"SELECT 1 {WITH_SUBJECT} WHERE subject.uid = ? AND source_sha256 = ?"
        return bool(self._file.read(query, (subject, source_sha256)))

    def subject_embeddings(self, subject: str) -> Floats:
        """See Store."""
        source = f"{WITH_SUBJECT} WHERE subject.uid = ? ORDER BY template.id"
        rows = self._file.read_intact("embedding", source, "template subject", (subject,))
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

    def owners(self, ids: Ids, *, found: bool = False) -> dict[int, Owner]:
        """See Store."""
        columns = "template.id, subject.name, subject.uid, subject.state, subject.consent"
        rows = list(self._by_ids(columns, WITH_SUBJECT, "template subject", ids))
        settings = self.settings() if found else None
        owners = {}
        with self._file.decoding():
            for number, name, uid, state, consent in rows:
                if settings is None or is_found(state_of(state), consent_of(consent), settings):
                    owners[number] = Owner(text_of(name), text_of(uid))
        return owners

    def doubts(self, ids: Ids) -> dict[int, tuple[KeptDoubt, ...]]:
        """See Store."""
        rows = self._by_ids("template.id, template.doubts", "FROM template", "template", ids)
        with self._file.decoding():
            return {number: doubts_of(text) for number, text in rows if text is not None}

    def portrait(self, sample: str) -> Portrait | None:
        """See Store."""
        columns, where = "jpeg, landmarks", "FROM portrait WHERE template = ?"
        rows = self._file.read_intact(columns, where, "portrait", (self.sample(sample).number,))
        with self._file.decoding():
            return portrait_of(*rows[0]) if rows else None

    def portraits(self) -> Iterator[tuple[int, Portrait | None]]:
        """See Store."""
        last = 0
        while rows := self._file.read_intact(
            "template.id, jpeg, landmarks",
            "FROM template LEFT JOIN portrait ON portrait.template = template.id "
            f"WHERE template.id > ? ORDER BY template.id LIMIT {PORTRAITS}",
            "portrait",
            (last,),
        ):
            for number, *portrait in rows:
                # Numbers that do not grow would lead around in a circle.
                if number <= last:
                    raise self._file.damaged("the portraits are not in the order of their ids")
                with self._file.decoding():
                    kept = portrait_of(*portrait)
                # Others may read while the caller works on it.
                yield number, kept
                last = number

    def replace_embeddings(
        self, identity: Identity, embeddings: Mapping[int, Floats], without: Sequence[int] = ()
    ) -> None:
        """See Store."""
        with self._file.write() as connection:
            present = {row[0] for row in connection.execute("SELECT id FROM template")}
            if present != {*embeddings, *without}:
                raise GalleryError(f"{self.path} was changed while it was embedded again: run the command again")
            self._file.read_intact("id", "FROM template", "template")
            for number in without:
                changes.erase(connection, "id = ?", (number,))
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
        self._finish()

    def _vectors(self, blobs: Sequence[bytes]) -> Floats:
        """Embeddings as they are stored, (N, D) float32."""
        import numpy as np

        with self._file.decoding():
            vectors = np.frombuffer(b"".join(blobs), np.float32).reshape(len(blobs), self.identity.dimension)
            if not np.isfinite(vectors).all():
                raise self._file.damaged("an embedding holds what is not a number")
            return vectors

    def _by_ids(self, columns: str, source: str, tables: str, ids: Ids) -> Iterator[Row]:
        for start in range(0, len(ids), 900):
            part = [int(number) for number in ids[start : start + 900]]
            where = f"{source} WHERE template.id IN ({','.join('?' * len(part))})"
            yield from self._file.read_intact(columns, where, tables, part)
