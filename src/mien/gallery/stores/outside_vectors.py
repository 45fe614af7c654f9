"""Vectors of a gallery that are kept in a database: what stays of each in the file, and what waits for removal.

Of a vector the file keeps a hash, so that one that was changed or lost in the database is an error and never an
answer. A vector is put into the database before its row is written to the file, and removed after its row was: one
without a row counts for nothing. What could not be removed at once, since the database cannot be reached, is listed
in the file and removed later; see SqliteStore.erase_traces.

Vectors are put into a further database while they are moved there, and into a further table of it while they are
embedded again. Each such place is noted in the file before anything is put, so that an erasure reaches it also where
the move was killed and never finished.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from mien.gallery.profiles import new_id
from mien.gallery.records import Identity

if TYPE_CHECKING:
    from mien.gallery.vectors.base import VectorStore
    from mien.types import Floats

PLACE, WAITING, COPIES = "vectors", "vectors to remove", "copies of vectors"
"""The names under which a gallery keeps where its vectors are, which are still to be removed somewhere, and where
copies of them may be that nobody searches."""

HASH = 16
"""Bytes of the hash of a vector."""


@dataclass(frozen=True, slots=True)
class Table:
    """Where vectors are, or were.

    Attributes:
        address: of the database.
        identity: of the embeddings.
    """

    address: str
    identity: Identity


def hash_of(vector: Floats) -> bytes:
    """What the file keeps of a vector, (D,) float32."""
    return blake2b(vector.astype("<f4").tobytes(), digest_size=HASH).digest()


def stored_vector(vector: Floats, *, outside: bool) -> bytes:
    """What the file keeps of a vector: its hash where the vector itself is in a database."""
    return hash_of(vector) if outside else vector.astype("<f4").tobytes()


def are_one(one: VectorStore, other: VectorStore, dimension: int) -> bool:
    """Whether two addresses are one database: what is put at one of them is at the other.

    Raises:
        GalleryError: one of them cannot be reached.
    """
    import numpy as np

    mark = new_id()
    try:
        one.put([mark], np.ones((1, dimension), np.float32))
        return not np.isnan(other.get([mark])).any()
    finally:
        one.remove([mark])


def waiting_of(text: str | None) -> dict[Table, list[str]]:
    """Which samples' vectors are to be removed, by where they are."""
    return {Table(address, Identity(*key)): list(ids) for address, key, ids in json.loads(text or "[]")}


def waiting_text(waiting: Mapping[Table, Sequence[str]]) -> str | None:
    """The same as it is kept; None for nothing."""
    rows = [[table.address, astuple(table.identity), list(ids)] for table, ids in waiting.items() if ids]
    return json.dumps(rows) if rows else None


def copies_of(text: str | None) -> list[Table]:
    """Where copies of vectors may be."""
    return [Table(address, Identity(*key)) for address, key in json.loads(text or "[]")]


def copies_text(tables: Sequence[Table]) -> str | None:
    """The same as it is kept; None for nowhere."""
    return json.dumps([[table.address, astuple(table.identity)] for table in tables]) if tables else None
