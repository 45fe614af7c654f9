"""Counts within a span of time, such as requests or failed attempts: in memory, or in a file that workers share.

A count begins with the first event and is forgotten when its span is over. Holds whatever keys it is given, so
callers give ids and hashes. Times are those of the machine's own clock since it was started, which nobody sets back.
"""

import sqlite3
import threading
import time
from collections import OrderedDict
from typing import Protocol

from mien.service.state_file import StateFile

REMEMBERED = 100_000
"""Maximum number of counts."""

Count = tuple[float, int]
"""When the first event was, and how many there were since."""

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS counts (kind TEXT NOT NULL, key TEXT NOT NULL, since REAL NOT NULL, "
    "number INTEGER NOT NULL, PRIMARY KEY (kind, key))"
)


class Counts(Protocol):
    """Counts by key; safe to call from several threads."""

    def add(self, key: str, window: float) -> Count:
        """Count an event; give when the count began, and how many there are with this one.

        Args:
            key: what is counted.
            window: seconds after which the count begins again.
        """
        ...

    def get(self, key: str, window: float) -> Count:
        """The count of a key; zero where there is none within the span."""
        ...

    def drop(self, key: str) -> None:
        """Forget a count."""
        ...


class MemoryCounts:
    """Counts of one process; see Counts.

    Args:
        remembered: maximum number of counts.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._counts: OrderedDict[str, Count] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, key: str, window: float) -> Count:
        """See Counts."""
        with self._lock:
            since, number = _within(self._counts.pop(key, None), window)
            self._counts[key] = counted = (since, number + 1)
            while len(self._counts) > self._remembered:
                self._counts.popitem(last=False)
        return counted

    def get(self, key: str, window: float) -> Count:
        """See Counts."""
        with self._lock:
            return _within(self._counts.get(key), window)

    def drop(self, key: str) -> None:
        """See Counts."""
        with self._lock:
            self._counts.pop(key, None)


class SharedCounts:
    """Counts of all workers of a service; see Counts.

    Args:
        file: in which they are kept.
        kind: of what is counted; kinds do not see each other's keys.
        remembered: maximum number of counts.
    """

    def __init__(self, file: StateFile, kind: str, remembered: int = REMEMBERED) -> None:
        self._file, self._kind, self._remembered = file, kind, remembered
        with file.transaction() as db:
            db.execute(SCHEMA)

    def add(self, key: str, window: float) -> Count:
        """See Counts."""
        with self._file.transaction() as db:
            since, number = _within(self._read(db, key), window)
            if number:
                db.execute("UPDATE counts SET number = ? WHERE kind = ? AND key = ?", (number + 1, self._kind, key))
            else:
                # Its row becomes the last one. Events of a count that goes on push nothing out.
                db.execute("INSERT OR REPLACE INTO counts VALUES (?, ?, ?, 1)", (self._kind, key, since))
                db.execute(
                    "DELETE FROM counts WHERE kind = ?1 AND rowid <= (SELECT max(rowid) FROM counts) - ?2",
                    (self._kind, self._remembered),
                )
        return since, number + 1

    def get(self, key: str, window: float) -> Count:
        """See Counts. It does not wait for who counts."""
        with self._file.reading() as db:
            return _within(self._read(db, key), window)

    def drop(self, key: str) -> None:
        """See Counts."""
        with self._file.transaction() as db:
            db.execute("DELETE FROM counts WHERE kind = ? AND key = ?", (self._kind, key))

    def _read(self, db: sqlite3.Connection, key: str) -> Count | None:
        query = "SELECT since, number FROM counts WHERE kind = ? AND key = ?"
        found: Count | None = db.execute(query, (self._kind, key)).fetchone()
        return found


def _within(count: Count | None, window: float) -> Count:
    """A count whose span is not over; else one that begins now. One of before the machine's last start is over."""
    now = time.monotonic()
    return count if count is not None and 0 <= now - count[0] < window else (now, 0)
