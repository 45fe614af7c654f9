"""The gallery file: durable, shared between processes, and erasable for good. What all stores do: test_base.py."""

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from unicodedata import normalize

import numpy as np
import pytest

from mien.errors import GalleryError, SubjectNotFoundError
from mien.gallery.names import find_subject
from mien.gallery.people import list_subjects
from mien.gallery.profiles import Profile
from mien.gallery.records import Erasure, Identity, NewTemplate, Portrait
from mien.gallery.stores import sqlite_file as module
from mien.gallery.stores.sqlite import SqliteStore

IDENTITY = Identity("contract-a", "model-a", "l2", 16)


def template(subject: str, number: int) -> NewTemplate:
    """A template whose vector and portrait can be found again in raw bytes."""
    vector = np.random.default_rng(number).normal(size=16).astype(np.float32)
    portrait = Portrait(b"portrait-%04d-" % number * 400, np.full((5, 2), number, np.float32))
    return NewTemplate(subject, f"sha-{number}", vector, portrait, source=f"{subject}-{number}.jpg")


def id_of(store: SqliteStore, name: str) -> str:
    return find_subject(store, name).id


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore.create(str(tmp_path / "people.gallery"), IDENTITY)


def files_of(store: SqliteStore) -> bytes:
    return b"".join(path.read_bytes() for path in store.path.parent.iterdir())


def test_the_settings_that_durability_rests_on(store: SqliteStore) -> None:
    pragmas = {
        name: store._file.read(f"PRAGMA {name}")[0][0]
        for name in ("journal_mode", "synchronous", "secure_delete", "page_size")
    }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "page_size": 16384}


def test_a_failed_batch_leaves_nothing(store: SqliteStore) -> None:
    broken = replace(template("Bình", 2), portrait=Portrait(object(), np.zeros((5, 2), np.float32)))  # type: ignore[arg-type]
    with pytest.raises(GalleryError, match="cannot be written"):
        store.add([template("An", 1), broken])
    assert store.subjects() == [] and store.count() == 0
    store.add([template("An", 1)])
    assert [row.name for row in SqliteStore.open(store.address).subjects()] == ["An"]


def test_removal_erases_vectors_portraits_and_traces(store: SqliteStore) -> None:
    kept, gone = [template("An", n) for n in range(1, 20)], [template("Bình", n) for n in range(100, 140)]
    store.add([item for pair in zip(kept, gone, strict=False) for item in pair] + gone[19:])
    secrets = (
        [item.embedding.tobytes() for item in gone] + [item.portrait.jpeg[:200] for item in gone] + ["Bình".encode()]
    )
    before = files_of(store)
    assert all(secret in before for secret in secrets)
    assert store.remove(id_of(store, "Bình")) == Erasure(40, "none", "emptied")
    after = files_of(store)
    assert not [secret for secret in secrets if secret in after]
    assert all(item.embedding.tobytes() in after for item in kept)
    assert Path(f"{store.path}-wal").stat().st_size == 0
    with pytest.raises(SubjectNotFoundError, match="no subject 'Bình'"):
        id_of(store, "Bình")


