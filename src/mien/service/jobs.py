"""Long work of a service, one at a time, with its progress: calibration, import, re-enrolment.

A job is known as long as the service runs; what it did to a gallery stays. Cancelling stops it at its next step, and
keeps what was finished by then. Knows no route and no gallery by itself.
"""

import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

from mien.errors import MienError
from mien.progress import OnProgress, Progress
from mien.service.errors import UNEXPECTED, ServiceError, not_found

JobState = Literal["waiting", "running", "done", "failed", "cancelled"]
JobKind = Literal["calibrate", "import", "reenrol"]
Work = Callable[[OnProgress], Mapping[str, Any]]
MAX_WAITING, REMEMBERED = 20, 200
"""Maximum number of jobs that wait, and of jobs that are remembered."""

log = logging.getLogger("mien.service")


class _CancelledError(Exception):
    """The job was cancelled."""


@dataclass(slots=True)
class Job:
    """One piece of long work.

    Attributes:
        id: opaque.
        kind: what it does.
        gallery: the id of its gallery.
        caller: who began it, by id.
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
    state: JobState = "waiting"
    stage: str = ""
    finished: int = 0
    total: int | None = None
    created: float = field(default_factory=time.time)
    ended: float | None = None
    message: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    cancelled: threading.Event = field(default_factory=threading.Event)


class Jobs:
    """The jobs of a service, and the thread that does them."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "mien-jobs")
        self._jobs: OrderedDict[str, tuple[Job, Future[None]]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, kind: JobKind, gallery: str, caller: str, work: Work) -> Job:
        """Queue a job.

        Args:
            kind: what it does.
            gallery: the id of its gallery.
            caller: who asked for it.
            work: does it, reports its progress, and gives its result as JSON.

        Raises:
            ServiceError: too many wait, or one of this kind is in work in this gallery.
        """
        with self._lock:
            unfinished = [job for job, _ in self._jobs.values() if job.ended is None]
            if any((job.kind, job.gallery) == (kind, gallery) for job in unfinished):
                raise ServiceError(409, "in_work", "such a job is in work in this gallery: wait for it, or cancel it")
            if len(unfinished) >= MAX_WAITING:
                message = f"{len(unfinished)} jobs wait: ask again when some of them have ended"
                raise ServiceError(429, "busy", message, headers={"Retry-After": "60"})
            job = Job(secrets.token_hex(8), kind, gallery, caller)
            self._jobs[job.id] = (job, self._thread.submit(self._run, job, work))
            while len(self._jobs) > REMEMBERED:
                self._jobs.popitem(last=False)
            return job

    def all(self) -> list[Job]:
        """All jobs that are remembered, the newest first."""
        with self._lock:
            return [job for job, _ in reversed(self._jobs.values())]

    def find(self, job_id: str) -> Job:
        """One job.

        Raises:
            ServiceError: there is none.
        """
        known = self._jobs.get(job_id)
        if known is None:
            raise not_found("job")
        return known[0]

    def cancel(self, job_id: str) -> Job:
        """Stop a job at its next step; one that has ended stays as it is."""
        job = self.find(job_id)
        job.cancelled.set()
        if self._jobs[job_id][1].cancel():
            _end(job, "cancelled")
        return job

    def close(self) -> None:
        """Stop all jobs."""
        for job in self.all():
            job.cancelled.set()
        self._thread.shutdown(cancel_futures=True)

    def _run(self, job: Job, work: Work) -> None:
        def on_progress(progress: Progress) -> None:
            job.stage, job.finished, job.total = progress.stage, progress.done, progress.total
            if job.cancelled.is_set():
                raise _CancelledError

        job.state = "running"
        try:
            job.result = work(on_progress)
            _end(job, "done")
        except _CancelledError:
            _end(job, "cancelled")
        except MienError as reason:
            _end(job, "failed", str(reason))
        except Exception:
            log.exception("job %s failed", job.id)
            _end(job, "failed", UNEXPECTED)


def _end(job: Job, state: JobState, message: str = "") -> None:
    job.message, job.ended, job.state = message, time.time(), state
