"""Galleries of format 1, which mien made before 0.6: read as they are, and raised to the present tables.

To read one, temporary views with the names of the present tables are laid over its tables, so that all queries hold
for both. It is raised in one transaction when it is first written to; a copy of it as it was stays next to it. A
subject and a sample have the same ids before and after.
"""

# ruff: noqa: S608 - every name in these queries is a constant of this module

from __future__ import annotations

import os
import sqlite3
from hashlib import sha256
from pathlib import Path

from mien.gallery.stores import sqlite_schema as schema
from mien.whole_files import whole_file

COVERED = {
    "gallery": ("format", "contract", "model", "metric", "dimension"),
    "subject": ("id", "name", "enrolled"),
    "template": ("id", "subject", "source_sha256", "embedding", "enrolled", "doubts"),
    "portrait": ("template", "source", "jpeg", "landmarks"),
    "kept": ("name", "text"),
}
"""The columns that the checksum of a row covers; the tables of 0.5 lack some of them, and all checksums."""


def number_of(connection: sqlite3.Connection) -> int | None:
    """The format of an open gallery."""
    row = connection.execute("SELECT format FROM main.gallery").fetchone()
    return None if row is None else row[0]


def lay_views(connection: sqlite3.Connection) -> None:
    """Let queries for the present tables read the former ones."""
    _register(connection)
    # A temporary file would need a folder that can be written.
    connection.execute("PRAGMA temp_store = MEMORY")
    for table, select in _selects(connection, {table: f"main.{table}" for table in COVERED}).items():
        connection.execute(f"CREATE TEMP VIEW {table} AS {select}")


def raise_format(connection: sqlite3.Connection, path: Path) -> None:
    """Give a gallery of format 1 the present tables, in one transaction, and keep a copy next to it.

    Raises:
        ValueError: a row is not what was written; nothing was changed.
        OSError: the copy cannot be made; nothing was changed.
    """
    _register(connection)
    # Dropping a table would delete what refers to it.
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have raised it in the meantime.
        if number_of(connection) == 1:
            _copy(path)
            _raise(connection)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    finally:
        connection.execute("PRAGMA foreign_keys = ON")


def copy_of(path: Path) -> Path:
    """Where a gallery of format 1 is kept as it was."""
    return path.with_name(f"{path.name}.format-1")


def erase_copy(path: Path) -> None:
    """Overwrite and remove the copy of format 1, since it holds whoever is erased from the gallery."""
    copy = copy_of(path)
    if not copy.is_file():
        return
    with copy.open("rb+") as stream:
        left = copy.stat().st_size
        while left > 0:
            left -= stream.write(bytes(min(left, 1 << 20)))
        stream.flush()
        os.fsync(stream.fileno())
    copy.unlink()


def _register(connection: sqlite3.Connection) -> None:
    schema.register(connection)
    connection.create_function("former_uid", 3, _former_uid, deterministic=True)


def _former_uid(table: str, created: float, number: int) -> str:
    """The id of a gallery, a subject or a sample that was made without one."""
    return sha256(f"{table} {created!r} {number}".encode()).hexdigest()[:32]


def _selects(connection: sqlite3.Connection, names: dict[str, str]) -> dict[str, str]:
    """The rows of the present tables, selected from the former ones, by table."""
    present = {
        table: {row[1] for row in connection.execute(f"PRAGMA main.table_info({name.removeprefix('main.')})")}
        for table, name in names.items()
    }

    def column(table: str, name: str) -> str:
        return name if name in present[table] else "NULL"

    def checksum(table: str) -> str:
        """NULL for a row that is what was written, and else what no checksum can be."""
        if "checksum" not in present[table]:
            return "NULL"
        columns = ", ".join(COVERED[table])
        return f"CASE WHEN checksum IS NULL OR checksum = row_checksum({columns}) THEN NULL ELSE -1 END"

    def uid(table: str, number: str) -> str:
        return f"former_uid('{table}', (SELECT created FROM {names['gallery']}), {number})"

    source = f"(SELECT source FROM {names['portrait']} AS p WHERE p.template = t.id)"
    return {
        "gallery": f"SELECT format, {uid('gallery', '0')} AS uid, contract, model, metric, dimension, created, "
        f"{checksum('gallery')} AS checksum FROM {names['gallery']}",
        "subject": f"SELECT id, {uid('subject', 'id')} AS uid, name AS lookup, name, NULL AS metadata, "
        f"NULL AS consent, 'active' AS state, enrolled, {checksum('subject')} AS checksum FROM {names['subject']}",
        "template": f"SELECT id, {uid('template', 'id')} AS uid, subject, source_sha256, {source} AS source, "
        f"embedding, {column('template', 'enrolled')} AS enrolled, {column('template', 'doubts')} AS doubts, "
        f"{checksum('template')} AS checksum FROM {names['template']} AS t",
        "portrait": f"SELECT template, jpeg, landmarks, {checksum('portrait')} AS checksum FROM {names['portrait']}",
        "kept": f"SELECT name, text, {checksum('kept')} AS checksum FROM {names['kept']}"
        if present["kept"]
        else "SELECT '' AS name, '' AS text, NULL AS checksum WHERE false",
    }


def _copy(path: Path) -> None:
    with whole_file(copy_of(path), private=True) as scratch:
        source, target = sqlite3.connect(path), sqlite3.connect(scratch)
        try:
            source.backup(target)
        finally:
            source.close()
            target.close()


def _raise(connection: sqlite3.Connection) -> None:
    connection.execute("DROP INDEX template_source")
    former = {table: f"former_{table}" for table in COVERED}
    # The tables of 0.5 have no texts that are kept.
    connection.execute("CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, text TEXT NOT NULL)")
    for table, name in former.items():
        connection.execute(f"ALTER TABLE {table} RENAME TO {name}")
    selects = _selects(connection, former)
    for statement in schema.SCHEMA.split(";"):
        if "TABLE removed" not in statement:
            connection.execute(statement)
    for table, select in selects.items():
        _move(connection, table, select)
    for table, name in former.items():
        _keep_sequence(connection, table, name)
        connection.execute(f"DROP TABLE {name}")
    connection.execute("UPDATE gallery SET format = ?", (schema.FORMAT,))
    for table in COVERED:
        schema.stamp(connection, table, "true", ())


def _move(connection: sqlite3.Connection, table: str, select: str) -> None:
    damaged = connection.execute(f"SELECT count(*) FROM ({select}) WHERE checksum = -1").fetchone()[0]
    if damaged:
        raise ValueError(f"{damaged} rows of the table {table} are not what was written")
    columns = ", ".join(schema.COVERED[table] if table != "gallery" else (*schema.COVERED[table], "created"))
    connection.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM ({select})")


def _keep_sequence(connection: sqlite3.Connection, table: str, former: str) -> None:
    """Let numbers go on where they were, also where the last rows were removed."""
    query = "INSERT INTO sqlite_sequence (name, seq) SELECT ?, seq FROM sqlite_sequence WHERE name = ?"
    if connection.execute("SELECT 1 FROM sqlite_sequence WHERE name = ?", (former,)).fetchone():
        connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        connection.execute(query, (table, former))
