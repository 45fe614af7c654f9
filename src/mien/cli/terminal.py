"""What every verb shares of the terminal: output, exit codes and errors. Knows no model.

Results go to standard output, as tables or, with --json, as one JSON value per line. Everything else (progress,
counts, errors) goes to standard error.

Exit codes: 0 done; 1 done, and the answer is no (no match, nobody recognized, no face); 2 the command was
wrong; 3 it could not be done; 4 done, but some inputs failed; 5 done, and the answer is uncertain;
130 interrupted.
"""

import json
import sys
from typing import TYPE_CHECKING, Literal, NoReturn, TextIO

import typer

from mien.cli.exit_codes import FAILED, INTERRUPTED, NO, OK, PARTLY, UNCERTAIN, WRONG
from mien.cli.tables import TerminalTable

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "FAILED",
    "INTERRUPTED",
    "NO",
    "OK",
    "PARTLY",
    "UNCERTAIN",
    "WRONG",
    "emit",
    "err",
    "fail",
    "out",
    "plural",
    "show",
]


class Stream:
    """Standard output or standard error: plain lines, and on a terminal what rich draws."""

    def __init__(self, name: Literal["stdout", "stderr"]) -> None:
        self._name = name
        self._console: Console | None = None

    @property
    def file(self) -> TextIO:
        """The stream as it is now; tests and callers may exchange it."""
        return getattr(sys, self._name)  # type: ignore[no-any-return]

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads it."""
        return self.file.isatty()

    @property
    def rich(self) -> "Console":
        """The console that draws tables, bars and images; loaded on first use, since it is slow to load."""
        from rich.console import Console

        if self._console is None:
            self._console = Console(stderr=self._name == "stderr", highlight=False, markup=False, soft_wrap=True)
        return self._console

    def print(self, text: str = "") -> None:
        """Write a line, at once."""
        self.file.write(f"{text}\n")
        self.file.flush()


out, err = Stream("stdout"), Stream("stderr")

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


def show(table: TerminalTable) -> None:
    """Print a table, unless it is empty."""
    if not table.rows:
        return
    if out.is_terminal:
        out.rich.print(table.drawn(), soft_wrap=False)
    else:
        out.print(table.text())


def plural(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
