"""Encrypts a gallery that was plain: all personal fields, in one transaction that is open already. Opens nothing."""

from __future__ import annotations

from mien.gallery.stores.sqlite_changes import Writing
from mien.gallery.stores.sqlite_rows import text_of
from mien.gallery.stores.sqlite_schema import stamp
from mien.gallery.stores.vault import EMBEDDING

BLOCK = 1000
"""Rows that are read at a time."""


def encrypt_rows(writing: Writing) -> None:
    """Give every subject a key, and put encrypted values in the place of plain ones."""
    for place, uid, name, metadata, consent in writing.file.read_intact(
        "id, uid, name, metadata, consent", "FROM subject", "subject"
    ):
        writing.vault.make(uid)
        opener = writing.vault.opener()
        fields = (
            opener.seal(uid, uid, *field) for field in (("name", name), ("metadata", metadata), ("consent", consent))
        )
        with writing.file.decoding():
            lookup = writing.vault.lookup("name", text_of(name))
        writing.connection.execute(
            "UPDATE subject SET lookup = ?, name = ?, metadata = ?, consent = ? WHERE id = ?",
            (lookup, *fields, place),
        )
    stamp(writing.connection, "subject", "true", ())
    _encrypt_templates(writing)
    _encrypt_portraits(writing)


def _encrypt_templates(writing: Writing) -> None:
    last = 0
    source = "FROM template JOIN subject ON subject.id = template.subject WHERE template.id > ? ORDER BY template.id"
    columns = "template.id, subject.uid, template.uid, source_sha256, source, embedding"
    while rows := writing.file.read_intact(columns, f"{source} LIMIT {BLOCK}", "template", (last,)):
        opener = writing.vault.opener()
        for number, owner, uid, sha256, path, embedding in rows:
            values = writing.vault.lookup("source", sha256), opener.seal(owner, uid, "source", path)
            writing.connection.execute(
                "UPDATE template SET source_sha256 = ?, source = ?, embedding = ? WHERE id = ?",
                (*values, opener.seal(owner, uid, EMBEDDING, embedding), number),
            )
            last = number
    stamp(writing.connection, "template", "true", ())


def _encrypt_portraits(writing: Writing) -> None:
    last = 0
    source = (
        "FROM portrait JOIN template ON template.id = portrait.template "
        "JOIN subject ON subject.id = template.subject WHERE template.id > ? ORDER BY template.id"
    )
    columns = "template.id, subject.uid, template.uid, jpeg, landmarks"
    while rows := writing.file.read_intact(columns, f"{source} LIMIT {BLOCK}", "portrait", (last,)):
        opener = writing.vault.opener()
        for number, owner, uid, jpeg, landmarks in rows:
            writing.connection.execute(
                "UPDATE portrait SET jpeg = ?, landmarks = ? WHERE template = ?",
                (opener.seal(owner, uid, "jpeg", jpeg), opener.seal(owner, uid, "landmarks", landmarks), number),
            )
            last = number
    stamp(writing.connection, "portrait", "true", ())
