"""Decisions on lists of pairs: unreadable in the file, gone after their hours, without names after an erasure."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.service.pair_results import KeptPair, PairNames, PairResults
from mien.service.state_file import FILE, StateFile

HOURS = 2.0


@pytest.fixture
def file(tmp_path: Path) -> Iterator[StateFile]:
    opened = StateFile(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def results(file: StateFile, tmp_path: Path) -> PairResults:
    return PairResults(file, tmp_path, HOURS)


def pair(row: int, *, near: float | None = 0.1, review: bool = False) -> KeptPair:
    names = PairNames(id=f"case {row}", a="An Card.jpg", b="An Selfie.jpg", first="/s/An Card.jpg", second="")
    decision = {"outcome": "match", "score": 0.5, "unit": "l2", "reasons": []}
    return KeptPair(row=row, names=names, decision=decision, review=review, near=near)


def add_job(file: StateFile, job: str, ended: float | None) -> None:
    with file.transaction() as db:
        db.execute(
            "INSERT INTO jobs (id, kind, gallery, caller, given, state, created, ended) "
            "VALUES (?, 'verify', '', 'c', '{}', 'done', 0, ?)",
            (job, ended),
        )


def test_those_nearest_to_the_threshold_come_first_in_a_review(results: PairResults) -> None:
    rows = [pair(2, near=0.3, review=True), pair(3, near=0.1, review=True), pair(4, near=0.0), pair(5, near=0.2)]
    results.put("j", [*rows, pair(6, near=None, review=True)])
    results.put("other", [pair(9, review=True)])
    assert [one.row for one in results.page("j", review=True, start=0, count=9)] == [3, 2, 6]
    assert [one.row for one in results.page("j", review=False, start=1, count=2)] == [3, 4]
    assert results.find("j", 2) == rows[0] and results.find("j", 99) is None


def test_neither_names_nor_decisions_are_readable_in_the_file(
    results: PairResults, file: StateFile, tmp_path: Path
) -> None:
    results.put("j", [pair(2)])
    assert file.empty_log()
    content = (tmp_path / FILE).read_bytes()
    assert b"An Card" not in content and b"outcome" not in content
    assert results.all("j")[0].decision["outcome"] == "match"


def test_names_are_forgotten_and_decisions_stay(results: PairResults) -> None:
    results.put("j", [pair(2)])
    results.forget_names()
    [left] = results.all("j")
    assert left.names is None and left.decision == pair(2).decision


def test_decisions_are_gone_after_their_hours_also_where_the_clock_is_set_back(
    results: PairResults, file: StateFile
) -> None:
    now = time.time()
    ends = {"young": now - 60, "old": now - 3600 * HOURS - 1, "future": now + 3600 * HOURS + 60, "works": None}
    for job, ended in ends.items():
        add_job(file, job, ended)
        results.put(job, [pair(2)])
    results.put("nobody's", [pair(2)])
    results.erase_old()
    assert [job for job in (*ends, "nobody's") if results.all(job)] == ["young", "works"]
    assert results.erase("young") == 1 and not results.all("young")


def test_nothing_is_kept_where_the_operator_wants_none(file: StateFile, tmp_path: Path) -> None:
    results = PairResults(file, tmp_path, 0)
    results.put("j", [pair(2)])
    assert results.all("j") == []
