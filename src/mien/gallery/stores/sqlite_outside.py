"""A gallery file whose vectors may be in a database: what is read there, put there and removed there.

Without a database it is what SqliteReading is. What the file keeps in place of vectors is in outside_vectors.py.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

from mien.errors import ContractError, GalleryError, MissingExtraError
from mien.gallery.records import Changes, Identity, NewTemplate
from mien.gallery.stores import sqlite_changes as changes
from mien.gallery.stores.outside_vectors import (
    COPIES,
    PLACE,
    WAITING,
    Table,
    are_one,
    copies_of,
    copies_text,
    hash_of,
    stored_vector,
    waiting_of,
    waiting_text,
)
from mien.gallery.stores.sqlite_file import Row, SqliteFile
from mien.gallery.stores.sqlite_reading import VECTOR, WITH_SUBJECT, SqliteReading
from mien.gallery.stores.vault import EMBEDDING

BLOCK = 1_000
"""Vectors that are removed from a database while nobody can write to the gallery."""

if TYPE_CHECKING:
    from mien.gallery.indexes.base import Index
    from mien.gallery.vectors.base import Near, VectorStore
    from mien.types import Floats


class SqliteOutside(SqliteReading):
    """See the module."""

    def __init__(self, file: SqliteFile) -> None:
        self._outside: VectorStore | None = None
        super().__init__(file)
        self._outside = self._open_outside()

    def _open_outside(self) -> VectorStore | None:
        """The vectors of the gallery where they are in a database; it is connected to when they are needed."""
        address = self.read_kept(PLACE)
        if address is None:
            return None
        from mien.gallery.vectors import open_vectors

        # Not self.id: a file that is damaged here is not one whose vectors were moved.
        [(gallery,)] = self._file.read_intact("uid", "FROM gallery", "gallery")
        return open_vectors(address, gallery, self.identity)

    @property
    def vectors_at(self) -> str | None:
        """The address of the database that has the vectors; None where the file has them."""
        return None if self._outside is None else self._outside.address

    def searcher(self) -> Index | None:
        """See Store. Where vectors were moved nobody is found any more, so that is refused."""
        if self._outside is None:
            return None
        self._require_same_form()
        from mien.gallery.stores.outside_index import OutsideIndex
        from mien.gallery.stores.outside_recall import chosen_effort

        return OutsideIndex(self, self._outside, self.identity.metric, partial(chosen_effort, self, self._outside))

    def _require_same_form(self) -> None:
        """See SqliteReading; also refuses a gallery whose vectors another process has moved."""
        super()._require_same_form()
        if self.read_kept(PLACE) != self.vectors_at:
            raise GalleryError(f"the vectors of {self.path} were moved by another process: open it again")

    def traces_remain(self) -> bool:
        """See Store."""
        return super().traces_remain() or self.read_kept(WAITING) is not None

    def changes(self, last_id: int, last_removal: int) -> Changes:
        """See Store."""
        import numpy as np

        while True:
            found = super().changes(last_id, last_removal)
            # Another process may have removed a vector since the rows were read; its row was removed before.
            if self._outside is None or not np.isnan(found.embeddings[:, 0]).any():
                return found

    def _vectors(self, rows: Sequence[Row]) -> Floats:
        """See SqliteReading."""
        if self._outside is None:
            return super()._vectors(rows)
        with self._decoding():
            return self._outside_vectors(rows, self._outside)

    def _outside_vectors(self, rows: Sequence[Row], outside: VectorStore) -> Floats:
        """The embeddings of rows of VECTOR from a database, NaN for rows that are removed meanwhile."""
        found, opener = outside.get([row[2] for row in rows]), self._vault.opener()
        wrong = []
        for place, (_, owner, uid, stored) in enumerate(rows):
            if opener.is_erased(owner):
                found[place] = 0
            elif opener.data(owner, uid, EMBEDDING, stored) != hash_of(found[place]):
                wrong.append(uid)
                found[place] = float("nan")
        self._require_same_vectors(wrong)
        return found

    def intact_numbers(self, near: Near) -> dict[str, int]:
        """The numbers of samples that a database names; without those that the file does not have.

        Raises:
            GalleryError: the database has a different vector of one.
        """
        vectors = dict(zip(near.ids, near.vectors, strict=True))
        rows, opener = [], self._vault.opener()
        for start in range(0, len(near.ids), 900):
            part = near.ids[start : start + 900]
            where = f"{WITH_SUBJECT} WHERE template.uid IN ({','.join('?' * len(part))})"
            rows += self._file.read_intact(VECTOR, where, "template subject", part)
        with self._decoding():
            held = [row for row in rows if not opener.is_erased(row[1])]
            # A database that is only compared may have the vectors of a file that has them too.
            outside = self._outside is not None
            self._require_same_vectors(
                [
                    uid
                    for _, owner, uid, stored in held
                    if opener.data(owner, uid, EMBEDDING, stored) != stored_vector(vectors[uid], outside=outside)
                ]
            )
        return {row[2]: row[0] for row in held}

    def _require_same_vectors(self, wrong: Sequence[str]) -> None:
        """Refuse vectors that are not what was enrolled, unless their samples are gone."""
        for uid in wrong:
            if self._file.read("SELECT 1 FROM template WHERE uid = ?", (uid,)):
                self._require_same_form()
                if self.current_identity() != self.identity:
                    raise ContractError(
                        f"{self.path} was embedded again with another model by another process: open it again"
                    )
                raise GalleryError(
                    f"{self.vectors_at} lacks the vector of sample {uid} of {self.path}, or has another one: import "
                    "an export that has it with `mien gallery import`, or erase the sample and enrol it again"
                )

    def _wait(self, connection: sqlite3.Connection, table: Table, ids: Sequence[str]) -> None:
        """List vectors that are to be removed from a database once this is written."""
        if ids:
            waiting = waiting_of(self.read_kept(WAITING))
            waiting[table] = [*waiting.get(table, []), *ids]
            changes.keep(connection, WAITING, waiting_text(waiting))

    def _wait_everywhere(self, connection: sqlite3.Connection, ids: Sequence[str]) -> None:
        """List vectors of erased samples for removal from wherever they may be."""
        tables = copies_of(self.read_kept(COPIES))
        if self._outside is not None:
            tables.append(Table(self._outside.address, self.identity))
        for table in dict.fromkeys(tables):
            self._wait(connection, table, ids)

    def note_copies(self, table: Table) -> None:
        """Note that vectors may be at a further place from now on, so that erasures reach them there too."""
        with self._file.write() as connection:
            self._keep_copies(connection, [*copies_of(self.read_kept(COPIES)), table])

    def forget_copies(self, connection: sqlite3.Connection, table: Table) -> None:
        """Note that a place has no vectors that nobody searches any more."""
        self._keep_copies(connection, [one for one in copies_of(self.read_kept(COPIES)) if one != table])

    def _keep_copies(self, connection: sqlite3.Connection, tables: Sequence[Table]) -> None:
        changes.keep(connection, COPIES, copies_text(list(dict.fromkeys(tables))))

    @property
    def copies_at(self) -> list[str]:
        """The addresses of places that may have copies of vectors which nobody searches."""
        return sorted({table.address for table in copies_of(self.read_kept(COPIES))})

    def put_enrolled(self, target: VectorStore, ids: Sequence[str], vectors: Floats) -> None:
        """Put copies of vectors that a place lacks, of those samples alone that are enrolled while it is done.

        Nobody is erased meanwhile, so an erasure knows of every vector that was put before it.

        Args:
            target: the place; see note_copies.
            ids: of samples.
            vectors: (N, D) float32, theirs.

        Raises:
            GalleryError: the place cannot be reached.
        """
        for start in range(0, len(ids), BLOCK):
            part = ids[start : start + BLOCK]
            with self._file.write():
                enrolled = set(self._present("template", part))
                kept = [place for place, one in enumerate(part, start) if one in enrolled]
                held = target.get([ids[place] for place in kept]) if kept else vectors[:0]
                lacking = [place for place, one in zip(kept, held, strict=True) if (one != vectors[place]).any()]
                if lacking:
                    target.put([ids[place] for place in lacking], vectors[lacking])

    def discard_copies(self) -> None:
        """List everything that is at noted places for removal, such as what an import left that was never finished.

        Raises:
            GalleryError: a place cannot be reached; it stays noted.
        """
        from mien.gallery.vectors import open_vectors

        for table in copies_of(self.read_kept(COPIES)):
            store = open_vectors(table.address, self.id, table.identity)
            try:
                with self._file.write() as connection:
                    self._wait(connection, table, [one for block in store.ids() for one in block])
                    self.forget_copies(connection, table)
            finally:
                store.close()

    def give_up(self, address: str) -> int:
        """Wait no longer for a database that exists no more.

        Returns:
            How many vectors were to be removed from it.

        Raises:
            GalleryError: the gallery has its vectors there, or nothing is to be removed from there.
        """
        with self._file.write() as connection:
            waiting, copies = waiting_of(self.read_kept(WAITING)), copies_of(self.read_kept(COPIES))
            places = {table.address for table in (*waiting, *copies)}
            if address == self.read_kept(PLACE):
                raise GalleryError(
                    f"{self.path} has its vectors at {address}: import an export to another place first"
                )
            if address not in places:
                others = f"but at {', '.join(sorted(places))}" if places else "and at no other place"
                raise GalleryError(f"{self.path} waits for nothing at {address}, {others}")
            changes.keep(
                connection, WAITING, waiting_text({to: ids for to, ids in waiting.items() if to.address != address})
            )
            changes.keep(connection, COPIES, copies_text([one for one in copies if one.address != address]))
        return sum(len(ids) for table, ids in waiting.items() if table.address == address)

    def _remove_waiting(self) -> bool:
        """Remove vectors from databases whose samples were erased; say whether all could be removed."""
        waiting = waiting_of(self.read_kept(WAITING))
        if not waiting:
            return True
        from mien.gallery.vectors import open_vectors

        for table, ids in waiting.items():
            try:
                store = open_vectors(table.address, self.id, table.identity)
                try:
                    for start in range(0, len(ids), BLOCK):
                        self._remove_listed(store, table, ids[start : start + BLOCK])
                finally:
                    store.close()
            except (GalleryError, MissingExtraError):
                return False
        return True

    def _remove_listed(self, store: VectorStore, table: Table, ids: Sequence[str]) -> None:
        """Remove some of the vectors that wait for it.

        Nobody writes to the gallery meanwhile: its vectors could come back to that database between the question
        which of them are enrolled there and the removal.
        """
        with self._file.write() as connection:
            now = waiting_of(self.read_kept(WAITING))
            listed = set(now.get(table, [])).intersection(ids)
            held = self._still_held(store, table, sorted(listed))
            store.remove(sorted(listed - held))
            now[table] = [one for one in now.get(table, []) if one not in listed]
            changes.keep(connection, WAITING, waiting_text(now))

    def remove_orphans(self, store: VectorStore, ids: Sequence[str]) -> None:
        """Remove vectors that belong to no sample from the database of the gallery.

        Args:
            store: the database.
            ids: of vectors that had no sample when they were listed; those that have one now stay.

        Raises:
            GalleryError: the database cannot be reached, or another process has moved the vectors elsewhere.
        """
        for start in range(0, len(ids), BLOCK):
            part = ids[start : start + BLOCK]
            # Another process may be restoring their samples.
            with self._file.write():
                self._require_same_form()
                enrolled = set(self._present("template", part))
                store.remove([one for one in part if one not in enrolled])

    def _still_held(self, store: VectorStore, table: Table, ids: Sequence[str]) -> set[str]:
        """The samples whose vectors stay in a database, since the gallery has them there now.

        One database may have two addresses, and vectors may have come back since they were moved away.
        """
        address = self.read_kept(PLACE)
        enrolled = set(self._present("template", ids))
        if address is None or not enrolled or table.identity != self.current_identity():
            return set()
        if address == table.address:
            return enrolled
        from mien.gallery.vectors import open_vectors

        present = open_vectors(address, self.id, table.identity)
        try:
            return enrolled if are_one(store, present, table.identity.dimension) else set()
        finally:
            present.close()

    def _put(self, templates: Iterable[NewTemplate]) -> None:
        """Put vectors into the database before their rows are written for good."""
        put = list(templates)
        if self._outside is not None and put:
            import numpy as np

            self._outside.put([one.id for one in put], np.stack([one.embedding for one in put]).astype(np.float32))

    def _outside_state(self) -> Literal["none", "logical", "pending"]:
        """What became of erased vectors that are in a database."""
        if self.read_kept(WAITING):
            return "pending"
        return "none" if self._outside is None else "logical"

    def _stored(self, vector: Floats) -> bytes:
        return stored_vector(vector, outside=self._outside is not None)

    def _open_others(self, identity: Identity) -> VectorStore | None:
        """The database for vectors of another model; None where the file has them."""
        if self._outside is None:
            return None
        from mien.gallery.vectors import open_vectors

        return open_vectors(self._outside.address, self.id, identity)

    def _put_others(self, others: VectorStore, embeddings: Mapping[int, Floats]) -> None:
        """Put vectors of another model into the database, where nobody looks for them yet."""
        import numpy as np

        rows = [row for row in self._file.read("SELECT id, uid FROM template") if row[0] in embeddings]
        if rows:
            others.put([uid for _, uid in rows], np.stack([embeddings[number] for number, _ in rows]))
