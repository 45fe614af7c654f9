"""Checksums of rows, and galleries of older versions that have none."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien.errors import GalleryError
from mien.gallery.records import Identity, KeptDoubt, NewTemplate
from mien.gallery.stores.sqlite import SqliteStore
from mien.gallery.stores.sqlite_schema import APPLICATION_ID, COVERED, row_checksum

Make = Callable[[str, int], NewTemplate]

OLD = """
CREATE TABLE gallery (format INTEGER, contract TEXT, model TEXT, metric TEXT, dimension INTEGER, created REAL);
CREATE TABLE subject (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, enrolled REAL NOT NULL);
CREATE TABLE template (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subject INTEGER NOT NULL REFERENCES subject(id) ON DELETE CASCADE,
    source_sha256 TEXT NOT NULL,
    embedding BLOB NOT NULL
);
CREATE UNIQUE INDEX template_source ON template(subject, source_sha256);
CREATE TABLE portrait (
    template INTEGER PRIMARY KEY REFERENCES template(id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    jpeg BLOB NOT NULL,
    landmarks BLOB NOT NULL
);
CREATE TABLE removed (number INTEGER PRIMARY KEY AUTOINCREMENT, template INTEGER NOT NULL);
"""
"""The tables of 0.5."""


@pytest.fixture
def old(tmp_path: Path, identity: Identity, template: Make) -> Path:
    """A gallery as 0.5 made it, with one template."""
    path = tmp_path / "old.gallery"
    one = template("An", 1)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.executescript(OLD)
    columns = identity.contract, identity.model, identity.metric, identity.dimension
    connection.execute("INSERT INTO gallery VALUES (1, ?, ?, ?, ?, 1.5)", columns)
    connection.execute("INSERT INTO subject VALUES (1, 'An', 2.5)")
    connection.execute("INSERT INTO template VALUES (1, 1, 'sha-1', ?)", (one.embedding.tobytes(),))
    portrait = one.portrait.source, one.portrait.jpeg, one.portrait.landmarks.tobytes()
    connection.execute("INSERT INTO portrait VALUES (1, ?, ?, ?)", portrait)
    connection.commit()
    connection.close()
    return path


def test_a_gallery_of_an_older_version_is_read_as_before(old: Path, template: Make) -> None:
    store = SqliteStore.open(str(old))
    assert [(row.name, row.templates, row.enrolled) for row in store.subjects()] == [("An", 1, 2.5)]
    assert np.array_equal(store.changes(0, 0).embeddings[0], template("An", 1).embedding)
    assert [(row.source, row.enrolled, row.doubts) for row in store.samples("An")] == [("An-1.jpg", 2.5, ())]
    assert store.doubts(np.array([1])) == {} and store.read_kept("thresholds") is None
    assert "checksum" not in sqlite3.connect(old).execute("SELECT sql FROM sqlite_master").fetchone()[0]


def test_a_gallery_of_an_older_version_is_written_to_and_grows_checksums(old: Path, template: Make) -> None:
    reader, store = SqliteStore.open(str(old)), SqliteStore.open(str(old))
    doubts = (KeptDoubt("mask", 0.9),)
    one = template("Bình", 2)
    store.add([NewTemplate(one.subject, one.source_sha256, one.embedding, one.portrait, doubts)])
    store.write_kept("thresholds", "{}")
    for opened in (reader, store, SqliteStore.open(str(old))):
        assert [row.name for row in opened.subjects()] == ["An", "Bình"]
        assert [row.doubts for row in opened.samples("Bình")] == [doubts]
        assert opened.read_kept("thresholds") == "{}"
    store.merge("Bình", "An")
    assert (reader.samples("An")[0].number, reader.samples("An")[0].enrolled) == (1, 2.5)


def test_every_row_that_is_written_has_its_checksum(tmp_path: Path, identity: Identity, template: Make) -> None:
    store = SqliteStore.create(str(tmp_path / "people.gallery"), identity)
    store.add([template("An", 1), template("An", 2), template("Bình", 3), template("Chi", 3)])
    store.write_kept("thresholds", "{}")
    store.rename("An", "Ân")
    store.merge("Bình", "Chi")
    store.replace_embeddings(identity, {n: np.ones(16, np.float32) for n in (1, 2, 4)})
    for table, columns in COVERED.items():
        rows = store._file.read(f"SELECT checksum, {', '.join(columns)} FROM {table}")
        assert rows and all(row[0] == row_checksum(*row[1:]) for row in rows), table


CHANGES = {
    "name": "UPDATE subject SET name = 'Ân'",
    "embedding": "UPDATE template SET embedding = zeroblob(64)",
    "owner": "UPDATE template SET subject = 2 WHERE id = 1",
    "doubts": "UPDATE template SET doubts = NULL",
    "portrait": "UPDATE portrait SET jpeg = x'00'",
    "thresholds": """UPDATE kept SET text = '{"rows": 1}'""",
    "model": "UPDATE gallery SET dimension = 8",
    "not a number": "UPDATE template SET checksum = NULL, embedding = x'" + "0000c07f" * 16 + "'",
    "no portrait": "DELETE FROM portrait",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_row_is_an_error_and_no_wrong_answer(
    tmp_path: Path, identity: Identity, template: Make, change: str
) -> None:
    store = SqliteStore.create(str(tmp_path / "people.gallery"), identity)
    one = template("An", 1)
    doubts = (KeptDoubt("mask", 0.9),)
    store.add([NewTemplate("An", "sha-1", one.embedding, one.portrait, doubts), template("Bình", 2)])
    store.write_kept("thresholds", "{}")
    store.close()
    connection = sqlite3.connect(store.path)
    connection.execute(CHANGES[change].replace("'Ân'", "name || 'x'"))
    connection.commit()
    connection.close()

    def read_all() -> None:
        opened = SqliteStore.open(store.address)
        opened.subjects(), opened.subject_embeddings("An"), opened.owners(np.array([1, 2]))
        opened.doubts(np.array([1])), list(opened.portraits()), opened.read_kept("thresholds")

    with pytest.raises(GalleryError, match=r"people\.gallery is damaged .*: restore it from a backup"):
        read_all()


def test_portraits_of_a_damaged_gallery_end(
    tmp_path: Path, identity: Identity, template: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore.create(str(tmp_path / "people.gallery"), identity)
    store.add([template("An", 1)])
    read = store._file.read_intact

    def circle(columns: str, source: str, tables: str, values: tuple[object, ...]) -> list[tuple[object, ...]]:
        return [(0, *row[1:]) for row in read(columns, source, tables, values)]

    monkeypatch.setattr(store._file, "read_intact", circle)
    with pytest.raises(GalleryError, match="not in the order of their ids"):
        list(store.portraits())
