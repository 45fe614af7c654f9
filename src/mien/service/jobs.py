"""Long work of a service, one at a time, with its progress: calibration, import, re-enrolment, lists of pairs.

Jobs are kept in the service's state file, so all its workers show them, and one that a restart or a crash ended is
begun again: each kind of work goes on with what is missing, or changes nothing until its end. Cancelling stops a job
at its next step, and keeps what was finished by then. Names of refused files are in results; they are encrypted where
there is a master key, and forgotten when somebody is erased. Knows no route and no gallery by itself.
"""

import json
import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from cryptography.exceptions import InvalidTag

from mien.errors import MienError
from mien.gallery.stores.master_key import find_master_key
from mien.progress import OnProgress, Progress
from mien.service.errors import UNEXPECTED, ServiceError, not_found
from mien.service.sealing import key_for, seal, unseal
from mien.service.state_file import StateFile, is_alive

JobState = Literal["waiting", "running", "done", "failed", "cancelled"]
JobKind = Literal["calibrate", "import", "reenrol", "verify"]
MAX_WAITING, REMEMBERED = 20, 200
"""Maximum number of jobs that wait, and of jobs that are remembered."""
MAX_TRIES = 3
"""How often a job that ends the service with it is begun again."""
POLL, SAVE, STOP = 2.0, 0.5, 20.0
"""Seconds between two looks for jobs of other workers, between two notes of progress, and for a job to stop."""
SELECT = (
    "SELECT id, kind, gallery, caller, given, state, stage, finished, total, created, ended, message, result "
    "FROM jobs"
)
log = logging.getLogger("mien.service")


class _CancelledError(Exception):
    """The job was cancelled."""


class _StoppedError(Exception):
    """The service stops; the job goes on when it runs again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One piece of long work, as it was at one moment.

    Attributes:
        id: opaque.
        kind: what it does.
        gallery: the id of its gallery; empty for one that has none.
        caller: who began it, by id.
        given: what was asked for.
        state: where it is.
        stage: what is being done.
        finished: number of finished items of this stage.
        total: number of all items of this stage; None where it is not known.
        created: when it was asked for, in seconds since 1970 (UTC).
        ended: when it ended; None while it has not.
        message: why it failed; empty else.
        result: what it found; empty while it has not ended.
    """

    id: str
    kind: JobKind
    gallery: str
    caller: str
    given: Mapping[str, Any]
    state: JobState
    stage: str
    finished: int
    total: int | None
    created: float
    ended: float | None
    message: str
    result: Mapping[str, Any] = field(default_factory=dict)


Work = Callable[[Job, OnProgress], Mapping[str, Any]]
"""A job to its result as JSON."""


