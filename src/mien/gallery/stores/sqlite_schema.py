"""The tables of a gallery file, and a checksum for each of their rows.

SQLite notices damaged pages and not damaged content: a flipped bit makes another name, another embedding or another
threshold, and so a wrong answer. Every row therefore holds the CRC-32 of its other columns; rows that 0.5 wrote have
none, and are taken as they are. Opens no file. The former tables are in sqlite_format1.py.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from zlib import crc32

FORMAT = 2
APPLICATION_ID = 0x6D69656E
"""'mien' in the header of the file, so that another database is not taken for a gallery."""

SCHEMA = """
CREATE TABLE gallery (
    format INTEGER, uid TEXT, contract TEXT, model TEXT, metric TEXT, dimension INTEGER, created REAL,
    checksum INTEGER
);
CREATE TABLE subject (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    lookup TEXT NOT NULL,
    name NOT NULL,
    metadata,
    consent,
    state TEXT NOT NULL,
    enrolled REAL NOT NULL,
    checksum INTEGER
);
CREATE INDEX subject_lookup ON subject(lookup);
CREATE TABLE template (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    subject INTEGER NOT NULL REFERENCES subject(id) ON DELETE CASCADE,
    source_sha256 TEXT NOT NULL,
    source,
    embedding BLOB NOT NULL,
    enrolled REAL,
    doubts TEXT,
    checksum INTEGER
);
CREATE UNIQUE INDEX template_source ON template(subject, source_sha256);
CREATE TABLE portrait (
    template INTEGER PRIMARY KEY REFERENCES template(id) ON DELETE CASCADE,
    jpeg BLOB NOT NULL,
    landmarks BLOB NOT NULL,
    checksum INTEGER
);
CREATE TABLE removed (number INTEGER PRIMARY KEY AUTOINCREMENT, template INTEGER NOT NULL);
CREATE TABLE erased (uid TEXT PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE kept (name TEXT PRIMARY KEY, text TEXT NOT NULL, checksum INTEGER);
"""
"""`uid` is the id that callers know. `lookup` is what a name is found by. `erased` holds the ids of erased subjects,
so that a backup that is restored brings nobody back."""

COVERED = {
    "gallery": ("format", "uid", "contract", "model", "metric", "dimension"),
    "subject": ("id", "uid", "lookup", "name", "metadata", "consent", "state", "enrolled"),
    "template": ("id", "uid", "subject", "source_sha256", "source", "embedding", "enrolled", "doubts"),
    "portrait": ("template", "jpeg", "landmarks"),
    "kept": ("name", "text"),
}
"""The columns that the checksum of a row covers, in its order."""


def row_checksum(*values: object) -> int:
    """The CRC-32 of a row."""
    # A list takes two thirds of the time of a generator, and this is most of the time that a row takes.
    return crc32(b"\0".join([value if type(value) is bytes else str(value).encode() for value in values]))


def register(connection: sqlite3.Connection) -> None:
    """Let queries of this connection compute checksums."""
    connection.create_function("row_checksum", -1, row_checksum, deterministic=True)


def intact(table: str) -> str:
    """The condition that a row is what was written."""
    columns = ", ".join(f"{table}.{column}" for column in COVERED[table])
    return f"({table}.checksum IS NULL OR {table}.checksum = row_checksum({columns}))"


def stamp(connection: sqlite3.Connection, table: str, where: str, values: Sequence[object]) -> None:
    """Write the checksums of some rows, which must have been read as intact before if they are not new."""
    columns = ", ".join(COVERED[table])
    connection.execute(f"UPDATE {table} SET checksum = row_checksum({columns}) WHERE {where}", values)  # noqa: S608
