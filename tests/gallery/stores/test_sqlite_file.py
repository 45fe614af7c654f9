"""A gallery file where it may not be written, where disks know little, and while others use it."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from stat import S_IMODE
from tempfile import mkdtemp

import numpy as np
import pytest

from mien.errors import GalleryError
from mien.gallery.names import find_subject
from mien.gallery.records import Identity, NewTemplate
from mien.gallery.stores.sqlite import SqliteStore

Make = Callable[[str, int], NewTemplate]

NOBODY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account can reach."""
    place = Path(mkdtemp(dir="/tmp", prefix="mien-gallery-"))
    place.chmod(0o755)
    yield place
    place.chmod(0o755)
    shutil.rmtree(place)


@pytest.fixture
def as_reader(folder: Path) -> Iterator[Callable[[], None]]:
    """Goes on as an account that may read the folder and not write it."""

    def change() -> None:
        for path in folder.iterdir():
            path.chmod(0o444)
        folder.chmod(0o555)
        if os.geteuid() == 0:
            os.seteuid(NOBODY)

    yield change
    if os.getuid() == 0:
        os.seteuid(0)


def make(folder: Path, identity: Identity, templates: list[NewTemplate]) -> Path:
    store = SqliteStore.create(str(folder / "people.gallery"), identity)
    store.add(templates)
    store.close()
    return store.path


def test_a_gallery_on_a_read_only_disk_is_read_and_not_called_damaged(
    folder: Path, as_reader: Callable[[], None], identity: Identity, template: Make
) -> None:
    path = make(folder, identity, [template("An", 1), template("Bình", 2)])
    as_reader()
    store = SqliteStore.open(str(path))
    assert [(row.name, row.templates) for row in store.subjects()] == [("An", 1), ("Bình", 1)]
    assert np.array_equal(store.subject_embeddings(find_subject(store, "An").id)[0], template("An", 1).embedding)
    assert store.erase_traces() and [row.source for row in store.samples(find_subject(store, "An").id)] == [
        "An-1.jpg"
    ]
    changes: list[Callable[[], object]] = [
        store.require_writable,
        lambda: store.add([template("Chi", 3)]),
        lambda: store.remove(find_subject(store, "An").id),
        lambda: store.write_kept("thresholds", "{}"),
    ]
    for change in changes:
        with pytest.raises(GalleryError, match="can only be read: this account has no right to write"):
            change()
    store.close()
    assert [one.name for one in folder.iterdir()] == ["people.gallery"]


def test_what_is_still_in_the_log_is_read_without_the_right_to_write(
    folder: Path, as_reader: Callable[[], None], identity: Identity, template: Make
) -> None:
    path = make(folder, identity, [template("An", 1)])
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[2]); from test_sqlite import *;"
        "s = SqliteStore.open(sys.argv[1]); s.add([template('Bình', 2)]); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(path), str(Path(__file__).parent)], check=False)
    assert Path(f"{path}-wal").stat().st_size
    as_reader()
    store = SqliteStore.open(str(path))
    assert [row.name for row in store.subjects()] == ["An", "Bình"]
    store.close()


def test_a_reader_without_rights_sees_what_the_writer_adds(
    folder: Path, as_reader: Callable[[], None], identity: Identity, template: Make
) -> None:
    path = make(folder, identity, [template("An", 1)])
    as_reader()
    reader = SqliteStore.open(str(path))
    assert reader.count() == 1
    if os.getuid() == 0:
        os.seteuid(0)
    path.chmod(0o644), folder.chmod(0o755)
    writer = SqliteStore.open(str(path))
    writer.add([template("Bình", 2)])
    assert [row.name for row in reader.subjects()] == ["An", "Bình"]
    writer.close()
    reader.close()


def test_a_gallery_that_may_not_be_read_is_not_called_damaged(
    folder: Path, as_reader: Callable[[], None], identity: Identity, template: Make
) -> None:
    path = make(folder, identity, [template("An", 1)])
    as_reader()
    if os.getuid() == 0:
        os.seteuid(0)
    path.chmod(0)
    if os.getuid() == 0:
        os.seteuid(NOBODY)
    with pytest.raises(GalleryError, match="may not be used by this account"):
        SqliteStore.open(str(path))


