"""Backups of a gallery while others work, and what they bring back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from stat import S_IMODE

import numpy as np
import pytest

from mien.errors import GalleryError
from mien.gallery.backups import backup_gallery, restore_gallery
from mien.gallery.gallery import Gallery
from mien.gallery.profiles import Profile
from mien.gallery.records import Identity, NewTemplate
from mien.gallery.stores import create_store, open_store
from mien.gallery.stores.sqlite_backup import Restoration

Make = Callable[[str, int], NewTemplate]


@pytest.fixture
def path(tmp_path: Path, identity: Identity, template: Make) -> Path:
    store = create_store(tmp_path / "people.gallery", identity)
    store.add([template("An", 1), template("An", 2), template("Bình", 3)])
    store.close()
    return tmp_path / "people.gallery"


def test_a_backup_becomes_a_gallery_where_there_is_none(path: Path, tmp_path: Path) -> None:
    backup_gallery(path, tmp_path / "backup")
    before, files = open_store(path).subjects(), {one.name for one in tmp_path.iterdir()}
    assert S_IMODE((tmp_path / "backup").stat().st_mode) == 0o600
    assert restore_gallery(tmp_path / "backup", tmp_path / "new.gallery") == Restoration(2, 3, 0)
    assert open_store(tmp_path / "new.gallery").subjects() == before
    assert {one.name for one in tmp_path.iterdir()} - files <= {f"new.gallery{end}" for end in ("", "-wal", "-shm")}


def test_only_what_the_gallery_lacks_comes_back_and_nobody_who_was_erased(
    path: Path, tmp_path: Path, template: Make
) -> None:
    backup_gallery(path, tmp_path / "backup")
    store = open_store(path)
    an, binh = (store.find(name)[0].id for name in ("An", "Bình"))
    store.remove(binh)
    sample = store.samples(an)[0].id
    store.remove_sample(sample)
    store.change_subject(an, lambda _: Profile("An Nguyễn"))
    store.add([template("Chi", 4)])
    assert restore_gallery(tmp_path / "backup", path) == Restoration(0, 0, 2)
    assert [(row.name, row.templates) for row in store.subjects()] == [("An Nguyễn", 1), ("Chi", 1)]


def test_rows_that_were_lost_come_back_with_their_ids_and_are_found(
    path: Path, tmp_path: Path, template: Make
) -> None:
    gallery = Gallery(open_store(path))
    before = gallery.store.subjects()
    backup_gallery(path, tmp_path / "backup")
    gallery.search(template("x", 1).embedding[None])
    with gallery.store._file.write() as connection:  # type: ignore[attr-defined]
        connection.execute("INSERT INTO removed (template) SELECT id FROM template WHERE id > 1")
        connection.execute("DELETE FROM template WHERE id > 1")
        connection.execute("DELETE FROM subject WHERE name = 'Bình'")
    assert restore_gallery(tmp_path / "backup", path) == Restoration(1, 2, 0)
    assert gallery.store.subjects() == before
    found = gallery.search(np.stack([template("x", number).embedding for number in (1, 2, 3)]), 1)
    assert [row[0].subject for row in found] == ["An", "An", "Bình"], "an index that is open takes them"
    assert [one and one.jpeg for _, one in gallery.store.portraits()] == [
        one.portrait.jpeg for one in (template("x", n) for n in (1, 2, 3)) if one.portrait
    ]


def test_a_backup_is_made_and_restored_while_others_write(path: Path, tmp_path: Path, template: Make) -> None:
    def write(start: int) -> None:
        store = open_store(path)
        for number in range(start, start + 30):
            store.add([template(f"p{number}", number)])

    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(write, 100)
        for number in range(4):
            backup_gallery(path, tmp_path / f"backup-{number}")
            restore_gallery(tmp_path / f"backup-{number}", path)
        writing.result(60)
    assert open_store(path).count() == 33
    for number in range(4):
        held = open_store(tmp_path / f"backup-{number}")
        assert {row.templates for row in held.subjects()} <= {1, 2} and held.count() >= 3


def test_a_backup_of_another_gallery_or_model_is_refused(
    path: Path, tmp_path: Path, identity: Identity, template: Make
) -> None:
    other = create_store(tmp_path / "other.gallery", identity)
    backup_gallery(path, tmp_path / "backup")
    with pytest.raises(GalleryError, match="but of another gallery"):
        restore_gallery(tmp_path / "backup", tmp_path / "other.gallery")
    assert other.count() == 0
    store = open_store(path)
    store.replace_embeddings(Identity("b", "model-b", "cosine", 4), {n: np.ones(4, np.float32) for n in (1, 2, 3)})
    with pytest.raises(GalleryError, match=r"holds embeddings of model-a .* of model-b"):
        restore_gallery(tmp_path / "backup", path)
    with pytest.raises(GalleryError, match="there is no backup"):
        restore_gallery(tmp_path / "missing", path)
    with pytest.raises(GalleryError, match="exists already"):
        backup_gallery(path, tmp_path / "backup")
    (tmp_path / "text").write_text("no gallery at all " * 500)
    with pytest.raises(GalleryError, match="is not a gallery"):
        restore_gallery(tmp_path / "text", tmp_path / "new.gallery")
    assert not (tmp_path / "new.gallery").exists()


def test_a_plain_backup_is_not_mixed_with_an_encrypted_gallery(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cryptography", reason="encrypted galleries need cryptography")
    from mien.gallery.keys import encrypt_gallery

    backup_gallery(path, tmp_path / "backup")
    monkeypatch.setenv("MIEN_MASTER_KEY", "5a" * 32)
    encrypt_gallery(path)
    with pytest.raises(GalleryError, match=r"was made before .* was encrypted"):
        restore_gallery(tmp_path / "backup", path)


def test_other_databases_make_their_own_backups(memory_store: type, identity: Identity, tmp_path: Path) -> None:
    create_store("memory://people", identity)
    with pytest.raises(GalleryError, match="with the tools of its database"):
        backup_gallery("memory://people", tmp_path / "backup")
