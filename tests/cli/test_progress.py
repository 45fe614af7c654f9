"""The progress bar of long verbs."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from mien.cli import progress as bars
from mien.progress import Progress


def shown(monkeypatch: pytest.MonkeyPatch, points: list[Progress]) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    clock = iter(range(0, 100, 3))
    monkeypatch.setattr(bars, "err", SimpleNamespace(rich=console, is_terminal=console.is_terminal))
    monkeypatch.setattr(bars.time, "monotonic", lambda: float(next(clock)))
    with bars.progress_bar() as update:
        for point in points:
            update(point)
    return console.file.getvalue()


def test_every_stage_has_its_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [Progress(stage=stage, done=done, total=9) for stage in ("reading", "embedding") for done in (3, 6)]
    text = shown(monkeypatch, points)
    assert "reading" in text and "embedding" in text and "6/9" in text
    assert "?" in shown(monkeypatch, [Progress(stage="reading", done=7)]), "a total that is not known"


def test_work_under_two_seconds_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [Progress(stage="reading", done=3, total=9)]
    monkeypatch.setattr(bars, "QUIET", 5.0)
    assert "reading" not in shown(monkeypatch, points)


def written(points: list[tuple[float, Progress]]) -> list[str]:
    """The lines that points at some seconds give where there is no terminal."""
    found: list[str] = []
    clock = iter([0.0, *(seconds for seconds, _ in points)])
    update = bars.lines(found.append, lambda: next(clock))
    for _, point in points:
        update(point)
    return found


def embedding(done: int, total: int | None = 1000) -> Progress:
    return Progress(stage="embedding", done=done, total=total)


def test_long_work_in_a_log_says_every_ten_seconds_what_is_done_how_fast_and_how_long_it_takes() -> None:
    points = [(float(seconds), embedding(seconds * 20)) for seconds in range(1, 41)]
    assert written(points) == [
        "embedding: 200 of 1000, 20.0 per second, 40 s left",
        "embedding: 400 of 1000, 20.0 per second, 30 s left",
        "embedding: 600 of 1000, 20.0 per second, 20 s left",
        "embedding: 800 of 1000, 20.0 per second, 10 s left",
    ]


def test_work_of_less_than_ten_seconds_writes_no_line() -> None:
    assert written([(float(seconds), embedding(seconds)) for seconds in range(10)]) == []


def test_work_that_was_resumed_does_not_look_quicker_than_it_is() -> None:
    assert written([(1.0, embedding(900)), (11.0, embedding(910))]) == [
        "embedding: 910 of 1000, 1.0 per second, 1 min 30 s left"
    ]


def test_a_total_that_is_not_known_and_slow_items_have_lines_too() -> None:
    assert written([(0.0, embedding(0, None)), (60.0, embedding(2, None))]) == ["embedding: 2, 30 seconds each"]
    assert written([(20.0, embedding(1, 3))]) == ["embedding: 1 of 3"]


def test_the_rate_of_a_stage_begins_with_the_stage() -> None:
    reading = Progress(stage="reading", done=5000, total=5000)
    points = [(1.0, reading), (9.0, embedding(0)), (14.0, embedding(10))]
    assert written(points) == ["embedding: 10 of 1000, 2.0 per second, 8 min 15 s left"]


def test_a_log_gets_lines_and_no_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter((0.0, 0.0, 10.0))
    monkeypatch.setattr(bars.time, "monotonic", lambda: next(clock))
    with bars.progress_bar() as update:
        update(embedding(0))
        update(embedding(100))
    assert capsys.readouterr().err == "embedding: 100 of 1000, 10.0 per second, 1 min 30 s left\n"


def test_durations_have_two_units() -> None:
    assert [bars.duration(seconds) for seconds in (-1, 59.4, 61, 3700)] == ["0 s", "59 s", "1 min 01 s", "1 h 01 min"]


def test_a_second_file_of_a_stage_has_its_own_rate() -> None:
    points = [(1.0, embedding(900)), (5.0, embedding(0)), (15.0, embedding(100))]
    assert written(points) == ["embedding: 100 of 1000, 10.0 per second, 1 min 30 s left"]
