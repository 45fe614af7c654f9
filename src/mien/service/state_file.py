"""What a service keeps of its own work over restarts and for all of its workers: one SQLite file, `state.db`.

Owns the file, its transactions, and which process of the service is still there. Has no images, names or embeddings
in the clear; its tables are of mien.service.idempotency, jobs, pair_results and webhook_store.
"""

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mien.service.errors import ServiceError
from mien.service.folder_lock import hold_folder

FILE = "state.db"
PATIENCE = 20.0
"""Seconds to wait for another worker."""
EMPTYING = 1000
"""Milliseconds to wait for others before the log is emptied; it is tried again later."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS replays (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, fingerprint TEXT NOT NULL, since REAL NOT NULL,
    owner TEXT, answer BLOB
);
CREATE INDEX IF NOT EXISTS replays_by_time ON replays (since);
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, gallery TEXT NOT NULL,
    caller TEXT NOT NULL, given TEXT NOT NULL, state TEXT NOT NULL, stage TEXT NOT NULL DEFAULT '',
    finished INTEGER NOT NULL DEFAULT 0, total INTEGER, created REAL NOT NULL, ended REAL,
    message TEXT NOT NULL DEFAULT '', result BLOB, owner TEXT, tries INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS pairs (
    job TEXT NOT NULL, row INTEGER NOT NULL, review INTEGER NOT NULL, near REAL, decision BLOB NOT NULL, names BLOB,
    PRIMARY KEY (job, row)
);
CREATE TABLE IF NOT EXISTS webhooks (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, gallery TEXT NOT NULL, host TEXT NOT NULL, address BLOB NOT NULL,
    secret BLOB NOT NULL, events TEXT NOT NULL, created REAL NOT NULL, cursor INTEGER NOT NULL,
    delivered INTEGER NOT NULL DEFAULT 0, given_up INTEGER NOT NULL DEFAULT 0, reached REAL,
    problem TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, webhook TEXT NOT NULL, body TEXT NOT NULL,
    created REAL NOT NULL, due REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS deliveries_by_webhook ON deliveries (webhook, due);
"""

_open_here: set[str] = set()
"""Tokens of the files that are open in this process."""


class StateFile:
    """The open file; safe to call from several threads and processes.

    Args:
        folder: of the service.

    Raises:
        ServiceError: it cannot be opened or written.
        SettingsError: a command has the folder for itself.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / FILE
        self._lock, self._reading = threading.RLock(), threading.Lock()
        token = secrets.token_hex(8)
        self.owner = f"{_mark(os.getpid())} {token}"
        with _translated():
            self._held = hold_folder(folder)
            path.touch(mode=0o600)
            self._db = sqlite3.connect(path, timeout=PATIENCE, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            # What a crash of the machine may take are the last moments of this file, and nothing of a gallery.
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("PRAGMA secure_delete=ON")
            self._db.executescript(SCHEMA)
            self._reader = sqlite3.connect(path, timeout=PATIENCE, check_same_thread=False, isolation_level=None)
            self._reader.execute("PRAGMA query_only=ON")
        _open_here.add(token)

    def close(self) -> None:
        """Close the file; what it had in work may be taken over by another worker."""
        _open_here.discard(self.owner.rpartition(" ")[2])
        with self._reading:
            self._reader.close()
        with self._lock:
            self._db.close()
        held, self._held = self._held, -1
        if held >= 0:
            os.close(held)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Read and write as one step, while no other worker writes.

        Raises:
            ServiceError: it cannot be written; nothing was.
        """
        with self._lock, _translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read as of one moment, without waiting for who writes.

        Raises:
            ServiceError: it cannot be read.
        """
        with self._reading, _translated():
            self._reader.execute("BEGIN")
            try:
                yield self._reader
            finally:
                self._reader.execute("ROLLBACK")

    def empty_log(self) -> bool:
        """Take what was deleted out of the write-ahead log too; say whether nothing of it is left there.

        It is left where another worker reads or writes at this moment.
        """
        with self._lock, suppress(sqlite3.Error):
            self._db.execute(f"PRAGMA busy_timeout = {EMPTYING}")
            try:
                busy, _, _ = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                return not busy
            finally:
                self._db.execute(f"PRAGMA busy_timeout = {1000 * PATIENCE:.0f}")
        return False


def is_alive(owner: str) -> bool:
    """Whether the service that had something in work is still there, in this process or another one of this machine.

    Args:
        owner: of a StateFile.
    """
    mark, _, token = owner.rpartition(" ")
    pid = mark.partition(":")[0]
    if pid == str(os.getpid()):
        return token in _open_here
    return pid.isdecimal() and _mark(int(pid)) == mark


def _mark(pid: int) -> str:
    """A process by its number, when it began, and the start of the machine; "gone" for one that there is not."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"{pid}:" if _answers(pid) else "gone"
    return "gone" if fields[0] == "Z" else f"{pid}:{fields[19]}:{boot}"


def _answers(pid: int) -> bool:
    """Whether there is a process, on systems without /proc."""
    if Path("/proc/self/stat").exists():
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as reason:
        message = (
            f"what the service keeps of its work cannot be written ({reason}): the operator has to free space on the "
            f"disk, or remove the file {FILE} while the service is stopped"
        )
        raise ServiceError(503, "state_not_writable", message) from reason
