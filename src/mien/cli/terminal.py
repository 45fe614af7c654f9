"""What every verb shares of the terminal: output, exit codes and errors. Knows no model.

Results go to standard output, as tables or, with --json, as one JSON value per line. Everything else (progress,
counts, errors) goes to standard error. Names come from others, so control characters are written out in both.

Exit codes: 0 done; 1 done, and the answer is no (no match, nobody recognized, no face); 2 the command was
wrong; 3 it could not be done; 4 done, but some inputs failed; 5 done, and the answer is uncertain;
130 interrupted.
"""

import codecs
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn, TextIO

import typer

from mien.cli.exit_codes import FAILED, INTERRUPTED, NO, OK, PARTLY, UNCERTAIN, WRONG
from mien.cli.printable import printable, printable_json
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
        """Write a line, at once; control characters of names are written out."""
        with self.written():
            self.file.write(f"{printable(text)}\n")
            self.file.flush()

    @contextmanager
    def written(self) -> Iterator[None]:
        """Name the stream in an error of writing to it; messages that nobody can receive stop no work.

        Raises:
            OSError: standard output cannot be written to.
        """
        try:
            yield
        except OSError as reason:
            self.discard()
            if self._name == "stdout":
                # What OSError makes of the number stays: a closed pipe is a BrokenPipeError.
                raise OSError(reason.errno, reason.strerror, "standard output") from reason

    def discard(self) -> None:
        """Send what is still to be written nowhere; what is buffered would fail again when Python ends."""
        # Streams of callers and tests have no number.
        with suppress(OSError), Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), self.file.fileno())


out, err = Stream("stdout"), Stream("stderr")

QUIET = 2.0
"""Seconds before a progress bar appears."""


def emit(value: object) -> None:
    """Write one JSON line to standard output, at once; it is valid JSON whatever the stream's encoding is."""
    with out.written():
        out.file.write(_json_line(value, out.file.encoding) + "\n")
        out.file.flush()


def _json_line(value: object, encoding: str | None) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        # JSON has no NaN and no infinity.
        text = json.dumps(_without_nan(value), ensure_ascii=False)
    is_utf_8 = codecs.lookup(encoding or "utf-8").name == "utf-8"
    return printable_json(text if is_utf_8 else json.dumps(json.loads(text)))


def _without_nan(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _without_nan(each) for key, each in value.items()}
    return [_without_nan(each) for each in value] if isinstance(value, list | tuple) else value


def fail(message: str, code: int = FAILED) -> NoReturn:
    """End with one sentence on standard error."""
    err.print(f"mien: {message}")
    raise typer.Exit(code)


def show(table: TerminalTable) -> None:
    """Print a table, unless it is empty."""
    if not table.rows:
        return
    if out.is_terminal:
        with out.written():
            out.rich.print(table.drawn(), soft_wrap=False)
    else:
        out.print(table.text())


def plural(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
