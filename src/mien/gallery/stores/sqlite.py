"""A gallery as one file: a SQLite database that holds subjects, templates and portraits.

Owns transactions and erasure: the key of the subject is overwritten (where the gallery is encrypted), then its rows
are, and then the write-ahead log is emptied, or the answer says that another process has kept it from that. What is
read is in sqlite_reading.py, what is written in sqlite_changes.py, and its tables are in sqlite_schema.py.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Literal

from mien.errors import GalleryError
from mien.faults import describe
from mien.gallery.profiles import Profile
from mien.gallery.records import Erasure, GallerySettings, Identity, NewTemplate, SubjectRow
from mien.gallery.stores import sqlite_changes as changes
from mien.gallery.stores import sqlite_format1 as format1
from mien.gallery.stores.base import require_identity
from mien.gallery.stores.outside_vectors import PLACE, Table
from mien.gallery.stores.sqlite_changes import Writing
from mien.gallery.stores.sqlite_file import SqliteFile
from mien.gallery.stores.sqlite_outside import SqliteOutside
from mien.gallery.stores.sqlite_reading import ENCRYPTION, SETTINGS, TRACES
from mien.gallery.stores.sqlite_schema import stamp
from mien.gallery.stores.vault import EMBEDDING

if TYPE_CHECKING:
    from mien.gallery.stores.sqlite_backup import Restoration
    from mien.gallery.vectors.base import VectorStore
    from mien.gallery.vectors.export_file import Export
    from mien.types import Floats


class SqliteStore(SqliteOutside):
    """One open gallery file; see Store."""

    def __init__(self, file: SqliteFile) -> None:
        super().__init__(file)
        self._finish_erasures()

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
        # Imported where they are used, since most galleries are only opened.
        from mien.gallery.stores.master_key import find_master_key
        from mien.gallery.stores.sqlite_making import make_gallery

        is_new = not cls.exists(address)
        if is_new:
            make_gallery(Path(address), identity)
        store = cls.open(address)
        require_identity(store, identity)
        # Another process may have made it in the meantime.
        if is_new and not store.is_encrypted and (master := find_master_key()) is not None:
            try:
                store.encrypt(master)
            except BaseException:
                # A plain gallery in its place would be filled by the next command.
                if store.count() == 0:
                    store.path.unlink(missing_ok=True)
                store.close()
                raise
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
        file = SqliteFile(path)
        try:
            return cls(file)
        except BaseException:
            file.close()
            raise

    def close(self) -> None:
        """See Store."""
        self._file.close()
        self._vault.close()
        if self._outside is not None:
            self._outside.close()

    def require_writable(self) -> None:
        """See Store."""
        self._file.require_writable()

    @contextmanager
    def _writing(self) -> Iterator[Writing]:
        """One transaction. Keys of new subjects are on disk before their rows are."""
        with self._file.write() as connection:
            self._require_same_form()
            writing = Writing(self._file, connection, self._vault, self._vault.opener(), self._outside is not None)
            yield writing
            if writing.gone:
                self._wait_everywhere(connection, writing.gone)
            self._vault.sync()

    def write_kept(self, name: str, text: str | None) -> None:
        """See Store."""
        with self._file.write() as connection:
            changes.keep(connection, name, text)

    def change_settings(self, settings: GallerySettings) -> None:
        """See Store."""
        self.write_kept(SETTINGS, json.dumps(asdict(settings)))

    def add(self, templates: Sequence[NewTemplate]) -> list[int | None]:
        """See Store."""
        with self._writing() as writing:
            settings = self.settings()
            numbers = [changes.insert(writing, template, settings) for template in templates]
            self._put(template for template, number in zip(templates, numbers, strict=True) if number is not None)
            return numbers

    def create_subject(self, profile: Profile) -> SubjectRow:
        """See Store."""
        with self._writing() as writing:
            return self.subject(changes.insert_subject(writing, profile))

    def change_subject(self, subject: str, change: Callable[[Profile], Profile]) -> SubjectRow:
        """See Store."""
        with self._writing() as writing:
            former = self.subject(subject).profile
            changes.change_profile(writing, subject, former.name, change(former))
            row = self.subject(subject)
        self._empty()
        return row

    def remove(self, subject: str) -> Erasure:
        """See Store."""
        with self._writing() as writing:
            count = changes.erase_subject(writing, self.subject(subject).id)
            # From here on nobody can read the subject, whatever becomes of the transaction.
            keys = self._vault.erase(subject)
        return Erasure(count, keys, self._empty(), self._outside_state())

    def remove_sample(self, sample: str, *, with_subject: bool = False) -> Erasure:
        """See Store."""
        with self._writing() as writing:
            row = self.sample(sample)
            is_last = with_subject and self.subject(row.subject).templates == 1
            if is_last:
                changes.erase_subject(writing, row.subject)
            else:
                changes.erase(writing, "id = ?", (row.number,))
                changes.note_erased(writing, row.id)
            keys = self._vault.erase(row.subject if is_last else row.id)
        return Erasure(1, keys if is_last else "none", self._empty(), self._outside_state())

    def move_sample(self, sample: str, into: str) -> bool:
        """See Store."""
        with self._writing() as writing:
            row, target = self.sample(sample), self.subject(into)
            if row.subject == target.id:
                return True
            is_moved = changes.move(writing, row.number, row.subject, target.id)
            changes.note_move(writing.connection)
        self._empty()
        return is_moved

    def merge(self, subject: str, into: str) -> int:
        """See Store."""
        with self._writing() as writing:
            one, other = self.subject(subject), self.subject(into)
            if one.id == other.id:
                raise GalleryError(f"{self.path}: the subject {subject} cannot be merged with itself")
            changes.forget_name(writing, one.id, one.name)
            rows = self.samples(subject)
            moved = sum(changes.move(writing, row.number, one.id, other.id) for row in rows)
            writing.connection.execute(
                "UPDATE subject SET enrolled = min(enrolled, ?) WHERE uid = ?", (one.enrolled, other.id)
            )
            stamp(writing.connection, "subject", "uid = ?", (other.id,))
            changes.erase_subject(writing, one.id)
            changes.note_move(writing.connection)
            self._vault.erase(one.id)
        self._empty()
        return moved

    def replace_embeddings(
        self, identity: Identity, embeddings: Mapping[int, Floats], without: Sequence[int] = ()
    ) -> None:
        """See Store."""
        # Of the same contract, they take the place of what is searched now.
        is_same = identity.contract == self.identity.contract
        others, is_put = self._open_others(identity), Event()
        if others is not None and not is_same:
            self.note_copies(Table(others.address, identity))
        try:
            self._exchange(identity, embeddings, without, others, is_put)
        except BaseException:
            if others is not None:
                others.close()
                if is_put.is_set() and not is_same:
                    self._discard_others(Table(others.address, identity), embeddings)
            raise
        self.identity, former = identity, self._outside
        if others is not None and former is not None:
            self._outside = others
            former.close()
        self._empty()

    def _exchange(
        self,
        identity: Identity,
        embeddings: Mapping[int, Floats],
        without: Sequence[int],
        others: VectorStore | None,
        is_put: Event,
    ) -> None:
        """Write embeddings in place of all that there are, in one transaction; say when the database has some."""
        is_same = identity.contract == self.identity.contract
        with self._writing() as writing:
            connection = writing.connection
            rows = self._file.read_intact(
                "template.id, template.uid, subject.uid",
                "FROM template JOIN subject ON subject.id = template.subject",
                "template subject",
            )
            if {row[0] for row in rows} != {*embeddings, *without}:
                raise GalleryError(f"{self.path} was changed while it was embedded again: run the command again")
            for number in without:
                changes.erase(writing, "id = ?", (number,))
            if others is not None:
                # Not before it is certain that they are wanted: what is refused would stay in the database.
                is_put.set()
                self._put_others(others, embeddings)
            if self._outside is not None and not is_same:
                self._wait(connection, Table(self._outside.address, self.identity), [row[1] for row in rows])
                self.forget_copies(connection, Table(self._outside.address, identity))
            connection.executemany(
                "UPDATE template SET embedding = ? WHERE id = ?",
                (
                    (writing.opener.seal(owner, uid, EMBEDDING, self._stored(embeddings[number])), number)
                    for number, uid, owner in rows
                    if number in embeddings
                ),
            )
            stamp(connection, "template", "true", ())
            connection.execute(
                "UPDATE gallery SET contract = ?, model = ?, metric = ?, dimension = ?",
                (identity.contract, identity.model, identity.metric, identity.dimension),
            )
            stamp(connection, "gallery", "true", ())

    def _discard_others(self, table: Table, embeddings: Mapping[int, Floats]) -> None:
        """List what may have been put for another model, and was not taken, for removal."""
        with suppress(GalleryError):
            uids = [uid for number, uid in self._file.read("SELECT id, uid FROM template") if number in embeddings]
            with self._file.write() as connection:
                self._wait(connection, table, uids)
                self.forget_copies(connection, table)
            self._remove_waiting()

    def switch_vectors(self, target: VectorStore | None, source: Export | None = None) -> None:
        """Keep the vectors elsewhere from now on, in one transaction: in a database that has them, or in the file.

        What is in the former database is removed afterwards.

        Args:
            target: the database; None for the file.
            source: an export, from which vectors are read where it has what was enrolled.

        Raises:
            GalleryError: the database lacks a vector, or has another one; nothing was changed.
        """
        from mien.gallery.stores.sqlite_switching import switch_rows, vectors_from

        former = self._outside
        with self._writing() as writing:
            read = self._vectors if source is None else partial(vectors_from, source, writing.opener, self._vectors)
            ids = switch_rows(writing, target, read)
            if former is not None:
                self._wait(writing.connection, Table(former.address, self.identity), ids)
            changes.keep(writing.connection, PLACE, None if target is None else target.address)
            if target is not None:
                self.forget_copies(writing.connection, Table(target.address, self.identity))
        self._outside = target
        if former is not None:
            former.close()
        self._empty()

    def encrypt(self, master: bytes) -> None:
        """Encrypt all personal fields, with a key of each subject, and overwrite the plain ones.

        Args:
            master: the master key, 32 bytes, with which the subject keys are encrypted in a file of their own.

        Raises:
            GalleryError: it is encrypted already, or its keys cannot be written; nothing was changed.
        """
        from mien.gallery.stores.key_file import KeyFile, discard_keys, key_path
        from mien.gallery.stores.sealed_vault import SealedVault
        from mien.gallery.stores.sqlite_encryption import encrypt_rows

        if self.is_encrypted:
            raise GalleryError(f"{self.path} is encrypted already")
        self._file.require_writable()
        place, before = key_path(self.path), self._vault
        with self._file.write():
            pass
        discard_keys(place, self.id)
        keys = KeyFile.create(place, self.id, master)
        try:
            self._vault = SealedVault(keys)
            with self._file.write() as connection:
                encrypt_rows(Writing(self._file, connection, self._vault, self._vault.opener()))
                changes.keep(connection, ENCRYPTION, "AES-256-GCM")
                self._vault.sync()
        except BaseException:
            # Without its keys an encrypted gallery is lost, so they stay unless it is plain for certain.
            if self.read_kept(ENCRYPTION) is None:
                self._vault = before
                keys.close()
                place.unlink(missing_ok=True)
            raise
        self._empty()

    def bring_back(self, backup: Path) -> Restoration:
        """Add what a backup of this gallery has and it lacks, but nobody and nothing that was erased.

        Raises:
            GalleryError: the backup is damaged, of another gallery or model, or of before the gallery was encrypted.
        """
        from mien.gallery.stores.sqlite_backup import bring_back, open_backup, require_backup_of

        copy = open_backup(backup)
        try:
            with self._writing() as writing:
                require_backup_of(self._file, copy)
                return bring_back(writing, copy)
        finally:
            copy.close()

    def _empty(self) -> Literal["emptied", "pending"]:
        """Empty the log after an erasure, or note that this is still to be done."""
        with self._file.decoding():
            format1.erase_copy(self.path)
        if self.erase_traces():
            return "emptied"
        # Another process may be writing; the log is then looked at again by the next command.
        with suppress(GalleryError):
            self.write_kept(TRACES, "remain")
        return "pending"

    def erase_traces(self) -> bool:
        """See Store: everything is moved from the write-ahead log into the file, and the log is cut to nothing."""
        if self._file.read_only:
            return not self.traces_remain()
        is_removed = self._remove_waiting()
        if not self._file.empty_log():
            return False
        if self.read_kept(TRACES) is None:
            return is_removed
        self.write_kept(TRACES, None)
        return self._file.empty_log() and is_removed

    def _finish_erasures(self) -> None:
        """Delete what the keys say is erased: a process ended before it could, or an older gallery was put here."""
        erased = sorted(self._vault.erased())
        if self._file.read_only or not (self._present("subject", erased) or self._present("template", erased)):
            return
        with self._writing() as writing:
            for uid in self._present("subject", erased):
                changes.erase_subject(writing, uid)
            for uid in self._present("template", erased):
                changes.erase(writing, "uid = ?", (uid,))
                changes.note_erased(writing, uid)
        self._empty()