class Jobs:
    """The jobs of a service, and the thread that does them.

    Args:
        file: in which they are kept.
        works: what does each kind.
        tidy: takes paths of the server out of messages.
    """

    def __init__(self, file: StateFile, works: Mapping[JobKind, Work], tidy: Callable[[str], str] = str) -> None:
        self._file, self._works, self._tidy = file, works, tidy
        self._results = _Results()
        self._forgotten = 0
        self._cancelled: set[str] = set()
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._serve, name="mien-jobs", daemon=True)
        self._thread.start()

    def begin(self, kind: JobKind, gallery: str, caller: str, given: Mapping[str, Any]) -> Job:
        """Queue a job.

        Args:
            kind: what it does.
            gallery: the id of its gallery; empty for none.
            caller: who asked for it.
            given: what its work takes, as JSON.

        Raises:
            ServiceError: too many wait, or one of this kind is in work in this gallery, or without one.
        """
        job_id = secrets.token_hex(8)
        with self._file.transaction() as db:
            unfinished = db.execute("SELECT kind, gallery FROM jobs WHERE ended IS NULL").fetchall()
            if (kind, gallery) in unfinished:
                where = " in this gallery" if gallery else ""
                raise ServiceError(409, "in_work", f"such a job is in work{where}: wait for it, or cancel it")
            if len(unfinished) >= MAX_WAITING:
                message = f"{len(unfinished)} jobs wait: ask again when some of them have ended"
                raise ServiceError(429, "busy", message, headers={"Retry-After": "60"})
            db.execute(
                "INSERT INTO jobs (id, kind, gallery, caller, given, state, created) "
                "VALUES (?, ?, ?, ?, ?, 'waiting', ?)",
                (job_id, kind, gallery, caller, json.dumps(given), time.time()),
            )
            db.execute(
                "DELETE FROM jobs WHERE ended IS NOT NULL AND number <= (SELECT max(number) FROM jobs) - ?",
                (REMEMBERED,),
            )
        self._wake.set()
        return self.find(job_id)

    def all(self) -> list[Job]:
        """All jobs that are remembered, the newest first."""
        with self._file.reading() as db:
            rows = db.execute(SELECT + " ORDER BY number DESC").fetchall()
        return [self._job(row) for row in rows]

    def find(self, job_id: str) -> Job:
        """One job.

        Raises:
            ServiceError: there is none.
        """
        with self._file.reading() as db:
            row = db.execute(SELECT + " WHERE id = ?", (job_id,)).fetchone()
        if row is None:
            raise not_found("job")
        return self._job(row)

    def cancel(self, job_id: str) -> Job:
        """Stop a job at its next step; one that has ended stays as it is."""
        with self._file.transaction() as db:
            found = db.execute("UPDATE jobs SET cancelled = 1 WHERE id = ? AND ended IS NULL", (job_id,))
            if found.rowcount:
                self._cancelled.add(job_id)
            db.execute(
                "UPDATE jobs SET state = 'cancelled', ended = ? WHERE id = ? AND state = 'waiting'",
                (time.time(), job_id),
            )
        return self.find(job_id)

    def forget_names(self) -> None:
        """Drop the names of files from results, since somebody whom they name may have been erased."""
        with self._file.transaction() as db:
            rows = db.execute("SELECT number, result FROM jobs WHERE result IS NOT NULL").fetchall()
            for number, sealed in rows:
                result = self._results.opened(sealed)
                if result.get("refused"):
                    kept = self._results.sealed({**result, "refused": []})
                    db.execute("UPDATE jobs SET result = ? WHERE number = ?", (kept, number))
            # For the job that is in work, whose result comes later.
            db.execute(f"PRAGMA user_version = {_forgotten(db) + 1}")

    def close(self) -> None:
        """Stop; a job in work goes on when the service runs again."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(STOP)

    def _job(self, row: tuple[Any, ...]) -> Job:
        values = dict(zip((one.name for one in fields(Job)), row, strict=True))
        result = {} if values["result"] is None else self._results.opened(values["result"])
        return Job(**{**values, "given": json.loads(values["given"]), "result": result})

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                job = self._claim()
                if job is not None:
                    self._run(job)
                    continue
            except ServiceError:
                log.exception("jobs cannot be looked for")
            self._wake.wait(POLL)
            self._wake.clear()

    def _claim(self) -> Job | None:
        """Take the next job, where no worker has one in work."""
        with self._file.transaction() as db:
            running = db.execute("SELECT id, owner, tries, cancelled FROM jobs WHERE state = 'running'").fetchall()
            # This thread has none in work, so one of its own is one whose end could not be written.
            if any(owner != self._file.owner and is_alive(owner) for _, owner, _, _ in running):
                return None
            for lost in running:
                _take_back(db, *lost)
            row = db.execute(SELECT + " WHERE state = 'waiting' ORDER BY number LIMIT 1").fetchone()
            if row is None:
                return None
            db.execute(
                "UPDATE jobs SET state = 'running', owner = ?, tries = tries + 1 WHERE id = ?",
                (self._file.owner, row[0]),
            )
            self._forgotten = _forgotten(db)
        return self._job(row)

    def _run(self, job: Job) -> None:
        note = _Progress(self._file, job.id, lambda: job.id in self._cancelled, self._stopping.is_set)
        try:
            result = self._works[job.kind](job, note)
        except _StoppedError:
            self._put_back(job)
        except _CancelledError:
            self._end(job, note, "cancelled")
        except MienError as reason:
            self._put_back(job) if self._stopping.is_set() else self._end(job, note, "failed", str(reason))
        except Exception:
            log.exception("job %s failed", job.id)
            self._end(job, note, "failed", UNEXPECTED)
        else:
            self._end(job, note, "done", result=result)

    def _put_back(self, job: Job) -> None:
        with self._file.transaction() as db:
            db.execute("UPDATE jobs SET state = 'waiting', tries = tries - 1, owner = NULL WHERE id = ?", (job.id,))

    def _end(
        self,
        job: Job,
        note: "_Progress",
        state: JobState,
        message: str = "",
        result: Mapping[str, Any] | None = None,
    ) -> None:
        self._cancelled.discard(job.id)
        with self._file.transaction() as db:
            if result and _forgotten(db) != self._forgotten:
                result = {name: [] if name == "refused" else value for name, value in result.items()}
            sealed = None if result is None else self._results.sealed(result)
            note.write(db)
            db.execute(
                "UPDATE jobs SET state = ?, ended = ?, message = ?, result = ?, owner = NULL WHERE id = ?",
                (state, time.time(), self._tidy(message), sealed, job.id),
            )


class _Progress:
    """Notes how far a job is, now and then, and stops it where it has to stop."""

    def __init__(
        self, file: StateFile, job_id: str, is_cancelled: Callable[[], bool], is_stopping: Callable[[], bool]
    ) -> None:
        self._file, self._id, self._is_cancelled, self._is_stopping = file, job_id, is_cancelled, is_stopping
        self._last, self._written = Progress(stage="", done=0, total=None), -SAVE

    def __call__(self, progress: Progress) -> None:
        self._last = progress
        cancelled = self._is_cancelled()
        if time.monotonic() - self._written >= SAVE:
            with self._file.transaction() as db:
                self.write(db)
                (there,) = db.execute("SELECT cancelled FROM jobs WHERE id = ?", (self._id,)).fetchone()
            cancelled, self._written = cancelled or bool(there), time.monotonic()
        if cancelled:
            raise _CancelledError
        if self._is_stopping():
            raise _StoppedError

    def write(self, db: sqlite3.Connection) -> None:
        """Note the progress of this moment."""
        values = self._last.stage, self._last.done, self._last.total, self._id
        db.execute("UPDATE jobs SET stage = ?, finished = ?, total = ? WHERE id = ?", values)


class _Results:
    """Results as they are kept: encrypted where there is a master key."""

    def __init__(self) -> None:
        master = find_master_key()
        self._key = None if master is None else key_for(master, "jobs")

    def sealed(self, result: Mapping[str, Any]) -> bytes:
        """A result as bytes."""
        data = json.dumps(result).encode()
        return data if self._key is None else seal(self._key, data)

    def opened(self, sealed: bytes) -> dict[str, Any]:
        """The result; empty where it was sealed with another master key."""
        try:
            return dict(json.loads(sealed if self._key is None else unseal(self._key, sealed)))
        except (InvalidTag, ValueError):
            # Of another key, or of none.
            return {}


def _forgotten(db: sqlite3.Connection) -> int:
    """How often names were forgotten since the file was made."""
    (count,) = db.execute("PRAGMA user_version").fetchone()
    return int(count)


def _take_back(db: sqlite3.Connection, job_id: str, owner: str, tries: int, cancelled: int) -> None:
    """Let a job that was in work when its service ended be done again, or end it."""
    if cancelled:
        db.execute("UPDATE jobs SET state = 'cancelled', ended = ? WHERE id = ?", (time.time(), job_id))
    elif tries >= MAX_TRIES:
        message = f"the service ended {tries} times while it was in work: see its log"
        values = time.time(), message, job_id
        db.execute("UPDATE jobs SET state = 'failed', ended = ?, message = ? WHERE id = ?", values)
    else:
        log.warning("job %s was in work when %s ended, and begins again", job_id, owner.partition(":")[0])
        db.execute("UPDATE jobs SET state = 'waiting', owner = NULL WHERE id = ?", (job_id,))
