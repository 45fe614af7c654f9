"""The SQLite file of a service's cameras, `cameras.db`: opened when it is first used, read and written in steps.

Owns the file and its tables; what is in them is said by mien.service.camera_store, mien.service.unknown_store,
mien.service.thumbnail_store and mien.service.face_keys.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = "cameras.db"
PATIENCE = 20.0
"""Seconds to wait for another worker."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS cameras (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, gallery TEXT NOT NULL, address BLOB NOT NULL, policy TEXT NOT NULL,
    created REAL NOT NULL, state TEXT NOT NULL DEFAULT 'starting', message TEXT NOT NULL DEFAULT '',
    rate REAL NOT NULL DEFAULT 0, delay REAL NOT NULL DEFAULT 0, seen REAL
);
CREATE TABLE IF NOT EXISTS camera_events (
    number INTEGER PRIMARY KEY AUTOINCREMENT, camera TEXT NOT NULL, at REAL NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS camera_events_by_camera ON camera_events (camera, number);
CREATE TABLE IF NOT EXISTS unknown_visits (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, gallery TEXT NOT NULL, camera TEXT NOT NULL,
    at REAL NOT NULL, expires REAL, ignored TEXT, contract TEXT NOT NULL, key TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS unknown_visits_by_gallery ON unknown_visits (gallery, number);
CREATE TABLE IF NOT EXISTS unknown_faces (
    visit TEXT NOT NULL, place INTEGER NOT NULL, embedding BLOB NOT NULL, portrait BLOB NOT NULL,
    PRIMARY KEY (visit, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS thumbnails (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, camera TEXT NOT NULL, gallery TEXT NOT NULL,
    expires REAL NOT NULL, subject TEXT, visit TEXT, key TEXT NOT NULL, subject_key TEXT,
    image BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS thumbnails_by_camera ON thumbnails (camera, number);
CREATE TABLE IF NOT EXISTS erased_thumbnails (id TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS face_keys (
    gallery TEXT NOT NULL, purpose TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (gallery, purpose)
);
CREATE TABLE IF NOT EXISTS previews (camera TEXT PRIMARY KEY, asked REAL NOT NULL, image BLOB);
"""
ADDED = {
    "keep_unknown": "REAL NOT NULL DEFAULT 0",
    "keep_thumbnails": "REAL NOT NULL DEFAULT 0",
    "preview": "INTEGER NOT NULL DEFAULT 0",
}
"""Columns of cameras that files of earlier versions lack."""


class CameraFile:
    """The open file; safe to call from several threads and processes.

    Args:
        folder: of the service.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._lock = folder, threading.RLock()
        self._db: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Read and write as one step, while no other worker writes."""
        with self._lock:
            if self._db is None:
                self._db = _open(self.folder / FILE)
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")


def _open(path: Path) -> sqlite3.Connection:
    path.touch(mode=0o600)
    db = sqlite3.connect(path, timeout=PATIENCE, check_same_thread=False, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA secure_delete=ON")
    db.executescript(SCHEMA)
    db.execute("BEGIN IMMEDIATE")
    known = {row[1] for row in db.execute("PRAGMA table_info(cameras)")}
    for name, kind in ADDED.items():
        if name not in known:
            db.execute(f"ALTER TABLE cameras ADD COLUMN {name} {kind}")
    db.execute("COMMIT")
    return db
