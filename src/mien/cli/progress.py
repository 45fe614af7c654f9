"""A progress bar for use cases: turns their callbacks into one bar per stage on standard error. Computes nothing."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from mien import progress
from mien.cli.terminal import QUIET, err
from mien.progress import OnProgress


@contextmanager
def progress_bar() -> Iterator[OnProgress]:
    """Show a progress bar for every stage that takes longer than two seconds.

    Yields:
        The callback for the use case's `on_progress`.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.0f}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err.rich, transient=True, disable=not err.is_terminal, auto_refresh=False) as bar:
        stages: dict[str, tuple[TaskID, float]] = {}

        def update(point: progress.Progress) -> None:
            if point.stage not in stages:
                for task, _ in stages.values():
                    bar.update(task, visible=False)
                task = bar.add_task(point.stage, total=point.total, rate=0.0, visible=False)
                stages[point.stage] = task, time.monotonic()
            task, started = stages[point.stage]
            seconds = time.monotonic() - started
            if seconds > QUIET:
                rate = point.done / seconds
                bar.update(task, completed=point.done, total=point.total, rate=rate, visible=True)
                bar.refresh()

        yield update
