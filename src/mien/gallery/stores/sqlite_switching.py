"""Changes what a gallery file keeps of each vector: the vector itself, or its hash where a database has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mien.errors import GalleryError
from mien.gallery.stores.outside_vectors import hash_of, stored_vector
from mien.gallery.stores.sqlite_changes import Writing
from mien.gallery.stores.sqlite_file import Row
from mien.gallery.stores.sqlite_schema import stamp
from mien.gallery.stores.vault import EMBEDDING, Opener

if TYPE_CHECKING:
    from mien.gallery.vectors.base import VectorStore
    from mien.gallery.vectors.export_file import Export
    from mien.types import Floats

BLOCK = 5_000
"""Rows that are changed at a time."""


def switch_rows(
    writing: Writing, target: VectorStore | None, vectors_of: Callable[[Sequence[Row]], Floats]
) -> list[str]:
    """Write all rows of templates as they are where the vectors are in a database, or in the file for None.

    Args:
        writing: an open transaction.
        target: that must have every vector already.
        vectors_of: reads the vectors of rows of number, subject, sample, and what is stored.

    Returns:
        The ids of all samples.

    Raises:
        GalleryError: the database lacks a vector, or has another one.
    """
    ids: list[str] = []
    last = 0
    source = "FROM template JOIN subject ON subject.id = template.subject WHERE template.id > ? ORDER BY template.id"
    columns = "template.id, subject.uid, template.uid, template.embedding"
    while rows := writing.file.read_intact(columns, f"{source} LIMIT {BLOCK}", "template subject", (last,)):
        vectors, some = vectors_of(rows), [row[2] for row in rows]
        if target is not None and not np.array_equal(target.get(some), vectors):
            raise GalleryError(
                f"{target.address} lacks vectors of {writing.file.path}, or has other ones: nothing was changed; run "
                "`mien gallery import` with a new export"
            )
        for (number, owner, uid, _), vector in zip(rows, vectors, strict=True):
            stored = writing.opener.seal(owner, uid, EMBEDDING, stored_vector(vector, outside=target is not None))
            writing.connection.execute("UPDATE template SET embedding = ? WHERE id = ?", (stored, number))
        ids, last = ids + some, rows[-1][0]
    stamp(writing.connection, "template", "true", ())
    return ids


def vectors_from(
    source: Export, opener: Opener, otherwise: Callable[[Sequence[Row]], Floats], rows: Sequence[Row]
) -> Floats:
    """The vectors of rows from an export where it has what was enrolled (by the hash), else from the database."""
    vectors = source.get([row[2] for row in rows])
    lacking = [
        place
        for place, (_, owner, uid, stored) in enumerate(rows)
        if opener.data(owner, uid, EMBEDDING, stored) != hash_of(vectors[place])
    ]
    if lacking:
        vectors[lacking] = otherwise([rows[place] for place in lacking])
    return vectors
