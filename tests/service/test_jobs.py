"""Long work is done one after the other, can be watched and cancelled, and survives a restart."""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mien.errors import GalleryError
from mien.progress import OnProgress, Progress
from mien.service.errors import ServiceError
from mien.service.jobs import MAX_TRIES, MAX_WAITING, Job, Jobs, Work
from mien.service.state_file import FILE, StateFile

Start = Callable[[Work], Jobs]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a service's jobs, again and again on one file."""
    opened: list[tuple[Jobs, StateFile]] = []

    def begin(work: Work) -> Jobs:
        file = StateFile(tmp_path)
        opened.append((Jobs(file, {"import": work, "calibrate": work}), file))
        return opened[-1][0]

    yield begin
    for jobs, file in opened:
        jobs.close()
        file.close()


def ended(jobs: Jobs, job: Job) -> Job:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        found = jobs.find(job.id)
        if found.ended is not None:
            return found
        time.sleep(0.005)
    raise AssertionError("the job did not end")


class Gated:
    """Work that waits in its middle."""

    def __init__(self) -> None:
        self.gate, self.begun = threading.Event(), threading.Event()

    def __call__(self, job: Job, on_progress: OnProgress) -> Mapping[str, Any]:
        on_progress(Progress(stage="counting", done=1, total=2))
        self.begun.set()
        assert self.gate.wait(10)
        on_progress(Progress(stage="counting", done=2, total=2))
        return {"count": 2, "gallery": job.gallery, **job.given}


@pytest.fixture
def gated() -> Gated:
    return Gated()


def test_a_job_reports_its_progress_and_its_result(start: Start, gated: Gated) -> None:
    jobs = start(gated)
    job = jobs.begin("import", "g", "c", {"source": "staff"})
    assert gated.begun.wait(10)
    seen = jobs.find(job.id)
    assert (seen.state, seen.stage, seen.finished, seen.total) == ("running", "counting", 1, 2)
    with pytest.raises(ServiceError, match="wait for it, or cancel it"):
        jobs.begin("import", "g", "c", {})
    gated.gate.set()
    done = ended(jobs, job)
    assert done.state == "done" and done.result == {"count": 2, "gallery": "g", "source": "staff"}
    assert done.finished == 2 and jobs.all() == [done]


def test_a_job_is_cancelled_at_its_next_step_and_one_that_waits_at_once(start: Start, gated: Gated) -> None:
    jobs = start(gated)
    running = jobs.begin("import", "g", "c", {})
    assert gated.begun.wait(10)
    waiting = jobs.cancel(jobs.begin("calibrate", "g", "c", {}).id)
    assert waiting.state == "cancelled" and waiting.ended is not None
    jobs.cancel(running.id)
    gated.gate.set()
    stopped = ended(jobs, running)
    assert stopped.state == "cancelled" and stopped.result == {}
    assert jobs.cancel(running.id).ended == stopped.ended


def test_faults_are_sentences_and_the_next_job_is_done(start: Start) -> None:
    def work(job: Job, on_progress: OnProgress) -> Mapping[str, Any]:
        if job.gallery == "a":
            raise GalleryError("the gallery is gone: open it again")
        if job.gallery == "b":
            raise ZeroDivisionError("secret")
        return {}

    jobs = start(work)
    refused, failed, fine = (jobs.begin("import", gallery, "c", {}) for gallery in "abc")
    assert ended(jobs, refused).message == "the gallery is gone: open it again"
    assert ended(jobs, failed).state == "failed" and "secret" not in ended(jobs, failed).message
    assert ended(jobs, fine).state == "done"


def test_no_more_jobs_wait_than_may(start: Start, gated: Gated) -> None:
    jobs = start(gated)
    for number in range(MAX_WAITING):
        jobs.begin("import", str(number), "c", {})
    with pytest.raises(ServiceError, match="ask again") as caught:
        jobs.begin("import", "one more", "c", {})
    assert caught.value.status == 429
    for job in jobs.all():
        jobs.cancel(job.id)
    gated.gate.set()