def test_removal_under_a_reader_says_what_is_pending_and_the_next_list_finishes_it(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add([template("An", 1), template("Bình", 2), template("Chi", 3)])
    reader = sqlite3.connect(store.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM template").fetchone()
    monkeypatch.setattr(module, "PATIENCE_WITH_READERS", 0)
    assert store.remove(id_of(store, "Bình")) == Erasure(1, "none", "pending")
    assert [row.name for row in store.subjects()] == ["An", "Chi"] and store.traces_remain()
    assert template("Bình", 2).embedding.tobytes() in files_of(store)
    assert SqliteStore.open(store.address).remove(id_of(store, "Chi")).log == "pending"
    assert list_subjects(store.address).traces_remain
    reader.close()
    assert not list_subjects(store.address).traces_remain and not store.traces_remain()
    assert template("Bình", 2).embedding.tobytes() not in files_of(store)
    assert Path(f"{store.path}-wal").stat().st_size == 0


def test_removal_waits_for_a_reader_that_is_soon_done(store: SqliteStore) -> None:
    store.add([template("An", 1), template("Bình", 2)])
    reader = sqlite3.connect(store.path, isolation_level=None, check_same_thread=False)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM template").fetchone()
    with ThreadPoolExecutor(1) as pool:
        erasing = pool.submit(store.remove, id_of(store, "Bình"))
        while store.count() != 1:
            assert not erasing.done()
        reader.close()
        assert erasing.result(timeout=10).log == "emptied"
    assert template("Bình", 2).embedding.tobytes() not in files_of(store)


def test_two_changes_of_a_subject_at_the_same_time_are_both_kept(store: SqliteStore) -> None:
    """Somebody is suspended while another process writes something down."""
    an, begun, other = store.create_subject(Profile("An")).id, Event(), SqliteStore.open(store.address)

    def write_down(former: Profile) -> Profile:
        begun.set()
        return replace(former, metadata={"floor": 3})

    def suspend(former: Profile) -> Profile:
        changes.append(threads.submit(other.change_subject, an, write_down))
        assert not begun.wait(0.05), "it waits for the end of this one"
        return replace(former, state="suspended")

    changes: list[Future] = []
    with ThreadPoolExecutor(1) as threads:
        store.change_subject(an, suspend)
        changes[0].result()
    assert (store.subject(an).state, store.subject(an).metadata) == ("suspended", {"floor": 3})


def test_samples_names_and_merged_subjects_leave_no_traces(store: SqliteStore) -> None:
    gone, kept = template("Phạm Thị Hồng", 1), [template("Phạm Thị Hồng", 2), template("Chi", 3)]
    folder = normalize("NFD", "people/Phạm Thị Hồng/Phạm Thị Hồng.jpg")
    kept[0] = replace(kept[0], source=folder)
    store.add([gone, *kept])
    store.remove_sample(gone.id)
    after = files_of(store)
    assert gone.embedding.tobytes() not in after and gone.portrait.jpeg[:200] not in after
    assert all(one.embedding.tobytes() in after for one in kept)
    place = id_of(store, "Phạm Thị Hồng")
    store.change_subject(place, lambda _: Profile("Bùi Văn Đức", {"nơi ở": "Mỹ Tho"}))
    assert "Phạm Thị Hồng".encode() not in files_of(store) and folder.encode() not in files_of(store)
    assert [row.source for row in store.samples(place)] == ["people/.jpg"]
    store.merge(place, id_of(store, "Chi"))
    assert "Bùi Văn Đức".encode() not in files_of(store) and "Mỹ Tho".encode() not in files_of(store)
    assert [(row.name, row.templates) for row in store.subjects()] == [("Chi", 2)]


def test_other_threads_read_while_somebody_goes_through_the_portraits(store: SqliteStore) -> None:
    store.add([template("An", 1), template("An", 2)])
    portraits = store.portraits()
    assert next(portraits)[0] == 1
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(store.count).result(timeout=10) == 2
    assert [number for number, _ in portraits] == [2]


def test_two_processes_write_at_the_same_time(store: SqliteStore) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[3]); from test_sqlite import *;"
        "s = SqliteStore.open(sys.argv[1]); start = int(sys.argv[2]);"
        "[s.add([template(f'p{start}', start + n)]) for n in range(40)]"
    )
    command = [sys.executable, "-c", code, str(store.path)]
    folder = str(Path(__file__).parent)
    running = [subprocess.Popen([*command, str(start), folder]) for start in (1000, 2000)]
    assert [process.wait() for process in running] == [0, 0]
    assert [(row.name, row.templates) for row in store.subjects()] == [("p1000", 40), ("p2000", 40)]


def test_an_acknowledged_enrolment_survives_kill_9(store: SqliteStore) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); from test_sqlite import *;"
        "s = SqliteStore.open(sys.argv[1]);\n"
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
    again = SqliteStore.open(store.address)
    assert len(acknowledged) >= 25 and all(again.has_source(id_of(again, "p"), f"sha-{n}") for n in acknowledged)


def test_what_is_no_gallery_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="there is no gallery"):
        SqliteStore.open(str(tmp_path / "missing"))
    with pytest.raises(GalleryError, match="is a folder"):
        SqliteStore.create(str(tmp_path), IDENTITY)
    (tmp_path / "text").write_text("not a database at all " * 100)
    with pytest.raises(GalleryError, match="is not a gallery"):
        SqliteStore.open(str(tmp_path / "text"))
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t (x)").connection.close()
    with pytest.raises(GalleryError, match="not a gallery of mien"):
        SqliteStore.open(str(tmp_path / "other.db"))


def test_exchanged_embeddings_leave_no_traces(store: SqliteStore) -> None:
    store.add([template("An", 1), template("Bình", 2)])
    assert template("An", 1).embedding.tobytes() in files_of(store)
    new = Identity("contract-b", "model-b", "cosine", 4)
    store.replace_embeddings(new, {n: np.full(4, n, np.float32) for n in (1, 2)})
    assert template("An", 1).embedding.tobytes() not in files_of(store)


def test_threads_read_while_one_of_them_writes(store: SqliteStore) -> None:
    store.add([template("An", number) for number in range(20)])
    with ThreadPoolExecutor(4) as pool, store._file.write() as connection:
        connection.execute("DELETE FROM template")
        counts = [pool.submit(store.count) for _ in range(8)]
        assert {one.result(timeout=10) for one in counts} == {20}, "others see what was committed"
        assert store.count() == 0, "the thread that writes sees what it has written"


def test_a_closed_store_says_so(store: SqliteStore) -> None:
    store.close()
    with pytest.raises(GalleryError, match="was closed: open it again"):
        store.subjects()
