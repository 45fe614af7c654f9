"""The progress bar of long verbs."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from mien.cli import progress as bars
from mien.progress import Progress


def shown(monkeypatch: pytest.MonkeyPatch, points: list[Progress], terminal: bool = True) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=120)
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


def test_work_under_two_seconds_and_files_get_none(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [Progress(stage="reading", done=3, total=9)]
    assert "reading" not in shown(monkeypatch, points, terminal=False)
    monkeypatch.setattr(bars, "QUIET", 5.0)
    assert "reading" not in shown(monkeypatch, points)
