"""The tables of a gallery file, and a checksum for each of their rows.

SQLite notices damaged pages and not damaged content: a flipped bit makes another name, another embedding or another
threshold, and so a wrong answer. Every row therefore holds the CRC-32 of its other columns. Rows of galleries that an
older version made have none, and are taken as they are. Opens no file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from zlib import crc32

FORMAT = 1
APPLICATION_ID = 0x6D69656E
"""'mien' in the header of the file, so that another database is not taken for a gallery."""

SCHEMA = """
CREATE TABLE gallery (
    format INTEGER, contract TEXT, model TEXT, metric TEXT, dimension INTEGER, created REAL, checksum INTEGER
);
CREATE TABLE subject (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, enrolled REAL NOT NULL, checksum INTEGER
);
CREATE TABLE template (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subject INTEGER NOT NULL REFERENCES subject(id) ON DELETE CASCADE,
    source_sha256 TEXT NOT NULL,
    embedding BLOB NOT NULL,
    enrolled REAL,
    doubts TEXT,
    checksum INTEGER
);
CREATE UNIQUE INDEX template_source ON template(subject, source_sha256);
CREATE TABLE portrait (
    template INTEGER PRIMARY KEY REFERENCES template(id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    jpeg BLOB NOT NULL,
    landmarks BLOB NOT NULL,
    checksum INTEGER
);
CREATE TABLE removed (number INTEGER PRIMARY KEY AUTOINCREMENT, template INTEGER NOT NULL);
CREATE TABLE kept (name TEXT PRIMARY KEY, text TEXT NOT NULL, checksum INTEGER);
"""

COVERED = {
    "gallery": ("format", "contract", "model", "metric", "dimension"),
    "subject": ("id", "name", "enrolled"),
    "template": ("id", "subject", "source_sha256", "embedding", "enrolled", "doubts"),
    "portrait": ("template", "source", "jpeg", "landmarks"),
    "kept": ("name", "text"),
}
"""The columns that the checksum of a row covers, in its order."""

ADDED = {
    "gallery": ("checksum INTEGER",),
    "subject": ("checksum INTEGER",),
    "template": ("enrolled REAL", "doubts TEXT", "checksum INTEGER"),
    "portrait": ("checksum INTEGER",),
    "kept": ("checksum INTEGER",),
}
"""Columns that galleries of older versions lack; see upgrade."""


def row_checksum(*values: object) -> int:
    """The CRC-32 of a row."""
    return crc32(b"\0".join(value if isinstance(value, bytes) else str(value).encode() for value in values))


def register(connection: sqlite3.Connection) -> None:
    """Let queries of this connection compute checksums."""
    connection.create_function("row_checksum", -1, row_checksum, deterministic=True)


def intact(table: str) -> str:
    """The condition that a row is what was written."""
    columns = ", ".join(f"{table}.{column}" for column in COVERED[table])
    return f"({table}.checksum IS NULL OR {table}.checksum = row_checksum({columns}))"


def is_upgraded(connection: sqlite3.Connection) -> bool:
    """Whether the tables have all columns of this version."""
    return all(not _missing(connection, table) for table in ADDED)


def upgrade(connection: sqlite3.Connection) -> None:
    """Add what an older version's gallery lacks; older versions read it as before."""
    connection.execute("CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, text TEXT NOT NULL)")
    for table in ADDED:
        for column in _missing(connection, table):
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column}")


def _missing(connection: sqlite3.Connection, table: str) -> list[str]:
    present = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
    return [column for column in ADDED[table] if column.split()[0] not in present]


def stamp(connection: sqlite3.Connection, table: str, where: str, values: Sequence[object]) -> None:
    """Write the checksums of some rows, which must have been read as intact before if they are not new."""
    columns = ", ".join(COVERED[table])
    connection.execute(f"UPDATE {table} SET checksum = row_checksum({columns}) WHERE {where}", values)  # noqa: S608
