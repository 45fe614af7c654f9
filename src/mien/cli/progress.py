"""Progress of use cases on standard error: a bar per stage on a terminal, a line now and then elsewhere.

Turns the callbacks of use cases into what a person sees. Computes nothing but rates.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mien import progress
from mien.cli.terminal import QUIET, err
from mien.progress import OnProgress

LINE_EVERY = 10.0
"""Seconds between the lines of long work where nobody sees a bar."""


@contextmanager
def progress_bar() -> Iterator[OnProgress]:
    """Show a bar for every stage that takes longer than two seconds; without a terminal, a line every ten seconds.

    Yields:
        The callback for the use case's `on_progress`.
    """
    if err.is_terminal:
        with _bars() as update:
            yield update
    else:
        yield lines(err.print)


def lines(write: Callable[[str], None], clock: Callable[[], float] | None = None) -> OnProgress:
    """Make a callback that writes a line every ten seconds.

    Args:
        write: takes a line.
        clock: gives seconds; None takes the machine's.
    """
    read = clock or time.monotonic
    pace: _Pace | None = None
    last = read()

    def update(point: progress.Progress) -> None:
        nonlocal pace, last
        now = read()
        if pace is None or pace.stage != point.stage or point.done < pace.done:
            pace = _Pace(point.stage, now, point.done)
        if now - last >= LINE_EVERY:
            last = now
            write(_line(point, pace.rate(point, now)))

    return update


@dataclass(frozen=True, slots=True)
class _Pace:
    """Where a stage began: work that was done in an earlier run does not make it look quick."""

    stage: str
    started: float
    done: int

    def rate(self, point: progress.Progress, now: float) -> float:
        """Items per second since the stage began; 0 where that is not known yet."""
        return (point.done - self.done) / (now - self.started) if now > self.started else 0.0


def _line(point: progress.Progress, rate: float) -> str:
    """What is done, how fast, and how long the rest takes."""
    of = "" if point.total is None else f" of {point.total}"
    parts = [f"{point.stage}: {point.done}{of}"]
    if rate > 0:
        parts.append(f"{rate:.1f} per second" if rate >= 1 else f"{1 / rate:.0f} seconds each")
        if point.total is not None:
            parts.append(f"{duration((point.total - point.done) / rate)} left")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """A duration in its two largest units."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


@contextmanager
def _bars() -> Iterator[OnProgress]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.0f}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err.rich, transient=True, auto_refresh=False) as bar:
        stages: dict[str, tuple[TaskID, _Pace]] = {}

        def update(point: progress.Progress) -> None:
            now = time.monotonic()
            if point.stage not in stages:
                for task, _ in stages.values():
                    bar.update(task, visible=False)
                task = bar.add_task(point.stage, total=point.total, rate=0.0, visible=False)
                stages[point.stage] = task, _Pace(point.stage, now, point.done)
            task, pace = stages[point.stage]
            if now - pace.started > QUIET:
                bar.update(task, completed=point.done, total=point.total, rate=pace.rate(point, now), visible=True)
                bar.refresh()

        yield update
