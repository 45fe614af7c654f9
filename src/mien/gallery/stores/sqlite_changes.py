"""What is written to a gallery's SQLite file, within a transaction that is open already.

Gives every row that it writes its checksum, reads what it copies as intact before, and encrypts personal fields where
the gallery is encrypted. Opens nothing, and empties no log; see sqlite.py.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from mien.errors import GalleryError, SubjectNotFoundError
from mien.gallery.profiles import Profile, metadata_text, new_id, require_name
from mien.gallery.records import GallerySettings, NewTemplate
from mien.gallery.stores.outside_vectors import stored_vector
from mien.gallery.stores.sqlite_file import SqliteFile
from mien.gallery.stores.sqlite_rows import consent_of, consent_text, doubts_text, without_name
from mien.gallery.stores.sqlite_schema import row_checksum, stamp
from mien.gallery.stores.vault import EMBEDDING, Opener, Vault


@dataclass(frozen=True, slots=True)
class Writing:
    """One open transaction.

    Attributes:
        file: of the gallery.
        connection: that writes.
        vault: how personal fields are kept.
        opener: of the vault, for this transaction.
        outside: whether vectors are in a database, and the file keeps their hashes.
        gone: ids of samples that were erased; whoever opened the transaction removes their vectors.
    """

    file: SqliteFile
    connection: sqlite3.Connection
    vault: Vault
    opener: Opener
    outside: bool = False
    gone: list[str] = field(default_factory=list)


def insert_subject(writing: Writing, profile: Profile) -> str:
    """Write a subject without templates; give its id."""
    uid = new_id()
    writing.vault.make(uid)
    cursor = writing.connection.execute(
        "INSERT INTO subject (uid, lookup, name, metadata, consent, state, enrolled) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (uid, *_fields(writing, uid, profile), time.time()),
    )
    stamp(writing.connection, "subject", "id = ?", (cursor.lastrowid,))
    return uid


def _fields(writing: Writing, uid: str, profile: Profile) -> tuple[object, ...]:
    """A profile as the columns lookup, name, metadata, consent and state."""
    metadata = metadata_text(profile.metadata) if profile.metadata else None
    return (
        writing.vault.lookup("name", profile.name),
        writing.opener.seal(uid, uid, "name", profile.name),
        writing.opener.seal(uid, uid, "metadata", metadata),
        writing.opener.seal(uid, uid, "consent", consent_text(profile.consent)),
        profile.state,
    )


def place_of(file: SqliteFile, subject: str) -> int:
    """The row of a subject.

    Raises:
        SubjectNotFoundError: there is no such subject.
    """
    rows = file.read_intact("id", "FROM subject WHERE uid = ?", "subject", (subject,))
    if not rows:
        raise SubjectNotFoundError(f"{file.path} has no subject of the id {subject}; see `mien subjects {file.path}`")
    return int(rows[0][0])


def insert(writing: Writing, new: NewTemplate, settings: GallerySettings) -> int | None:
    """Write a template; give its number, or None where its source is enrolled already."""
    uid = _owner_of(writing, new)
    if settings.requires_consent:
        _require_consent(writing, uid)
    seal = writing.opener.seal
    cursor = writing.connection.execute(
        "INSERT INTO template (uid, subject, source_sha256, source, embedding, enrolled, doubts) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (subject, source_sha256) DO NOTHING",
        (
            new.id,
            place_of(writing.file, uid),
            writing.vault.lookup("source", new.source_sha256),
            seal(uid, new.id, "source", new.source),
            seal(uid, new.id, EMBEDDING, stored_vector(new.embedding, outside=writing.outside)),
            time.time(),
            doubts_text(new.doubts),
        ),
    )
    if cursor.rowcount == 0:
        return None
    number = int(cursor.lastrowid or 0)
    stamp(writing.connection, "template", "id = ?", (number,))
    if new.portrait is not None and settings.keep == "portrait":
        jpeg = seal(uid, new.id, "jpeg", new.portrait.jpeg)
        values = number, jpeg, seal(uid, new.id, "landmarks", new.portrait.landmarks.astype("<f4").tobytes())
        insert_portrait(writing, values)
    return number


def insert_portrait(writing: Writing, values: tuple[object, ...]) -> None:
    """Write a portrait: the number of its template, and its two parts as they are stored."""
    writing.connection.execute(
        "INSERT INTO portrait (template, jpeg, landmarks, checksum) VALUES (?, ?, ?, ?)",
        (*values, row_checksum(*values)),
    )


def _owner_of(writing: Writing, new: NewTemplate) -> str:
    """The id of the subject that gets a template; a new one where nobody has the name."""
    if new.owner is not None:
        return new.owner
    lookup = writing.vault.lookup("name", new.subject)
    rows = writing.file.read_intact("uid", "FROM subject WHERE lookup = ? ORDER BY id", "subject", (lookup,))
    if len(rows) > 1:
        ids = ", ".join(uid for (uid,) in rows)
        raise GalleryError(
            f"{writing.file.path} has {len(rows)} subjects called '{new.subject}': say which by its id ({ids})"
        )
    if rows:
        return str(rows[0][0])
    require_name(new.subject)
    return insert_subject(writing, Profile(new.subject))


def _require_consent(writing: Writing, uid: str) -> None:
    place = place_of(writing.file, uid)
    [(stored,)] = writing.file.read_intact("consent", "FROM subject WHERE id = ?", "subject", (place,))
    with writing.file.decoding():
        consent = consent_of(writing.opener.text(uid, uid, "consent", stored))
    if consent is None or not consent.holds():
        what = "has not consented" if consent is None else "has no consent that holds now"
        raise GalleryError(
            f"{writing.file.path} takes no sample without consent, and the subject {uid} {what}: "
            f"write it down with `mien consent {writing.file.path} {uid} --purpose TEXT`"
        )


def change_profile(writing: Writing, uid: str, former: str, profile: Profile) -> None:
    """Put a profile in the place of the one with the former name."""
    place = place_of(writing.file, uid)
    if former != profile.name:
        forget_name(writing, uid, former)
    writing.connection.execute(
        "UPDATE subject SET lookup = ?, name = ?, metadata = ?, consent = ?, state = ? WHERE id = ?",
        (*_fields(writing, uid, profile), place),
    )
    stamp(writing.connection, "subject", "id = ?", (place,))


def forget_name(writing: Writing, uid: str, name: str) -> None:
    """Take a name that is given up out of the paths that samples were enrolled from."""
    where = "FROM template WHERE subject = ? AND source IS NOT NULL"
    place = place_of(writing.file, uid)
    for number, row, stored in writing.file.read_intact("id, uid, source", where, "template", (place,)):
        with writing.file.decoding():
            path = writing.opener.text(uid, row, "source", stored) or ""
        short = without_name(path, name)
        if short != path:
            source = writing.opener.seal(uid, row, "source", short)
            writing.connection.execute("UPDATE template SET source = ? WHERE id = ?", (source, number))
            stamp(writing.connection, "template", "id = ?", (number,))


def move(writing: Writing, number: int, owner: str, target: str) -> bool:
    """Give a template to another subject; erase it where the other has its source already. Say whether it moved."""
    columns = "uid, source_sha256, source, embedding"
    # What gets a new checksum must be what was written.
    rows = writing.file.read_intact(columns, "FROM template WHERE id = ?", "template", (number,))
    [(row, sha256, source, embedding)] = rows
    place = place_of(writing.file, target)
    same = "SELECT 1 FROM template WHERE subject = ? AND source_sha256 = ?"
    if writing.connection.execute(same, (place, sha256)).fetchone():
        erase(writing, "id = ?", (number,))
        return False
    values = [
        _sealed_again(writing, owner, target, row, *field) for field in (("source", source), (EMBEDDING, embedding))
    ]
    writing.connection.execute(
        "UPDATE template SET subject = ?, source = ?, embedding = ? WHERE id = ?", (place, *values, number)
    )
    stamp(writing.connection, "template", "id = ?", (number,))
    for jpeg, landmarks in writing.file.read_intact(
        "jpeg, landmarks", "FROM portrait WHERE template = ?", "portrait", (number,)
    ):
        parts = [
            _sealed_again(writing, owner, target, row, *field) for field in (("jpeg", jpeg), ("landmarks", landmarks))
        ]
        writing.connection.execute("DELETE FROM portrait WHERE template = ?", (number,))
        insert_portrait(writing, (number, *parts))
    return True


def _sealed_again(writing: Writing, owner: str, target: str, row: str, column: str, stored: object) -> object:
    """A field of one subject as a field of another."""
    if stored is None:
        return None
    assert isinstance(stored, bytes | str)
    with writing.file.decoding():
        value: bytes | str | None
        if column == "source":
            value = writing.opener.text(owner, row, column, stored)
        else:
            value = writing.opener.data(owner, row, column, stored)
    return writing.opener.seal(target, row, column, value)


def note_move(connection: sqlite3.Connection) -> None:
    """Make another change number, since somebody else has a template now."""
    # No template has this number.
    connection.execute("INSERT INTO removed (template) VALUES (0)")


def erase(writing: Writing, where: str, values: Sequence[object]) -> int:
    """Erase templates with their portraits, and remember their numbers for the indexes of other processes."""
    query = f"SELECT id, uid FROM template WHERE {where}"  # noqa: S608
    found = writing.connection.execute(query, values).fetchall()
    for number, uid in found:
        writing.gone.append(uid)
        writing.connection.execute("INSERT INTO removed (template) VALUES (?)", (number,))
        writing.connection.execute("DELETE FROM template WHERE id = ?", (number,))
    return len(found)


def keep(connection: sqlite3.Connection, name: str, text: str | None) -> None:
    """Keep a text under a name in place of an earlier one; None removes it."""
    connection.execute("DELETE FROM kept WHERE name = ?", (name,))
    if text is not None:
        values = name, text, row_checksum(name, text)
        connection.execute("INSERT INTO kept (name, text, checksum) VALUES (?, ?, ?)", values)


def note_erased(writing: Writing, uid: str) -> None:
    """Keep the id of a subject or a sample that was erased, so that no backup brings it back."""
    writing.connection.execute("INSERT OR REPLACE INTO erased (uid, at) VALUES (?, ?)", (uid, time.time()))


def erase_subject(writing: Writing, uid: str) -> int:
    """Erase a subject with its templates; give their count."""
    place = place_of(writing.file, uid)
    count = erase(writing, "subject = ?", (place,))
    writing.connection.execute("DELETE FROM subject WHERE id = ?", (place,))
    note_erased(writing, uid)
    return count
