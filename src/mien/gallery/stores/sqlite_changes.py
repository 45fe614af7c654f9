"""What is written to a gallery's SQLite file, within a transaction that is open already.

Gives every row that it writes its checksum, and reads what it copies as intact before. Opens nothing, and empties no
log; see sqlite.py.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence

from mien.errors import GalleryError, SubjectNotFoundError
from mien.gallery.profiles import Profile, metadata_text, new_id, require_name
from mien.gallery.records import GallerySettings, NewTemplate
from mien.gallery.stores.sqlite_file import SqliteFile
from mien.gallery.stores.sqlite_rows import consent_of, consent_text, doubts_text, text_of, without_name
from mien.gallery.stores.sqlite_schema import row_checksum, stamp


def insert_subject(connection: sqlite3.Connection, profile: Profile) -> str:
    """Write a subject without templates; give its id."""
    uid = new_id()
    cursor = connection.execute(
        "INSERT INTO subject (uid, lookup, name, metadata, consent, state, enrolled) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (uid, profile.name, profile.name, *_besides_name(profile), time.time()),
    )
    stamp(connection, "subject", "id = ?", (cursor.lastrowid,))
    return uid


def _besides_name(profile: Profile) -> tuple[str | None, str | None, str]:
    metadata = metadata_text(profile.metadata) if profile.metadata else None
    return metadata, consent_text(profile.consent), profile.state


def place_of(file: SqliteFile, subject: str) -> int:
    """The row of a subject.

    Raises:
        SubjectNotFoundError: there is no such subject.
    """
    rows = file.read_intact("id", "FROM subject WHERE uid = ?", "subject", (subject,))
    if not rows:
        raise SubjectNotFoundError(f"{file.path} has no subject of the id {subject}; see `mien subjects {file.path}`")
    return int(rows[0][0])


def insert(
    file: SqliteFile, connection: sqlite3.Connection, new: NewTemplate, settings: GallerySettings
) -> int | None:
    """Write a template; give its number, or None where its source is enrolled already."""
    place = _owner_of(file, connection, new)
    if settings.requires_consent:
        _require_consent(file, place)
    cursor = connection.execute(
        "INSERT INTO template (uid, subject, source_sha256, source, embedding, enrolled, doubts) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (subject, source_sha256) DO NOTHING",
        (
            new.id,
            place,
            new.source_sha256,
            new.source,
            new.embedding.astype("<f4").tobytes(),
            time.time(),
            doubts_text(new.doubts),
        ),
    )
    if cursor.rowcount == 0:
        return None
    number = int(cursor.lastrowid or 0)
    stamp(connection, "template", "id = ?", (number,))
    if new.portrait is not None and settings.keep == "portrait":
        values = number, new.portrait.jpeg, new.portrait.landmarks.astype("<f4").tobytes()
        connection.execute(
            "INSERT INTO portrait (template, jpeg, landmarks, checksum) VALUES (?, ?, ?, ?)",
            (*values, row_checksum(*values)),
        )
    return number


def _owner_of(file: SqliteFile, connection: sqlite3.Connection, new: NewTemplate) -> int:
    """The row of the subject that gets a template; a new one where nobody has the name."""
    if new.owner is not None:
        return place_of(file, new.owner)
    rows = file.read_intact("id, uid", "FROM subject WHERE lookup = ? ORDER BY id", "subject", (new.subject,))
    if len(rows) > 1:
        ids = ", ".join(uid for _, uid in rows)
        raise GalleryError(
            f"{file.path} has {len(rows)} subjects called '{new.subject}': say which by its id ({ids})"
        )
    if rows:
        return int(rows[0][0])
    require_name(new.subject)
    return place_of(file, insert_subject(connection, Profile(new.subject)))


def _require_consent(file: SqliteFile, place: int) -> None:
    [(uid, text)] = file.read_intact("uid, consent", "FROM subject WHERE id = ?", "subject", (place,))
    with file.decoding():
        consent = consent_of(text)
    if consent is None or not consent.holds():
        what = "has not consented" if consent is None else "has no consent that holds now"
        raise GalleryError(
            f"{file.path} takes no sample without consent, and the subject {uid} {what}: "
            f"write it down with `mien consent {file.path} {uid} --purpose TEXT`"
        )


def change_profile(file: SqliteFile, connection: sqlite3.Connection, place: int, profile: Profile) -> None:
    """Put a profile in the place of the former one."""
    [(former,)] = file.read_intact("name", "FROM subject WHERE id = ?", "subject", (place,))
    with file.decoding():
        name = text_of(former)
    if name != profile.name:
        forget_name(file, connection, place, name)
    connection.execute(
        "UPDATE subject SET lookup = ?, name = ?, metadata = ?, consent = ?, state = ? WHERE id = ?",
        (profile.name, profile.name, *_besides_name(profile), place),
    )
    stamp(connection, "subject", "id = ?", (place,))


def forget_name(file: SqliteFile, connection: sqlite3.Connection, place: int, name: str) -> None:
    """Take a name that is given up out of the paths that samples were enrolled from."""
    where = "FROM template WHERE subject = ? AND source IS NOT NULL"
    for number, path in file.read_intact("id, source", where, "template", (place,)):
        short = without_name(path, name)
        if short != path:
            connection.execute("UPDATE template SET source = ? WHERE id = ?", (short, number))
            stamp(connection, "template", "id = ?", (number,))


def move(file: SqliteFile, connection: sqlite3.Connection, number: int, target: int) -> bool:
    """Give a template to another subject; erase it where the other has its source already. Say whether it moved."""
    # What gets a new checksum must be what was written.
    [(source,)] = file.read_intact("source_sha256", "FROM template WHERE id = ?", "template", (number,))
    same = "SELECT 1 FROM template WHERE subject = ? AND source_sha256 = ?"
    if connection.execute(same, (target, source)).fetchone():
        erase(connection, "id = ?", (number,))
        return False
    connection.execute("UPDATE template SET subject = ? WHERE id = ?", (target, number))
    stamp(connection, "template", "id = ?", (number,))
    return True


def note_move(connection: sqlite3.Connection) -> None:
    """Make another change number, since somebody else has a template now."""
    # No template has this number.
    connection.execute("INSERT INTO removed (template) VALUES (0)")


def erase(connection: sqlite3.Connection, where: str, values: Sequence[object]) -> int:
    """Erase templates with their portraits, and remember their numbers for the indexes of other processes."""
    found = [row[0] for row in connection.execute(f"SELECT id FROM template WHERE {where}", values)]  # noqa: S608
    for number in found:
        connection.execute("INSERT INTO removed (template) VALUES (?)", (number,))
        connection.execute("DELETE FROM template WHERE id = ?", (number,))
    return len(found)


def erase_subject(file: SqliteFile, connection: sqlite3.Connection, place: int) -> int:
    """Erase a subject with its templates; give their count. Its id alone stays, so that no backup brings it back."""
    [(uid,)] = file.read_intact("uid", "FROM subject WHERE id = ?", "subject", (place,))
    count = erase(connection, "subject = ?", (place,))
    connection.execute("DELETE FROM subject WHERE id = ?", (place,))
    connection.execute("INSERT INTO erased (uid, at) VALUES (?, ?)", (uid, time.time()))
    return count
