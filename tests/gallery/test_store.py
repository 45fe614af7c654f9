"""The gallery file: durable, shared between processes, and erasable for good."""

import os
import signal
import sqlite3
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from mien.errors import ContractError, GalleryError, SubjectNotFoundError
from mien.gallery import store as module
from mien.gallery.records import Identity, NewTemplate, Portrait
from mien.gallery.store import GalleryStore

IDENTITY = Identity("contract-a", "model-a", "l2", 16)


def template(subject: str, number: int) -> NewTemplate:
    """A template whose vector and portrait can be found again in raw bytes."""
    vector = np.random.default_rng(number).normal(size=16).astype(np.float32)
    portrait = Portrait(
        f"{subject}-{number}.jpg", b"portrait-%04d-" % number * 400, np.full((5, 2), number, np.float32)
    )
    return NewTemplate(subject, f"sha-{number}", vector, portrait)


@pytest.fixture
def store(tmp_path: Path) -> GalleryStore:
    return GalleryStore.create(tmp_path / "people.gallery", IDENTITY)


def files_of(store: GalleryStore) -> bytes:
    return b"".join(path.read_bytes() for path in store.path.parent.iterdir())


def test_the_settings_that_durability_rests_on(store: GalleryStore) -> None:
    pragmas = {
        name: store._read(f"PRAGMA {name}")[0][0]
        for name in ("journal_mode", "synchronous", "secure_delete", "page_size")
    }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "page_size": 16384}


def test_what_is_added_can_be_read_again(store: GalleryStore) -> None:
    new = [template("An", 1), template("An", 2), template("Bình", 3)]
    assert store.add(new) == [1, 2, 3]
    again = GalleryStore.open(store.path)
    assert again.identity == IDENTITY
    assert [(row.name, row.templates) for row in again.subjects()] == [("An", 2), ("Bình", 1)]
    assert np.array_equal(again.embeddings(np.array([3, 1])), np.stack([new[2].embedding, new[0].embedding]))
    assert again.owners(np.array([1, 3])) == {1: "An", 3: "Bình"}
    portraits = dict(again.portraits())
    assert portraits[2].jpeg == new[1].portrait.jpeg and np.array_equal(
        portraits[2].landmarks, new[1].portrait.landmarks
    )
    assert np.isnan(again.embeddings(np.array([99]))).all()


def test_the_same_source_is_enrolled_once(store: GalleryStore) -> None:
    assert store.add([template("An", 1), template("An", 1)]) == [1, None]
    assert store.has_source("An", "sha-1") and not store.has_source("Bình", "sha-1")
    assert store.add([template("Bình", 1)]) != [None]


def test_one_person_has_one_name_in_both_normal_forms(store: GalleryStore) -> None:
    name = "Nguyễn Thị Hồng"
    store.add([template(unicodedata.normalize("NFD", name), 1), template(unicodedata.normalize("NFC", name), 2)])
    assert [(row.name, row.templates) for row in store.subjects()] == [(unicodedata.normalize("NFC", name), 2)]
    assert store.remove(unicodedata.normalize("NFD", name)) == 2


@pytest.mark.parametrize("name", ["", "   ", "\n"])
def test_a_subject_needs_a_name(store: GalleryStore, name: str) -> None:
    with pytest.raises(GalleryError, match="needs a name"):
        store.add([template(name, 1)])


def test_a_failed_batch_leaves_nothing(store: GalleryStore) -> None:
    with pytest.raises(GalleryError):
        store.add([template("An", 1), template("", 2)])
    assert store.subjects() == []


def test_removal_erases_vectors_portraits_and_traces(store: GalleryStore) -> None:
    kept, gone = [template("An", n) for n in range(1, 20)], [template("Bình", n) for n in range(100, 140)]
    store.add([item for pair in zip(kept, gone, strict=False) for item in pair] + gone[19:])
    secrets = (
        [item.embedding.tobytes() for item in gone] + [item.portrait.jpeg[:200] for item in gone] + ["Bình".encode()]
    )
    before = files_of(store)
    assert all(secret in before for secret in secrets)
    assert store.remove("Bình") == 40
    after = files_of(store)
    assert not [secret for secret in secrets if secret in after]
    assert all(item.embedding.tobytes() in after for item in kept)
    assert Path(f"{store.path}-wal").stat().st_size == 0
    with pytest.raises(SubjectNotFoundError, match="no subject 'Bình'"):
        store.remove("Bình")


