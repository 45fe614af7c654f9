"""The same key gets the first answer; another body, another caller and a failure do not."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from mien.service import idempotency
from mien.service.errors import ServiceError
from mien.service.idempotency import Replays
from mien.service.state_file import FILE, StateFile

ANSWER = (201, b'{"name": "Eileen Collins"}', "application/json")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[StateFile]:
    opened = StateFile(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def replays(file: StateFile) -> Replays:
    return Replays(file)


def test_a_repeated_request_gets_the_first_answer(replays: Replays) -> None:
    assert replays.begin("a", "key", "print") is None
    with pytest.raises(ServiceError, match="in work") as caught:
        replays.begin("a", "key", "print")
    assert caught.value.status == 409
    replays.finish("a", "key", ANSWER)
    assert replays.begin("a", "key", "print") == ANSWER


def test_a_key_of_another_request_is_refused_and_one_of_another_caller_is_new(replays: Replays) -> None:
    replays.begin("a", "key", "print")
    replays.finish("a", "key", ANSWER)
    with pytest.raises(ServiceError, match="used for another request"):
        replays.begin("a", "key", "other")
    assert replays.begin("b", "key", "other") is None


def test_a_failed_request_may_be_tried_again(replays: Replays) -> None:
    replays.begin("a", "key", "print")
    replays.finish("a", "key", None)
    assert replays.begin("a", "key", "print") is None


def test_answers_are_forgotten_when_somebody_is_erased_and_after_a_day(
    replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    for forget in (replays.forget, lambda: monkeypatch.setattr(idempotency, "SECONDS", -1.0)):
        replays.begin("a", "key", "print")
        replays.finish("a", "key", ANSWER)
        forget()
        assert replays.begin("a", "key", "print") is None
        replays.finish("a", "key", None)


def test_what_is_kept_is_bounded(replays: Replays, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "MAX_BYTES", 1000)
    for number in range(20):
        replays.begin("a", str(number), "print")
        replays.finish("a", str(number), (200, b"x" * 300, ""))
    assert replays.begin("a", "0", "print") is None and replays.begin("a", "19", "print") is not None


def test_a_request_in_work_is_not_done_twice_however_many_come_after_it(
    replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "MAX_ANSWERS", 3)
    assert replays.begin("a", "slow", "print") is None
    for number in range(10):
        replays.begin("a", str(number), "print")
        replays.finish("a", str(number), ANSWER)
    monkeypatch.setattr(idempotency.time, "time", lambda: 0.0)
    with pytest.raises(ServiceError, match="in work"):
        replays.begin("a", "slow", "print")


def test_what_is_kept_is_not_counted_again_with_each_request(
    file: StateFile, replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 10,000 answers that took longer than most requests, while no other worker could write."""
    counted: list[str] = []
    file._db.set_trace_callback(lambda sql: counted.append(sql) if "sum(length" in sql else None)
    for number in range(20):
        replays.begin("a", str(number), "print")
        replays.finish("a", str(number), ANSWER)
    assert len(counted) == 1


def test_a_restart_and_another_worker_know_what_was_answered_and_the_file_shows_no_name(
    file: StateFile, replays: Replays, tmp_path: Path
) -> None:
    replays.begin("a", "key", "print")
    other = StateFile(tmp_path)
    with pytest.raises(ServiceError, match="in work"):
        Replays(other).begin("a", "key", "print")
    replays.finish("a", "key", ANSWER)
    assert Replays(other).begin("a", "key", "print") == ANSWER
    other.close()
    content = b"".join(path.read_bytes() for path in tmp_path.glob(f"{FILE}*"))
    assert content and b"Collins" not in content and b"application/json" not in content
    replays.forget()
    with file.transaction() as db:
        assert db.execute("SELECT count(*) FROM replays").fetchone() == (0,)


def test_a_request_that_a_crash_cut_off_may_be_sent_again(replays: Replays, tmp_path: Path) -> None:
    crashed = StateFile(tmp_path)
    assert Replays(crashed).begin("a", "key", "print") is None
    crashed.close()
    assert replays.begin("a", "key", "print") is None


def test_a_write_is_answered_and_not_done_twice_where_its_answer_cannot_be_kept(
    replays: Replays, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    replays.begin("a", "key", "print")
    with monkeypatch.context() as patch:

        def full(*_: object) -> None:
            raise ServiceError(503, "state_not_writable", "the disk is full")

        patch.setattr(replays, "finish", full)
        asyncio.run(idempotency._keep(replays, "a", "key", ANSWER))
    assert "could not be kept" in caplog.text and "Collins" not in caplog.text
    with pytest.raises(ServiceError, match="in work"):
        replays.begin("a", "key", "print")


def test_answers_are_forgotten_where_the_clock_was_set_back(
    replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    replays.begin("a", "key", "print")
    replays.finish("a", "key", ANSWER)
    now = time.time()
    monkeypatch.setattr(idempotency, "time", SimpleNamespace(time=lambda: now - 3600))
    assert replays.begin("a", "key", "print") == ANSWER, "an hour back is within the day"
    monkeypatch.setattr(idempotency, "time", SimpleNamespace(time=lambda: now - 2 * 86400))
    assert replays.begin("a", "key", "print") is None
