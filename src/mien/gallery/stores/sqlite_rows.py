"""Values of a gallery as rows of its SQLite file, and rows as values. Opens nothing and begins no transaction."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from unicodedata import normalize

from mien.gallery.records import KeptDoubt, NewTemplate, Portrait
from mien.gallery.stores.sqlite_schema import row_checksum, stamp


def text_of(value: object) -> str:
    """A name as it was stored.

    Raises:
        TypeError: it is not text.
    """
    if not isinstance(value, str):
        raise TypeError("a name is not text")
    return value


def without_name(path: str, name: str) -> str:
    """A path without the folders, and without the part of the file's name, that a subject's name is in."""
    *folders, file = normalize("NFC", path).split("/")
    kept = [folder for folder in folders if name not in folder]
    if name not in file:
        return path if len(kept) == len(folders) else "/".join([*kept, file])
    return "/".join([*kept, file.replace(name, "")])


def doubts_of(text: str | None) -> tuple[KeptDoubt, ...]:
    """The doubts about a template."""
    return () if text is None else tuple(KeptDoubt(**one) for one in json.loads(text))


def portrait_of(source: str, jpeg: bytes, landmarks: bytes) -> Portrait:
    """A portrait as it was stored.

    Raises:
        TypeError: there is none.
    """
    import numpy as np

    if not isinstance(jpeg, bytes) or not isinstance(landmarks, bytes):
        raise TypeError("a portrait is missing")
    return Portrait(text_of(source), jpeg, np.frombuffer(landmarks, np.float32).reshape(5, 2))


def insert(connection: sqlite3.Connection, new: NewTemplate) -> int | None:
    """Write a template; give its id, or None where its source is enrolled already."""
    cursor = connection.execute(
        "INSERT INTO subject (name, enrolled) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
        (new.subject, time.time()),
    )
    if cursor.rowcount:
        stamp(connection, "subject", "id = ?", (cursor.lastrowid,))
    doubts = [{"code": one.code, "value": one.value} for one in new.doubts]
    cursor = connection.execute(
        "INSERT INTO template (subject, source_sha256, embedding, enrolled, doubts) "
        "SELECT id, ?, ?, ?, ? FROM subject WHERE name = ? ON CONFLICT (subject, source_sha256) DO NOTHING",
        (
            new.source_sha256,
            new.embedding.astype("<f4").tobytes(),
            time.time(),
            json.dumps(doubts) if doubts else None,
            new.subject,
        ),
    )
    if cursor.rowcount == 0:
        return None
    number = int(cursor.lastrowid or 0)
    stamp(connection, "template", "id = ?", (number,))
    portrait = new.portrait
    values = number, portrait.source, portrait.jpeg, portrait.landmarks.astype("<f4").tobytes()
    connection.execute(
        "INSERT INTO portrait (template, source, jpeg, landmarks, checksum) VALUES (?, ?, ?, ?, ?)",
        (*values, row_checksum(*values)),
    )
    return number


def erase(connection: sqlite3.Connection, where: str, values: Sequence[object]) -> int:
    """Erase templates with their portraits, and remember their ids for the indexes of other processes."""
    found = [row[0] for row in connection.execute(f"SELECT id FROM template WHERE {where}", values)]  # noqa: S608
    for number in found:
        connection.execute("INSERT INTO removed (template) VALUES (?)", (number,))
        connection.execute("DELETE FROM template WHERE id = ?", (number,))
    return len(found)
