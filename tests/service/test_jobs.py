"""Long work is done one after the other, can be watched and cancelled, and its faults are sentences."""

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from mien.errors import GalleryError
from mien.progress import OnProgress, Progress
from mien.service.errors import ServiceError
from mien.service.jobs import MAX_WAITING, Job, Jobs


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    opened = Jobs()
    yield opened
    opened.close()


def ended(jobs: Jobs, job: Job) -> Job:
    jobs._jobs[job.id][1].exception(10)
    return jobs.find(job.id)


def gated(gate: threading.Event, begun: threading.Event) -> Callable[[OnProgress], Mapping[str, Any]]:
    def work(on_progress: OnProgress) -> Mapping[str, Any]:
        on_progress(Progress(stage="counting", done=1, total=2))
        begun.set()
        assert gate.wait(10)
        on_progress(Progress(stage="counting", done=2, total=2))
        return {"count": 2}

    return work


def test_a_job_reports_its_progress_and_its_result(jobs: Jobs) -> None:
    gate, begun = threading.Event(), threading.Event()
    job = jobs.begin("import", "g", "c", gated(gate, begun))
    assert begun.wait(10) and (job.state, job.stage, job.finished, job.total) == ("running", "counting", 1, 2)
    with pytest.raises(ServiceError, match="wait for it, or cancel it"):
        jobs.begin("import", "g", "c", gated(gate, begun))
    gate.set()
    assert ended(jobs, job).state == "done" and job.result == {"count": 2} and job.ended is not None
    assert jobs.all() == [job]


def test_a_job_is_cancelled_at_its_next_step_and_one_that_waits_at_once(jobs: Jobs) -> None:
    gate, begun = threading.Event(), threading.Event()
    running = jobs.begin("import", "g", "c", gated(gate, begun))
    assert begun.wait(10)
    waiting = jobs.begin("calibrate", "g", "c", lambda _: {})
    assert jobs.cancel(waiting.id).state == "cancelled" and waiting.ended is not None
    jobs.cancel(running.id)
    gate.set()
    assert ended(jobs, running).state == "cancelled" and running.result == {}


def test_faults_are_sentences_and_the_next_job_is_done(jobs: Jobs) -> None:
    def refuse(_: OnProgress) -> Mapping[str, Any]:
        raise GalleryError("the gallery is gone: open it again")

    def fail(_: OnProgress) -> Mapping[str, Any]:
        raise ZeroDivisionError("secret")

    refused, failed = jobs.begin("import", "a", "c", refuse), jobs.begin("import", "b", "c", fail)
    assert ended(jobs, refused).message == "the gallery is gone: open it again"
    assert ended(jobs, failed).state == "failed" and "secret" not in failed.message
    assert ended(jobs, jobs.begin("import", "c", "c", lambda _: {})).state == "done"


def test_no_more_jobs_wait_than_may(jobs: Jobs) -> None:
    gate, begun = threading.Event(), threading.Event()
    for number in range(MAX_WAITING):
        jobs.begin("import", str(number), "c", gated(gate, begun))
    with pytest.raises(ServiceError, match="ask again") as caught:
        jobs.begin("import", "one more", "c", gated(gate, begun))
    assert caught.value.status == 429
    for job in jobs.all():
        jobs.cancel(job.id)
    gate.set()


def test_an_unknown_job_is_not_found(jobs: Jobs) -> None:
    with pytest.raises(ServiceError, match="no such job"):
        jobs.find("0" * 16)
