"""What a service keeps of its own work is shared by its workers, and nobody's when its process is gone."""

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mien.service import state_file
from mien.service.errors import ServiceError
from mien.service.state_file import FILE, StateFile, is_alive


def test_a_service_that_was_closed_or_killed_is_not_there(tmp_path: Path) -> None:
    here = StateFile(tmp_path)
    assert is_alive(here.owner)
    code = (
        "import sys; from pathlib import Path; from mien.service.state_file import StateFile\n"
        "print(StateFile(Path(sys.argv[1])).owner, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        owner = other.stdout.readline().strip()
        assert is_alive(owner)
        other.kill()
        other.wait(10)
    assert not is_alive(owner)
    here.close()
    assert not is_alive(here.owner) and not is_alive("gone 0") and not is_alive("")


def test_a_step_that_fails_leaves_nothing_and_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    insert = "INSERT INTO replays (key, fingerprint, since) VALUES (?, '', 0)"
    with pytest.raises(ZeroDivisionError), file.transaction() as db:
        db.execute(insert, ("a",))
        raise ZeroDivisionError
    with pytest.raises(ServiceError, match="free space on the disk") as caught, file.transaction() as db:
        db.execute("PRAGMA max_page_count = 1")
        db.execute(insert, ("b" * 100_000,))
    assert caught.value.status == 503
    with file.transaction() as db:
        assert db.execute("SELECT count(*) FROM replays").fetchone() == (0,)
    file.close()


def test_a_file_that_is_no_database_refuses_the_start(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"rubbish" * 1000)
    with pytest.raises(ServiceError, match="remove the file") as caught:
        StateFile(tmp_path)
    assert isinstance(caught.value.__cause__, sqlite3.DatabaseError)


def test_reading_does_not_wait_for_who_writes(tmp_path: Path) -> None:
    """A request would stand still for as long as another worker's transaction, and all others of its process too."""
    file, other = StateFile(tmp_path), StateFile(tmp_path)
    with other.transaction() as db:
        db.execute("INSERT INTO replays (key, fingerprint, since) VALUES ('a', '', 0)")
        with file.reading() as seen:
            assert seen.execute("SELECT count(*) FROM replays").fetchone() == (0,)
    with file.reading() as seen:
        assert seen.execute("SELECT count(*) FROM replays").fetchone() == (1,)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            seen.execute("DELETE FROM replays")
    file.close()
    other.close()


def test_a_log_that_another_worker_keeps_from_being_emptied_is_not_called_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_file, "EMPTYING", 1)
    file, other = StateFile(tmp_path), StateFile(tmp_path)
    with file.transaction() as db:
        db.execute("INSERT INTO replays (key, fingerprint, since) VALUES ('erased name', '', 0)")
    with other.reading() as seen:
        assert seen.execute("SELECT count(*) FROM replays").fetchone() == (1,)
        with file.transaction() as db:
            db.execute("DELETE FROM replays")
        assert not file.empty_log()
        assert b"erased name" in (tmp_path / f"{FILE}-wal").read_bytes()
    assert file.empty_log() and (tmp_path / f"{FILE}-wal").stat().st_size == 0
    file.close()
    other.close()
