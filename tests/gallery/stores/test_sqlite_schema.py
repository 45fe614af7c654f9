"""Checksums of rows: a row that was changed is refused."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien.errors import GalleryError
from mien.gallery.names import find_subject
from mien.gallery.profiles import Consent, Profile
from mien.gallery.records import Identity, KeptDoubt, NewTemplate
from mien.gallery.stores.sqlite import SqliteStore
from mien.gallery.stores.sqlite_schema import COVERED, row_checksum

Make = Callable[[str, int], NewTemplate]


def id_of(store: SqliteStore, name: str) -> str:
    return find_subject(store, name).id


def test_every_row_that_is_written_has_its_checksum(tmp_path: Path, identity: Identity, template: Make) -> None:
    store = SqliteStore.create(str(tmp_path / "people.gallery"), identity)
    store.add([template("An", 1), template("An", 2), template("Bình", 3), template("Chi", 3)])
    store.write_kept("thresholds", "{}")
    store.change_subject(id_of(store, "An"), lambda _: Profile("Ân", {"a": 1}, Consent("door", 1.0)))
    store.merge(id_of(store, "Bình"), id_of(store, "Chi"))
    store.replace_embeddings(identity, {n: np.ones(16, np.float32) for n in (1, 2, 4)})
    for table, columns in COVERED.items():
        rows = store._file.read(f"SELECT checksum, {', '.join(columns)} FROM {table}")
        assert rows and all(row[0] == row_checksum(*row[1:]) for row in rows), table


CHANGES = {
    "name": "UPDATE subject SET name = 'Ân'",
    "looked up": "UPDATE subject SET lookup = 'Ân'",
    "id": "UPDATE template SET uid = 'x' WHERE id = 1",
    "metadata": "UPDATE subject SET metadata = '{}'",
    "state": "UPDATE subject SET state = 'suspended'",
    "embedding": "UPDATE template SET embedding = zeroblob(64)",
    "owner": "UPDATE template SET subject = 2 WHERE id = 1",
    "doubts": "UPDATE template SET doubts = NULL",
    "portrait": "UPDATE portrait SET jpeg = x'00'",
    "thresholds": """UPDATE kept SET text = '{"rows": 1}'""",
    "model": "UPDATE gallery SET dimension = 8",
    "not a number": "UPDATE template SET checksum = NULL, embedding = x'" + "0000c07f" * 16 + "'",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_row_is_an_error_and_no_wrong_answer(
    tmp_path: Path, identity: Identity, template: Make, change: str
) -> None:
    store = SqliteStore.create(str(tmp_path / "people.gallery"), identity)
    one = template("An", 1)
    doubts = (KeptDoubt("mask", 0.9),)
    store.add([NewTemplate("An", "sha-1", one.embedding, one.portrait, doubts=doubts), template("Bình", 2)])
    store.write_kept("thresholds", "{}")
    store.close()
    connection = sqlite3.connect(store.path)
    connection.execute(CHANGES[change].replace("'Ân'", "name || 'x'"))
    connection.commit()
    connection.close()

    def read_all() -> None:
        opened = SqliteStore.open(store.address)
        opened.subjects(), opened.subject_embeddings(id_of(opened, "An")), opened.owners(np.array([1, 2]))
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
