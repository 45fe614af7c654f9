"""What is asked of a gallery's SQLite file: subjects, samples, vectors, portraits. Writes nothing.

Every row is checked against its checksum before it is an answer. A subject whose key was erased is not there, also
where another process is still to delete its rows. How the file is opened is in sqlite_file.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mien.errors import GalleryError, SampleNotFoundError, SubjectNotFoundError
from mien.gallery.records import (
    Changes,
    GallerySettings,
    Identity,
    KeptDoubt,
    Owner,
    Portrait,
    SampleRow,
    SubjectRow,
    is_found,
)
from mien.gallery.stores.base import BLOCK
from mien.gallery.stores.sqlite_changes import place_of
from mien.gallery.stores.sqlite_file import Row, SqliteFile
from mien.gallery.stores.sqlite_rows import (
    consent_of,
    doubts_of,
    metadata_of,
    portrait_of,
    settings_of,
    state_of,
    text_of,
)
from mien.gallery.stores.vault import Opener, PlainVault, Stored, Vault

if TYPE_CHECKING:
    from mien.gallery.indexes.base import Ids
    from mien.types import Floats

TRACES, SETTINGS, ENCRYPTION = "traces", "settings", "encryption"
"""The names under which a gallery keeps that something erased may still be in its log, what holds for all subjects,
and that it is encrypted."""

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
VECTOR = "template.id, subject.uid, template.uid, template.embedding"
WITH_SUBJECT = "FROM template JOIN subject ON subject.id = template.subject"


class SqliteReading:
    """The reading part of one open gallery file; see Store."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self.path = file.path
        self.identity = self.current_identity()
        is_encrypted = self.read_kept(ENCRYPTION) is not None
        self._vault: Vault = PlainVault()
        if is_encrypted:
            from mien.gallery.stores.sealed_vault import SealedVault

            self._vault = SealedVault.open(self.path)

    @contextmanager
    def _decoding(self) -> Iterator[None]:
        """Turn what a damaged value brings about into one error, or say that the gallery was encrypted meanwhile."""
        try:
            with self._file.decoding():
                yield
        except GalleryError:
            self._require_same_form()
            raise

    def _require_same_form(self) -> None:
        """Refuse to go on with a gallery that another process has encrypted since it was opened.

        Raises:
            GalleryError: it was.
        """
        if not self.is_encrypted and self.read_kept(ENCRYPTION) is not None:
            raise GalleryError(f"{self.path} was encrypted by another process: open it again")

    @property
    def id(self) -> str:
        """See Store."""
        with self._decoding():
            return text_of(self._file.read_intact("uid", "FROM gallery", "gallery")[0][0])

    @property
    def is_encrypted(self) -> bool:
        """See Store."""
        return not isinstance(self._vault, PlainVault)

    def current_identity(self) -> Identity:
        """See Store."""
        rows = self._file.read_intact("contract, model, metric, dimension", "FROM gallery", "gallery")
        return Identity(*rows[0])

    def read_kept(self, name: str) -> str | None:
        """See Store."""
        rows = self._file.read_intact("text", "FROM kept WHERE name = ?", "kept", (name,))
        return str(rows[0][0]) if rows else None

    def is_current(self) -> bool:
        """See Store."""
        try:
            self._require_same_form()
        except GalleryError:
            return False
        return self.current_identity() == self.identity

    def settings(self) -> GallerySettings:
        """See Store."""
        text = self.read_kept(SETTINGS)
        with self._decoding():
            return settings_of(text)

    def find(self, name: str) -> list[SubjectRow]:
        """See Store."""
        return self._subjects("WHERE lookup = ? ORDER BY id", self._vault.lookup("name", name))

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
        rows, opener = (
            self._file.read_intact(SUBJECT, f"FROM subject {where}", "subject", values),
            self._vault.opener(),
        )
        with self._decoding():
            return [
                SubjectRow(
                    id=uid,
                    name=text_of(opener.text(uid, uid, "name", name)),
                    templates=int(count),
                    enrolled=float(enrolled),
                    metadata=metadata_of(opener.text(uid, uid, "metadata", metadata)),
                    consent=consent_of(opener.text(uid, uid, "consent", consent)),
                    state=state_of(state),
                )
                for uid, name, count, enrolled, metadata, consent, state in rows
                if not opener.is_erased(text_of(uid))
            ]

    def samples(self, subject: str) -> list[SampleRow]:
        """See Store."""
        place = place_of(self._file, self.subject(subject).id)
        return self._samples("template.subject = ? ORDER BY template.id", place)

    def sample(self, sample: str) -> SampleRow:
        """See Store."""
        rows = self._samples("template.uid = ?", sample)
        if not rows:
            raise SampleNotFoundError(f"{self.path} has no sample of the id {sample}; see `mien samples {self.path}`")
        return rows[0]

    def _samples(self, where: str, *values: object) -> list[SampleRow]:
        rows = self._file.read_intact(SAMPLE, f"{WITH_SUBJECT} WHERE {where}", "template subject", values)
        opener = self._vault.opener()
        with self._decoding():
            return [
                SampleRow(
                    id=text_of(uid),
                    number=int(number),
                    subject=subject,
                    source=opener.text(subject, uid, "source", source),
                    enrolled=float(enrolled),
                    has_portrait=bool(kept),
                    doubts=doubts_of(doubts),
                )
                for uid, number, subject, source, enrolled, kept, doubts in rows
                if not opener.is_erased(text_of(subject))
            ]

    def count(self) -> int:
        """See Store."""
        return int(self._file.read("SELECT count(*) FROM template")[0][0])

    def change_number(self) -> str:
        """See Store."""
        query = "SELECT contract, (SELECT max(id) FROM template), (SELECT max(number) FROM removed) FROM gallery"
        return " ".join(map(str, self._file.read(query)[0]))

    def traces_remain(self) -> bool:
        """See Store."""
        return self.read_kept(TRACES) is not None

    def first_templates(self, count: int) -> dict[Owner, list[int]]:
        """See Store."""
        # Names are read once per subject, since their rows are checked.
        owners, opener = {}, self._vault.opener()
        with self._decoding():
            for place, name, uid in self._file.read_intact("id, name, uid", "FROM subject", "subject"):
                if not opener.is_erased(uid):
                    owners[place] = Owner(text_of(opener.text(uid, uid, "name", name)), uid)
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
        return bool(self._file.read(query, (subject, self._vault.lookup("source", source_sha256))))

    def subject_embeddings(self, subject: str) -> Floats:
        """See Store."""
        source = f"{WITH_SUBJECT} WHERE subject.uid = ? ORDER BY template.id"
        return self._vectors(self._file.read_intact(VECTOR, source, "template subject", (subject,)))

    def embeddings(self, ids: Ids) -> Floats:
        """See Store."""
        import numpy as np

        vectors = np.full((len(ids), self.identity.dimension), np.nan, np.float32)
        place = {int(number): position for position, number in enumerate(ids)}
        rows = list(self._by_ids(VECTOR, WITH_SUBJECT, "template", ids))
        if rows:
            found = self._vectors(rows)
            vectors[[place[row[0]] for row in rows]] = found
            if found.flags.writeable:
                # Freed memory keeps its content; what was decrypted shall not stay in it.
                found.fill(0)
        return vectors

    def changes(self, last_id: int, last_removal: int) -> Changes:
        """See Store."""
        import numpy as np

        with self._file.consistent():
            if last_id == 0:
                self._file.require_templates()
            source = f"{WITH_SUBJECT} WHERE template.id > ? ORDER BY template.id LIMIT ?"
            rows = self._file.read_intact(VECTOR, source, "template", (last_id, BLOCK))
            removals = self._file.read("SELECT number, template FROM removed WHERE number > ?", (last_removal,))
        with self._decoding():
            ids = np.array([row[0] for row in rows], np.int64)
            if not np.all(np.diff(ids, prepend=last_id) > 0):
                raise self._file.damaged("the templates are not in the order of their ids")
            removed = np.array([row[1] for row in removals], np.int64)
            last = max([last_removal, *(row[0] for row in removals)])
        return Changes(ids, self._vectors(rows), removed, last)

    def sample_ids(self, last: int, count: int) -> dict[int, str]:
        """The ids of samples after a number, by their numbers in order: at most `count`."""
        query = "SELECT id, uid FROM template WHERE id > ? ORDER BY id LIMIT ?"
        return dict(self._file.read(query, (last, count)))

    def _vectors(self, rows: Sequence[Row]) -> Floats:
        """The embeddings of rows of VECTOR, (N, D) float32."""
        import numpy as np

        with self._decoding():
            found = self._vault.opener().vectors([row[1:] for row in rows], self.identity.dimension)
            if not np.isfinite(found).all():
                raise self._file.damaged("an embedding holds what is not a number")
            return found

    def owners(self, ids: Ids, *, found: bool = False) -> dict[int, Owner]:
        """See Store."""
        columns = "template.id, subject.name, subject.uid, subject.state, subject.consent"
        rows = list(self._by_ids(columns, WITH_SUBJECT, "template subject", ids))
        settings, opener = self.settings() if found else None, self._vault.opener()
        with self._decoding():
            return {
                number: Owner(text_of(opener.text(uid, uid, "name", name)), uid)
                for number, name, uid, state, consent in rows
                if not opener.is_erased(text_of(uid)) and _may_be_found(opener, settings, uid, state, consent)
            }

    def doubts(self, ids: Ids) -> dict[int, tuple[KeptDoubt, ...]]:
        """See Store."""
        rows = self._by_ids("template.id, template.doubts", "FROM template", "template", ids)
        with self._decoding():
            return {number: doubts_of(text) for number, text in rows if text is not None}

    def portrait(self, sample: str) -> Portrait | None:
        """See Store."""
        row = self.sample(sample)
        where = "FROM portrait WHERE template = ?"
        rows = self._file.read_intact("jpeg, landmarks", where, "portrait", (row.number,))
        return self._portrait(self._vault.opener(), row.subject, row.id, *rows[0]) if rows else None

    def portraits(self) -> Iterator[tuple[int, Portrait | None]]:
        """See Store."""
        last = 0
        while rows := self._file.read_intact(
            "template.id, subject.uid, template.uid, jpeg, landmarks",
            f"{WITH_SUBJECT} LEFT JOIN portrait ON portrait.template = template.id "
            f"WHERE template.id > ? ORDER BY template.id LIMIT {PORTRAITS}",
            "portrait",
            (last,),
        ):
            opener = self._vault.opener()
            for number, *portrait in rows:
                # Numbers that do not grow would lead around in a circle.
                if number <= last:
                    raise self._file.damaged("the portraits are not in the order of their ids")
                kept = self._portrait(opener, *portrait)
                # Others may read while the caller works on it.
                yield number, kept
                last = number

    def _portrait(self, opener: Opener, subject: str, row: str, jpeg: Stored, landmarks: Stored) -> Portrait | None:
        with self._decoding():
            return portrait_of(
                opener.data(subject, row, "jpeg", jpeg), opener.data(subject, row, "landmarks", landmarks)
            )

    def _present(self, table: str, uids: Sequence[str]) -> list[str]:
        """The ids that a table has rows of."""
        found: list[str] = []
        for start in range(0, len(uids), 900):
            part = uids[start : start + 900]
            query = f"SELECT uid FROM {table} WHERE uid IN ({','.join('?' * len(part))})"  # noqa: S608
            found += [uid for (uid,) in self._file.read(query, part)]
        return found

    def _by_ids(self, columns: str, source: str, tables: str, ids: Ids) -> Iterator[Row]:
        for start in range(0, len(ids), 900):
            part = [int(number) for number in ids[start : start + 900]]
            where = f"{source} WHERE template.id IN ({','.join('?' * len(part))})"
            yield from self._file.read_intact(columns, where, tables, part)


def _may_be_found(opener: Opener, settings: GallerySettings | None, uid: str, state: str, consent: Stored) -> bool:
    if settings is None:
        return True
    return is_found(state_of(state), consent_of(opener.text(uid, uid, "consent", consent)), settings)