def test_removal_under_a_reader_says_how_to_finish(store: GalleryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.add([template("An", 1), template("Bình", 2)])
    reader = sqlite3.connect(store.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM template").fetchone()
    monkeypatch.setattr(module, "PATIENCE_WITH_READERS", 0)
    with pytest.raises(GalleryError, match="traces remain"):
        store.remove("Bình")
    reader.close()
    assert [row.name for row in store.subjects()] == ["An"]
    assert store.empty_log()
    assert template("Bình", 2).embedding.tobytes() not in files_of(store)


def test_changes_tell_what_happened_since(store: GalleryStore) -> None:
    store.add([template("An", 1), template("Bình", 2)])
    first = store.changes(0, 0)
    assert first.ids.tolist() == [1, 2] and first.removed.tolist() == []
    other = GalleryStore.open(store.path)
    other.add([template("Chi", 3)])
    other.remove("An")
    second = store.changes(2, first.last_removal)
    assert second.ids.tolist() == [3] and second.removed.tolist() == [1]
    third = store.changes(3, second.last_removal)
    assert len(third.ids) == len(third.removed) == 0


def test_two_processes_write_at_the_same_time(store: GalleryStore) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[3]); from test_store import *;"
        "s = GalleryStore.open(Path(sys.argv[1])); start = int(sys.argv[2]);"
        "[s.add([template(f'p{start}', start + n)]) for n in range(40)]"
    )
    command = [sys.executable, "-c", code, str(store.path)]
    folder = str(Path(__file__).parent)
    running = [subprocess.Popen([*command, str(start), folder]) for start in (1000, 2000)]
    assert [process.wait() for process in running] == [0, 0]
    assert [(row.name, row.templates) for row in store.subjects()] == [("p1000", 40), ("p2000", 40)]


def test_an_acknowledged_enrolment_survives_kill_9(store: GalleryStore) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); from test_store import *;"
        "s = GalleryStore.open(Path(sys.argv[1]));\n"
        "for n in range(10**6):\n    s.add([template('p', n)]); print(n, flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(store.path), str(Path(__file__).parent)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    acknowledged = [int(process.stdout.readline()) for _ in range(25)]
    os.kill(process.pid, signal.SIGKILL)
    rest = process.communicate()[0]
    acknowledged += [int(line) for line in rest.splitlines(keepends=True) if line.endswith(b"\n")]
    again = GalleryStore.open(store.path)
    assert len(acknowledged) >= 25 and all(again.has_source("p", f"sha-{n}") for n in acknowledged)


def test_another_models_gallery_is_refused_with_the_command(store: GalleryStore) -> None:
    with pytest.raises(ContractError, match=r"mien reenrol .*people.gallery --recognizer model-b"):
        GalleryStore.create(store.path, Identity("contract-b", "model-b", "cosine", 16))


def test_what_is_no_gallery_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="there is no gallery"):
        GalleryStore.open(tmp_path / "missing")
    with pytest.raises(GalleryError, match="is a folder"):
        GalleryStore.create(tmp_path, IDENTITY)
    (tmp_path / "text").write_text("not a database at all " * 100)
    with pytest.raises(GalleryError, match="is no gallery"):
        GalleryStore.open(tmp_path / "text")
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t (x)").connection.close()
    with pytest.raises(GalleryError, match="not a gallery of mien"):
        GalleryStore.open(tmp_path / "other.db")


def test_embeddings_are_exchanged_in_one_step(store: GalleryStore) -> None:
    store.add([template("An", 1), template("Bình", 2)])
    new = Identity("contract-b", "model-b", "cosine", 4)
    with pytest.raises(GalleryError, match="run the command again"):
        store.replace_embeddings(new, {1: np.ones(4, np.float32)})
    assert store.current_identity() == IDENTITY
    store.replace_embeddings(new, {n: np.full(4, n, np.float32) for n in (1, 2)})
    again = GalleryStore.open(store.path)
    assert again.identity == new and again.embeddings(np.array([2])).tolist() == [[2, 2, 2, 2]]
    assert template("An", 1).embedding.tobytes() not in files_of(store)
