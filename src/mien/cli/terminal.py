"""What every verb shares of the terminal: output, progress, exit codes and errors. Knows no model.

Results go to standard output, as tables or, with --json, as one JSON value a line. Everything else (progress,
counts, errors) goes to standard error.

Exit codes: 0 done; 1 done, and the answer is no (no match, nobody recognized, no face); 2 the command was
wrong; 3 it could not be done; 4 done, but some inputs failed; 130 interrupted.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from mien.cli.exit_codes import FAILED, INTERRUPTED, NO, OK, PARTLY, WRONG

__all__ = [
    "FAILED",
    "INTERRUPTED",
    "NO",
    "OK",
    "PARTLY",
    "WRONG",
    "counting",
    "emit",
    "err",
    "fail",
    "out",
    "plural",
    "show",
    "track",
]

WIDE = 200
"""Columns where the output is no terminal, so that tables in files and logs are not cut."""

out = Console(highlight=False, markup=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDE)
err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)

T = TypeVar("T")
QUIET = 2.0
"""Seconds before a progress bar appears."""


def emit(value: object) -> None:
    """Write one JSON line to standard output, at once."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def fail(message: str, code: int = FAILED) -> NoReturn:
    """End with one sentence on standard error."""
    err.print(f"mien: {message}")
    raise typer.Exit(code)


def show(table: Table) -> None:
    """Print a table, unless it is empty; long cells are folded, never cut."""
    for column in table.columns:
        column.overflow = "fold"
    if table.row_count:
        out.print(table, soft_wrap=False)


@contextmanager
def counting(total: int | None, label: str) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on standard error for work that takes longer than two seconds.

    Yields:
        A function to be told how many are done.
    """
    started = time.monotonic()
    columns = (
        TextColumn(label),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.0f}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal, auto_refresh=False) as bar:
        task = bar.add_task(label, total=total, rate=0.0, visible=False)

        def tell(done: int) -> None:
            seconds = time.monotonic() - started
            if seconds > QUIET:
                bar.update(task, completed=done, rate=done / seconds, visible=True)
                bar.refresh()

        yield tell


def track(items: Iterable[T], total: int | None, label: str) -> Iterator[T]:
    """Pass items on, with a progress bar; see counting."""
    with counting(total, label) as tell:
        for done, item in enumerate(items, start=1):
            yield item
            tell(done)


def plural(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
