"""Copies of a gallery's SQLite file, and what is brought back from one. Keys are in no copy; see key_file.py.

A copy is made while others read and write. Bringing back adds what the gallery lacks, in one transaction, and never
what was erased since: rows are taken as they are stored, and encrypted ones stay unreadable where their key is gone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.errors import GalleryError
from mien.faults import describe
from mien.gallery.stores.sqlite_changes import Writing, insert_portrait
from mien.gallery.stores.sqlite_file import Row, SqliteFile
from mien.gallery.stores.sqlite_schema import COVERED, stamp
from mien.whole_files import whole_file

SUBJECT = [column for column in COVERED["subject"] if column != "id"]
TEMPLATE = [column for column in COVERED["template"] if column not in ("id", "subject")]


@dataclass(frozen=True, slots=True)
class Restoration:
    """What was brought back from a backup.

    Attributes:
        subjects: that the gallery lacked.
        samples: that the gallery lacked, of these and of other subjects.
        erased: subjects and samples of the backup that were erased since, and stay erased.
    """

    subjects: int
    samples: int
    erased: int


def copy_gallery(gallery: Path, target: Path) -> None:
    """Write a copy of a gallery, without its log, that only its owner may read.

    Raises:
        GalleryError: it cannot be written.
    """
    try:
        with whole_file(target, private=True) as scratch:
            source, copy = sqlite3.connect(gallery), sqlite3.connect(scratch)
            try:
                source.backup(copy)
                # Whoever reads the copy needs no right to write a log next to it.
                copy.execute("PRAGMA journal_mode = DELETE")
            finally:
                copy.close()
                source.close()
    except (OSError, sqlite3.Error) as reason:
        raise GalleryError(f"{gallery} was not copied: {describe(reason, str(target))}") from reason


def open_backup(path: Path) -> SqliteFile:
    """A backup, to be read alone.

    Raises:
        GalleryError: there is none, or it is damaged.
    """
    if not path.is_file():
        raise GalleryError(f"there is no backup {path}: name a file that `mien backup` wrote")
    return SqliteFile(path, read_only=True)


def require_backup_of(gallery: SqliteFile, backup: SqliteFile) -> None:
    """Refuse a backup whose rows mean nothing in a gallery.

    Raises:
        GalleryError: it is of another gallery or model, or of before the gallery was encrypted.
    """
    query = (
        "SELECT uid, contract, model, (SELECT text FROM kept WHERE name = 'encryption'), "
        "(SELECT text FROM kept WHERE name = 'vectors') FROM gallery"
    )
    [(uid, contract, model, sealed, at)] = gallery.read(query)
    [(other_uid, other_contract, other_model, other_sealed, other_at)] = backup.read(query)
    if other_uid != uid:
        raise GalleryError(f"{backup.path} is not a backup of {gallery.path}, but of another gallery")
    if other_contract != contract:
        raise GalleryError(
            f"{backup.path} holds embeddings of {other_model} and {gallery.path} of {model}: restore it to a "
            "different place and run `mien reenrol` there"
        )
    if other_sealed != sealed:
        raise GalleryError(
            f"{backup.path} was made before {gallery.path} was encrypted: restore it to a different place"
        )
    if other_at != at:
        raise GalleryError(
            f"{backup.path} was made while the vectors of {gallery.path} were kept elsewhere: restore it to a "
            "different place"
        )


def count_rows(path: Path) -> tuple[int, int]:
    """The subjects and samples in a backup."""
    backup = open_backup(path)
    try:
        query = "SELECT (SELECT count(*) FROM subject), (SELECT count(*) FROM template)"
        [(subjects, samples)] = backup.read(query)
        return int(subjects), int(samples)
    finally:
        backup.close()


def bring_back(writing: Writing, backup: SqliteFile) -> Restoration:
    """Add what a backup has and the gallery lacks, but nobody and nothing that was erased.

    Args:
        writing: an open transaction of the gallery.
        backup: a copy of the same gallery, of the same model.
    """
    gone = {uid for (uid,) in writing.file.read("SELECT uid FROM erased")} | set(writing.vault.erased())
    subjects = dict(writing.file.read("SELECT uid, id FROM subject"))
    samples = {uid for (uid,) in writing.file.read("SELECT uid FROM template")}
    added = erased = restored = 0
    columns = ", ".join(["id", *SUBJECT])
    for place, *values in backup.read_intact(columns, "FROM subject ORDER BY id", "subject"):
        uid = str(values[SUBJECT.index("uid")])
        if uid in gone:
            erased += 1
            continue
        if uid not in subjects:
            subjects[uid] = _insert(writing, "subject", SUBJECT, values)
            added += 1
        for number, *template in _templates(backup, place):
            sample = str(template[TEMPLATE.index("uid")])
            erased += sample in gone
            if sample not in gone and sample not in samples:
                restored += _bring_back_template(writing, backup, number, subjects[uid], template)
    return Restoration(added, restored, erased)


def _templates(backup: SqliteFile, subject: int) -> list[Row]:
    columns = ", ".join(["id", *TEMPLATE])
    return backup.read_intact(columns, "FROM template WHERE subject = ? ORDER BY id", "template", (subject,))


def _bring_back_template(
    writing: Writing, backup: SqliteFile, former: int, subject: int, values: Sequence[object]
) -> bool:
    same = "SELECT 1 FROM template WHERE subject = ? AND source_sha256 = ?"
    source = values[TEMPLATE.index("source_sha256")]
    if writing.connection.execute(same, (subject, source)).fetchone():
        return False
    # A new number, so that the indexes of other processes take it for a new template.
    number = _insert(writing, "template", [*TEMPLATE, "subject"], [*values, subject])
    where = "FROM portrait WHERE template = ?"
    for portrait in backup.read_intact("jpeg, landmarks", where, "portrait", (former,)):
        insert_portrait(writing, (number, *portrait))
    return True


def _insert(writing: Writing, table: str, columns: Sequence[str], values: Sequence[object]) -> int:
    listed, places = ", ".join(columns), ", ".join("?" * len(columns))
    query = f"INSERT INTO {table} ({listed}) VALUES ({places})"  # noqa: S608
    number = int(writing.connection.execute(query, values).lastrowid or 0)
    stamp(writing.connection, table, "id = ?", (number,))
    return number
