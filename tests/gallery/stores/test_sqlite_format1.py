"""Galleries of format 1: read as before, and raised in one step with a copy next to them."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from stat import S_IMODE

import numpy as np
import pytest

from mien.errors import GalleryError
from mien.gallery.gallery import Gallery
from mien.gallery.names import find_subject
from mien.gallery.records import Identity, KeptDoubt, NewTemplate
from mien.gallery.stores import sqlite_format1
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
    portrait = one.source, one.portrait.jpeg, one.portrait.landmarks.tobytes()
    connection.execute("INSERT INTO portrait VALUES (1, ?, ?, ?)", portrait)
    connection.commit()
    connection.close()
    return path


def samples(store: SqliteStore, name: str) -> list:
    return store.samples(find_subject(store, name).id)


def test_a_gallery_of_an_older_version_is_read_as_before(old: Path, template: Make) -> None:
    store = SqliteStore.open(str(old))
    assert [(row.name, row.templates, row.enrolled) for row in store.subjects()] == [("An", 1, 2.5)]
    assert np.array_equal(store.changes(0, 0).embeddings[0], template("An", 1).embedding)
    assert [(row.source, row.enrolled, row.doubts) for row in samples(store, "An")] == [("An-1.jpg", 2.5, ())]
    assert store.doubts(np.array([1])) == {} and store.read_kept("thresholds") is None
    assert "checksum" not in sqlite3.connect(old).execute("SELECT sql FROM sqlite_master").fetchone()[0]


def test_a_gallery_of_an_older_version_is_written_to_and_grows_checksums(old: Path, template: Make) -> None:
    reader, store = SqliteStore.open(str(old)), SqliteStore.open(str(old))
    doubts = (KeptDoubt("mask", 0.9),)
    one = template("Bình", 2)
    store.add([NewTemplate(one.subject, one.source_sha256, one.embedding, one.portrait, doubts=doubts)])
    store.write_kept("thresholds", "{}")
    for opened in (reader, store, SqliteStore.open(str(old))):
        assert [row.name for row in opened.subjects()] == ["An", "Bình"]
        assert [row.doubts for row in samples(opened, "Bình")] == [doubts]
        assert opened.read_kept("thresholds") == "{}"
    store.merge(find_subject(store, "Bình").id, find_subject(store, "An").id)
    assert (samples(reader, "An")[0].number, samples(reader, "An")[0].enrolled) == (1, 2.5)


CHECKED = """
ALTER TABLE gallery ADD COLUMN checksum INTEGER;
ALTER TABLE subject ADD COLUMN checksum INTEGER;
ALTER TABLE template ADD COLUMN enrolled REAL;
ALTER TABLE template ADD COLUMN doubts TEXT;
ALTER TABLE template ADD COLUMN checksum INTEGER;
ALTER TABLE portrait ADD COLUMN checksum INTEGER;
CREATE TABLE kept (name TEXT PRIMARY KEY, text TEXT NOT NULL, checksum INTEGER);
INSERT INTO kept (name, text) VALUES ('thresholds', '{}');
UPDATE template SET doubts = '[{"code": "mask", "value": 0.5}]', enrolled = 3.5;
"""
"""What later versions added to these tables."""


@pytest.fixture
def checked(old: Path) -> Path:
    """A gallery of format 1 with checksums."""
    connection = sqlite3.connect(old)
    connection.create_function("row_checksum", -1, row_checksum)
    connection.executescript(CHECKED)
    for table, columns in sqlite_format1.COVERED.items():
        connection.execute(f"UPDATE {table} SET checksum = row_checksum({', '.join(columns)})")
    connection.commit()
    connection.close()
    return old


def test_all_that_a_gallery_says_is_the_same_before_and_after_it_is_raised(checked: Path) -> None:
    def said(store: SqliteStore) -> list[object]:
        return [
            store.id,
            store.identity,
            store.subjects(),
            samples(store, "An"),
            store.subject_embeddings(find_subject(store, "An").id).tolist(),
            [(number, one and one.jpeg) for number, one in store.portraits()],
            store.read_kept("thresholds"),
            store.doubts(np.array([1])),
            store.change_number(),
        ]

    reader = SqliteStore.open(str(checked))
    before = said(reader)
    assert samples(reader, "An")[0].doubts == (KeptDoubt("mask", 0.5),) and samples(reader, "An")[0].enrolled == 3.5
    writer = SqliteStore.open(str(checked))
    writer.write_kept("other", "text")
    assert said(reader) == said(writer) == said(SqliteStore.open(str(checked))) == before
    copy = checked.with_name("old.gallery.format-1")
    assert S_IMODE(copy.stat().st_mode) == 0o600
    assert said(SqliteStore.open(str(copy))) == before, "the copy is the gallery as it was"
    for table, columns in COVERED.items():
        rows = writer._file.read(f"SELECT checksum, {', '.join(columns)} FROM {table}")
        assert rows and all(row[0] == row_checksum(*row[1:]) for row in rows), table


def test_numbers_go_on_after_the_last_template_was_removed(old: Path, template: Make) -> None:
    connection = sqlite3.connect(old)
    connection.execute("DELETE FROM template")
    connection.execute("INSERT INTO removed (template) VALUES (1)")
    connection.commit()
    connection.close()
    assert SqliteStore.open(str(old)).add([template("Bình", 2)]) == [2]


@pytest.mark.parametrize("table", ["subject", "template", "portrait", "kept"])
def test_a_damaged_gallery_is_not_raised(checked: Path, table: str, template: Make) -> None:
    column = {"subject": "name", "template": "source_sha256", "portrait": "source", "kept": "text"}[table]
    connection = sqlite3.connect(checked)
    connection.execute(f"UPDATE {table} SET {column} = 'changed'")
    connection.commit()
    connection.close()
    with pytest.raises(GalleryError, match=r"old\.gallery is damaged .* restore it from a backup"):
        SqliteStore.open(str(checked)).add([template("Bình", 2)])
    connection = sqlite3.connect(checked)
    assert connection.execute("SELECT format FROM gallery").fetchone() == (1,)
    assert connection.execute("SELECT count(*) FROM template").fetchone() == (1,)


def test_a_gallery_whose_copy_cannot_be_made_stays_as_it_is(
    checked: Path, template: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise OSError(28, "No space left on device", str(path))

    store = SqliteStore.open(str(checked))
    monkeypatch.setattr(sqlite_format1, "_copy", refuse)
    with pytest.raises(GalleryError, match=r"old\.gallery"):
        store.add([template("Bình", 2)])
    assert store.count() == 1 and store._file.read("SELECT format FROM gallery") == [(1,)]
    monkeypatch.undo()
    assert store.add([template("Bình", 2)]) == [2]


def test_whoever_is_erased_is_gone_from_the_copy_too(old: Path, template: Make) -> None:
    store = SqliteStore.open(str(old))
    store.add([template("Bình", 2)])
    copy = old.with_name("old.gallery.format-1")
    linked = old.with_name("link")
    os.link(copy, linked)
    assert template("An", 1).embedding.tobytes() in linked.read_bytes()
    store.remove(find_subject(store, "An").id)
    assert not copy.exists() and template("An", 1).embedding.tobytes() not in linked.read_bytes()


def test_a_gallery_of_format_1_is_searched(old: Path, template: Make) -> None:
    gallery = Gallery.open(old)
    found = gallery.search(template("An", 1).embedding[None], 1)[0][0]
    assert found.subject == "An" and found.subject_id == gallery.subjects()[0].id


def test_two_that_opened_a_gallery_of_an_older_version_go_on_after_one_of_them_raised_it(
    old: Path, template: Make
) -> None:
    first, second = SqliteStore.open(str(old)), SqliteStore.open(str(old))
    assert [row.name for row in second.subjects()] == ["An"]
    first.add([template("Binh", 2)])
    second.add([template("Chi", 3)])
    for store in (first, second):
        assert [row.name for row in store.subjects()] == ["An", "Binh", "Chi"]
        store.close()


def test_a_gallery_that_a_later_version_changed_while_it_was_open_is_left_alone(old: Path, template: Make) -> None:
    store = SqliteStore.open(str(old))
    store.add([template("Binh", 2)])
    later = sqlite3.connect(old)
    later.execute("UPDATE gallery SET format = 3")
    later.commit()
    before = later.execute("SELECT count(*) FROM template").fetchone()
    says = "has gallery format 3, and this mien reads 1 and 2: update mien"
    for use in (store.subjects, lambda: store.add([template("Chi", 3)]), lambda: store.changes(0, 0)):
        with pytest.raises(GalleryError, match=says):
            use()
    with pytest.raises(GalleryError, match=says):
        SqliteStore.open(str(old))
    assert later.execute("SELECT count(*) FROM template").fetchone() == before
    later.close()
    store.close()