def test_an_unknown_job_is_not_found(start: Start, gated: Gated) -> None:
    with pytest.raises(ServiceError, match="no such job"):
        start(gated).find("0" * 16)


def test_jobs_go_on_after_a_restart_and_other_workers_see_them(start: Start, gated: Gated) -> None:
    first = start(gated)
    running, waiting = first.begin("import", "g", "c", {"n": 1}), first.begin("calibrate", "g", "c", {"n": 2})
    assert gated.begun.wait(10)
    other = start(lambda job, on_progress: {"by": "other", **job.given})
    assert [one.id for one in other.all()] == [waiting.id, running.id]
    assert other.find(running.id).state == "running", "one worker alone has a job in work"
    stopping = threading.Thread(target=first.close)
    stopping.start()
    assert first._stopping.wait(10)
    gated.gate.set()
    stopping.join(10)
    other._wake.set()
    assert ended(other, running).result == {"by": "other", "n": 1}
    assert ended(other, waiting).result == {"by": "other", "n": 2}


def test_a_job_that_ends_the_service_with_it_is_not_begun_again_for_ever(
    start: Start, tmp_path: Path, gated: Gated
) -> None:
    file = StateFile(tmp_path)
    with file.transaction() as db:
        for number, tries in enumerate((1, MAX_TRIES)):
            db.execute(
                "INSERT INTO jobs (id, kind, gallery, caller, given, state, created, owner, tries) "
                "VALUES (?, 'import', ?, 'c', '{}', 'running', 0, 'gone 0', ?)",
                (str(number), str(number), tries),
            )
    file.close()
    gated.gate.set()
    jobs = start(gated)
    again, given_up = (ended(jobs, jobs.find(str(number))) for number in (0, 1))
    assert again.state == "done" and given_up.state == "failed" and "ended 3 times" in given_up.message


def test_a_job_whose_end_could_not_be_written_is_done_again_and_those_after_it_are_done(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk was full for a moment."""
    ends, write = [], Jobs._end

    def once(self: Jobs, *values: Any, **named: Any) -> None:
        ends.append(values[0].id)
        if len(ends) == 1:
            raise ServiceError(503, "state_not_writable", "the disk is full")
        write(self, *values, **named)

    monkeypatch.setattr(Jobs, "_end", once)
    monkeypatch.setattr(sys.modules[Jobs.__module__], "POLL", 0.01)
    jobs = start(lambda job, on_progress: {"count": len(ends)})
    first, second = jobs.begin("import", "g", "c", {}), jobs.begin("calibrate", "g", "c", {})
    assert ended(jobs, first).result == {"count": 1} and ended(jobs, second).result == {"count": 2}
    assert ends == [first.id, first.id, second.id]


def test_names_of_refused_files_do_not_come_back_with_a_job_that_was_in_work_at_an_erasure(
    start: Start, gated: Gated
) -> None:
    def work(*values: Any) -> Mapping[str, Any]:
        return {**gated(*values), "refused": [{"file": "An/1.jpg"}]}

    jobs, other = start(work), start(work)
    job = jobs.begin("import", "g", "c", {})
    assert gated.begun.wait(10)
    other.forget_names()
    gated.gate.set()
    assert ended(jobs, job).result == {"count": 2, "gallery": "g", "refused": []}
    after = jobs.begin("import", "g", "c", {})
    assert ended(jobs, after).result["refused"] == [{"file": "An/1.jpg"}]


def test_names_of_refused_files_are_encrypted_and_forgotten_with_an_erasure(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_MASTER_KEY", "31" * 32)
    jobs = start(lambda *_: {"counts": {"broken": 1}, "refused": [{"file": "Eileen Collins/1.jpg"}]})
    job = jobs.begin("import", "g", "c", {})
    assert ended(jobs, job).result["refused"]
    assert all(b"Collins" not in path.read_bytes() for path in tmp_path.glob(f"{FILE}*"))
    jobs.forget_names()
    assert jobs.find(job.id).result == {"counts": {"broken": 1}, "refused": []}