def test_a_gallery_is_made_where_hard_links_do_not_exist(
    tmp_path: Path, identity: Identity, template: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*names: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = make(tmp_path / "new", identity, [template("An", 1)])
    assert [row.name for row in SqliteStore.create(str(path), identity).subjects()] == ["An"]
    assert [one.name for one in path.parent.iterdir() if one.name.endswith(".new")] == []


@pytest.mark.parametrize("links", [True, False])
def test_two_processes_that_make_one_gallery_share_it(tmp_path: Path, *, links: bool) -> None:
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[2]); from test_sqlite import *\n"
        "def refuse(*names): raise PermissionError(1, 'no')\n"
        "if sys.argv[4] == 'False': os.link = refuse\n"
        "s = SqliteStore.create(sys.argv[1], IDENTITY); n = int(sys.argv[3]); s.add([template(f'p{n}', n)])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "people.gallery"), str(Path(__file__).parent)]
    running = [subprocess.Popen([*command, str(number), str(links)]) for number in range(1, 5)]
    assert [process.wait() for process in running] == [0, 0, 0, 0]
    assert [row.name for row in SqliteStore.open(str(tmp_path / "people.gallery")).subjects()] == [
        "p1",
        "p2",
        "p3",
        "p4",
    ]


def test_galleries_and_their_logs_are_closed_to_other_accounts(
    tmp_path: Path, identity: Identity, template: Make
) -> None:
    before = os.umask(0o022)
    try:
        store = SqliteStore.create(str(tmp_path / "new" / "people.gallery"), identity)
        store.add([template("An", 1)])
    finally:
        os.umask(before)
    names = {path.name: S_IMODE(path.stat().st_mode) for path in store.path.parent.iterdir()}
    assert names == dict.fromkeys(["people.gallery", "people.gallery-wal", "people.gallery-shm"], 0o600)
    assert S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_a_reader_sees_whole_batches_while_a_writer_works(tmp_path: Path, identity: Identity) -> None:
    store = SqliteStore.create(str(tmp_path / "people.gallery"), identity)
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); from test_sqlite import *;"
        "s = SqliteStore.open(sys.argv[1]);"
        "[s.add([template(f'p{n}', 10 * n + k) for k in range(5)]) for n in range(60)]"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(store.path), str(Path(__file__).parent)])
    seen = []
    while writer.poll() is None:
        rows = store.subjects()
        seen.append(len(rows))
        assert {row.templates for row in rows} <= {5}
        assert all(np.isfinite(store.subject_embeddings(row.id)).all() for row in rows[-2:])
    assert writer.returncode == 0 and seen == sorted(seen) and len(store.subjects()) == 60
    assert len(set(seen)) > 2, "the reader never read while the writer worked"


def test_a_process_killed_in_the_middle_of_a_batch_leaves_none_of_it(
    tmp_path: Path, identity: Identity, template: Make
) -> None:
    store = SqliteStore.create(str(tmp_path / "people.gallery"), identity)
    store.add([template("An", 1)])
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[2]); from test_sqlite import *\n"
        "s = SqliteStore.open(sys.argv[1])\n"
        "with s._writing() as writing:\n"
        "    from mien.gallery.stores.sqlite_changes import insert\n"
        "    for n in range(2, 400): insert(writing, template('Bình', n), s.settings())\n"
        "    print('half', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(store.path), str(Path(__file__).parent)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdout.readline() == b"half\n"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    again = SqliteStore.open(store.address)
    assert [(row.name, row.templates) for row in again.subjects()] == [("An", 1)]
    again.add([template("Chi", 2)])
    assert again.count() == 2


@pytest.mark.parametrize("name", ["x" * 300, "people\0.gallery"])
def test_a_name_that_no_file_can_have_is_an_error_and_no_traceback(
    tmp_path: Path, identity: Identity, name: str
) -> None:
    for call in (SqliteStore.open, lambda address: SqliteStore.create(address, identity)):
        with pytest.raises(GalleryError):
            call(str(tmp_path / name))


def test_another_database_is_left_as_it_is(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    sqlite3.connect(other).execute("CREATE TABLE t (x)").connection.close()
    before = other.read_bytes()
    with pytest.raises(GalleryError, match="not a gallery of mien"):
        SqliteStore.open(str(other))
    assert other.read_bytes() == before and [path.name for path in tmp_path.iterdir()] == ["other.db"]
