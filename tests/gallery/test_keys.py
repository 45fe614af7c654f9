"""Encrypted galleries: what is in their files, who can read them, and what erasing a key does to every copy."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.errors import GalleryError
from mien.gallery.backups import backup_gallery, restore_gallery
from mien.gallery.gallery import Gallery
from mien.gallery.keys import backup_keys, encrypt_gallery, restore_keys, rotate_master_key
from mien.gallery.profiles import Consent, Profile
from mien.gallery.records import Erasure, Identity, NewTemplate
from mien.gallery.stores import create_store, open_store
from mien.gallery.stores.key_file import ID, SLOT, WRAPPED, key_path
from mien.gallery.stores.sqlite import SqliteStore
from mien.gallery.stores.sqlite_backup import Restoration

pytest.importorskip("cryptography", reason="encrypted galleries need cryptography")

Make = Callable[[str, int], NewTemplate]
NAMES = ("Phạm Thị Hồng", "Bùi Văn Đức", "Trần Chi")
PASSPHRASE = "correct horse battery"


@pytest.fixture
def master(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MIEN_MASTER_KEY", "5a" * 32)
    return "5a" * 32


@pytest.fixture
def path(tmp_path: Path, identity: Identity, template: Make, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plain gallery of three people with two samples each."""

    def with_address(former: Profile) -> Profile:
        name = former.name
        return Profile(name, {"địa chỉ": f"nhà của {name}"}, Consent("vào cửa", 1.0, None, f"mẹ của {name}"))

    with monkeypatch.context() as plain:
        plain.delenv("MIEN_MASTER_KEY", raising=False)
        store = create_store(tmp_path / "g" / "people.gallery", identity)
    store.add([template(name, 10 * place + n) for place, name in enumerate(NAMES) for n in range(2)])
    for name in NAMES:
        store.change_subject(store.find(name)[0].id, with_address)
    store.close()
    return tmp_path / "g" / "people.gallery"


def secrets_of(name: str, template: Make) -> list[bytes]:
    """What may not be found of a person: in the order of NAMES, all that the fixture wrote."""
    place = NAMES.index(name)
    templates = [template(name, 10 * place + n) for n in range(2)]
    texts = [name, f"nhà của {name}", f"mẹ của {name}", *(str(one.source) for one in templates)]
    vectors = [one.embedding.tobytes() for one in templates]
    return [
        *(text.encode() for text in texts),
        *vectors,
        *(one.portrait.jpeg[:64] for one in templates if one.portrait),
    ]


def files_of(folder: Path) -> bytes:
    return b"".join(one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file())


def said(store: SqliteStore) -> list[object]:
    rows = store.subjects()
    return [
        rows,
        [store.samples(row.id) for row in rows],
        [store.subject_embeddings(row.id).tolist() for row in rows],
        [(number, one and (one.jpeg, one.landmarks.tolist())) for number, one in store.portraits()],
        store.changes(0, 0).embeddings.tolist(),
        store.first_templates(2),
        [store.has_source(row.id, "sha-10") for row in rows],
    ]


@pytest.mark.usefixtures("master")
def test_an_encrypted_gallery_says_what_the_plain_one_said_and_its_files_say_nothing(
    path: Path, template: Make
) -> None:
    plain = said(open_store(path))
    assert all(secret in files_of(path.parent) for name in NAMES for secret in secrets_of(name, template))
    encrypt_gallery(path)
    assert said(open_store(path)) == plain
    data = files_of(path.parent)
    assert not [secret for name in NAMES for secret in [*secrets_of(name, template), b"sha-10"] if secret in data]
    with pytest.raises(GalleryError, match="is encrypted already"):
        encrypt_gallery(path)


@pytest.mark.usefixtures("master")
def test_a_process_that_had_the_plain_gallery_open_writes_nothing_plain_into_it(path: Path, template: Make) -> None:
    before = open_store(path)
    encrypt_gallery(path)
    row = NAMES[0]
    for act in (
        lambda: before.add([template("Mới", 99)]),
        lambda: before.create_subject(Profile("Mới")),
        before.subjects,
        lambda: before.changes(0, 0),
        lambda: list(before.portraits()),
    ):
        with pytest.raises(GalleryError, match="was encrypted by another process: open it again"):
            act()
    assert before.find(row) == [] and open_store(path).count() == 6


