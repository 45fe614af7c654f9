"""Counts are the same in memory and in a file, and workers share those in a file."""

from pathlib import Path

import pytest

from mien.service.auth import counts
from mien.service.auth.counts import Counts, MemoryCounts, SharedCounts
from mien.service.auth.lockout import PER_PAIR, Lockout
from mien.service.auth.rates import Rates
from mien.service.errors import ServiceError
from mien.service.state_file import StateFile


@pytest.fixture(params=["memory", "file"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Counts:
    return MemoryCounts() if request.param == "memory" else SharedCounts(StateFile(tmp_path), "tests")


def test_events_are_counted_until_their_span_is_over(made: Counts, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(counts.time, "monotonic", lambda: now)
    assert made.get("a", 60) == (1000.0, 0)
    assert made.add("a", 60) == (1000.0, 1)
    now = 1050.0
    assert made.add("a", 60) == (1000.0, 2) == made.get("a", 60) and made.get("b", 60)[1] == 0
    now = 1060.0
    assert made.get("a", 60) == (1060.0, 0) and made.add("a", 60) == (1060.0, 1)
    made.drop("a")
    assert made.get("a", 60)[1] == 0


def test_a_count_of_before_the_machine_was_started_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = StateFile(tmp_path)
    monkeypatch.setattr(counts.time, "monotonic", lambda: 90_000.0)
    SharedCounts(file, "x").add("a", 60)
    monkeypatch.setattr(counts.time, "monotonic", lambda: 12.0)
    assert SharedCounts(file, "x").get("a", 60) == (12.0, 0)


def test_two_workers_count_together_and_kinds_stay_apart(tmp_path: Path) -> None:
    one, other = StateFile(tmp_path), StateFile(tmp_path)
    first, second = Rates(3, SharedCounts(one, "requests")), Rates(3, SharedCounts(other, "requests"))
    for worker in (first, second, first):
        worker.count("key 1")
    with pytest.raises(ServiceError, match="3 requests per minute"):
        second.count("key 1")
    here, there = Lockout(SharedCounts(one, "failures")), Lockout(SharedCounts(other, "failures"))
    for number in range(PER_PAIR):
        (here, there)[number % 2].failed("An", "10.0.0.1")
    for worker in (here, there):
        with pytest.raises(ServiceError, match="too many failed attempts"):
            worker.require("An", "10.0.0.1")
    there.succeeded("An", "10.0.0.1")
    here.require("An", "10.0.0.1")


def test_many_requests_do_not_end_a_lockout(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    failures, requests = SharedCounts(file, "failures", 5), SharedCounts(file, "requests", 5)
    failures.add("An", 900)
    for _ in range(20):
        requests.add("key 1", 900)
    failures.add("Bình", 900)
    assert failures.get("An", 900)[1] == 1 and requests.get("key 1", 900)[1] == 20


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_no_more_are_remembered_than_there_is_room_for(kind: str, tmp_path: Path) -> None:
    made = MemoryCounts(5) if kind == "memory" else SharedCounts(StateFile(tmp_path), "x", 5)
    for number in range(20):
        made.add(str(number), 60)
    assert [made.get(str(number), 60)[1] for number in (19, 17, 2)] == [1, 1, 0]


def test_whether_somebody_is_locked_out_is_asked_while_another_worker_counts(tmp_path: Path) -> None:
    one, other = StateFile(tmp_path), StateFile(tmp_path)
    lockout = Lockout(SharedCounts(one, "failures"))
    lockout.failed("An", "10.0.0.1")
    with other.transaction():
        lockout.require("An", "10.0.0.1")
    one.close()
    other.close()