def test_a_gallery_that_could_not_be_encrypted_is_not_left_plain(
    tmp_path: Path, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_MASTER_KEY", "5a" * 32)
    (tmp_path / "new.gallery.keys").write_bytes(b"of another gallery")
    with pytest.raises(GalleryError, match="belongs to another gallery"):
        create_store(tmp_path / "new.gallery", identity)
    assert not (tmp_path / "new.gallery").exists()


@pytest.mark.usefixtures("master")
def test_a_new_gallery_is_encrypted_where_there_is_a_master_key(
    tmp_path: Path, identity: Identity, template: Make
) -> None:
    store = create_store(tmp_path / "new.gallery", identity)
    store.add([template("Phạm Thị Hồng", 1)])
    assert store.is_encrypted and "Phạm".encode() not in files_of(tmp_path)
    found = Gallery(open_store(tmp_path / "new.gallery")).search(template("x", 1).embedding[None], 1)
    assert found[0][0].subject == "Phạm Thị Hồng"


def test_without_its_keys_a_gallery_is_refused_in_one_sentence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GalleryError, match="set MIEN_MASTER_KEY_FILE to the file of its master key"):
        encrypt_gallery(path)
    monkeypatch.setenv("MIEN_MASTER_KEY", "5a" * 32)
    encrypt_gallery(path)
    monkeypatch.setenv("MIEN_MASTER_KEY", "5b" * 32)
    with pytest.raises(GalleryError, match="the master key is not the one of"):
        open_store(path)
    monkeypatch.delenv("MIEN_MASTER_KEY")
    with pytest.raises(GalleryError, match=r"people\.gallery is encrypted: set MIEN_MASTER_KEY_FILE"):
        open_store(path)
    monkeypatch.setenv("MIEN_MASTER_KEY", "5a" * 32)
    keys = key_path(path).read_bytes()
    key_path(path).unlink()
    with pytest.raises(GalleryError, match="its keys cannot be read"):
        open_store(path)
    key_path(path).write_bytes(keys[: 3 * SLOT])
    with pytest.raises(GalleryError, match="older than the gallery"):
        open_store(path).subjects()


@pytest.mark.usefixtures("master")
def test_whoever_is_erased_is_unreadable_in_every_copy_that_was_made_before(
    path: Path, tmp_path: Path, template: Make
) -> None:
    encrypt_gallery(path)
    store = open_store(path)
    gone, kept = (store.find(name)[0].id for name in NAMES[:2])
    backup_gallery(path, tmp_path / "backup")
    slots = key_path(path).read_bytes()
    wrapped = next(slots[n : n + SLOT] for n in range(0, len(slots), SLOT) if slots[n : n + ID].hex() == gone)[
        WRAPPED
    ]
    assert store.remove(gone) == Erasure(2, "erased", "emptied")
    data = files_of(tmp_path)
    assert wrapped not in data
    assert not [secret for secret in secrets_of(NAMES[0], template) if secret in data]
    store.close()
    for one in path.parent.glob("people.gallery*"):
        if one != key_path(path):
            one.unlink()
    assert restore_gallery(tmp_path / "backup", path) == Restoration(subjects=2, samples=4, erased=3)
    again = open_store(path)
    assert [row.name for row in again.subjects()] == [NAMES[1], NAMES[2]] and again.subject(kept).templates == 2
    assert gone not in {row.id for row in again.subjects()} and again.count() == 4


@pytest.mark.usefixtures("master")
def test_rows_of_a_process_that_died_while_it_erased_are_gone(path: Path) -> None:
    encrypt_gallery(path)
    store = open_store(path)
    gone = store.find(NAMES[0])[0].id
    sample = store.samples(store.find(NAMES[1])[0].id)[0].id
    watching = open_store(path)
    store._vault.erase(gone), store._vault.erase(sample)
    assert NAMES[0] not in [row.name for row in watching.subjects()] and len(watching.owners(np.arange(1, 7))) == 4
    assert not watching.changes(0, 0).embeddings[:2].any(), "its vectors are zeros for whoever still has its rows"
    assert Gallery(watching).search(np.zeros((1, 16), np.float32), 5) and watching.count() == 6
    assert open_store(path).count() == 3


@pytest.mark.usefixtures("master")
def test_a_value_in_the_place_of_another_is_refused(path: Path) -> None:
    encrypt_gallery(path)
    store = open_store(path)
    rows = store._file.read("SELECT id, embedding FROM template ORDER BY id LIMIT 2")
    from mien.gallery.stores.sqlite_schema import stamp

    with store._file.write() as connection:
        for number, other in ((rows[0][0], rows[1][1]), (rows[1][0], rows[0][1])):
            connection.execute("UPDATE template SET embedding = ? WHERE id = ?", (other, number))
        stamp(connection, "template", "true", ())
    with pytest.raises(GalleryError, match="an embedding is not what was encrypted"):
        open_store(path).changes(0, 0)


def test_a_master_key_is_exchanged_in_one_step(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: Make
) -> None:
    monkeypatch.setenv("MIEN_MASTER_KEY", "5a" * 32)
    with pytest.raises(GalleryError, match="is not encrypted: `mien gallery encrypt"):
        rotate_master_key(path, tmp_path / "new.key")
    encrypt_gallery(path)
    before = said(open_store(path))
    (tmp_path / "new.key").write_text("5c" * 32)
    rotate_master_key(path, tmp_path / "new.key")
    with pytest.raises(GalleryError, match="the master key is not the one of"):
        open_store(path)
    monkeypatch.setenv("MIEN_MASTER_KEY", "5c" * 32)
    assert said(open_store(path)) == before


@pytest.mark.usefixtures("master")
def test_lost_keys_come_back_from_their_own_backup_and_erased_ones_do_not(path: Path, tmp_path: Path) -> None:
    encrypt_gallery(path)
    store = open_store(path)
    assert backup_keys(path, tmp_path / "keys", PASSPHRASE, days=1) == 3
    store.remove(store.find(NAMES[0])[0].id)
    before = said(store)
    store.close()
    key_path(path).unlink()
    with pytest.raises(GalleryError, match="the passphrase is wrong"):
        restore_keys(tmp_path / "keys", path, "another passphrase")
    assert restore_keys(tmp_path / "keys", path, PASSPHRASE) == 2
    again = open_store(path)
    assert said(again) == before and again.find(NAMES[0]) == []
    assert restore_keys(tmp_path / "keys", path, PASSPHRASE) == 0


@pytest.mark.usefixtures("master")
def test_keys_of_another_gallery_are_not_taken(path: Path, tmp_path: Path, identity: Identity) -> None:
    encrypt_gallery(path)
    backup_keys(path, tmp_path / "keys", PASSPHRASE, days=1)
    create_store(tmp_path / "other.gallery", identity)
    with pytest.raises(GalleryError, match="the keys of another gallery"):
        restore_keys(tmp_path / "keys", tmp_path / "other.gallery", PASSPHRASE)


@pytest.mark.usefixtures("master")
def test_an_enrolment_that_was_acknowledged_has_its_key_after_kill_9(tmp_path: Path, identity: Identity) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); from test_sqlite import *\n"
        "s = SqliteStore.create(sys.argv[1], IDENTITY)\n"
        "for n in range(10**6):\n    s.add([template(f'p{n}', n)]); print(n, flush=True)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "g"), str(Path(__file__).parent / "stores")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    acknowledged = [int(process.stdout.readline()) for _ in range(15)]
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    store = open_store(tmp_path / "g")
    assert {f"p{n}" for n in acknowledged} <= {row.name for row in store.subjects()}
    assert np.isfinite(store.changes(0, 0).embeddings).all()


@pytest.mark.usefixtures("master")
def test_a_subject_that_was_erased_meanwhile_gets_nothing(path: Path, template: Make) -> None:
    encrypt_gallery(path)
    store = open_store(path)
    gone = store.find(NAMES[0])[0].id
    store._vault.erase(gone)
    with pytest.raises(GalleryError, match="was erased"):
        store.add([replace(template("x", 99), owner=gone)])
