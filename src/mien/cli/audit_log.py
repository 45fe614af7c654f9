"""mien audit-log: a log of what was done, in which every change shows."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.terminal import NO, OK, emit, out, plural
from mien.gallery.audit_log import verify_audit_log

app = typer.Typer(no_args_is_help=True, help="A log of who did what, in which every change shows: check it.")

Log = Annotated[Path, typer.Argument(help="The log.", show_default=False)]


@app.command("verify")
def verify(
    log: Log,
    head: Annotated[
        str | None,
        typer.Option("--head", help="What `mien audit-log head` printed earlier.", show_default=False),
    ] = None,
    json: options.Json = False,
) -> int:
    """Check that no line was changed, removed or put elsewhere; exit code 1 names the first one that was.

    Lines that are missing at the end show only against a head that was written down earlier.

    Examples:

      mien audit-log verify audit.log

      mien audit-log verify audit.log --head 12:5f3a...
    """
    verdict = verify_audit_log(log, head)
    fault = verdict.fault
    if json:
        about = None if fault is None else {"line": fault.line, "reason": fault.reason}
        emit({"intact": bool(verdict), "lines": verdict.head.lines, "head": str(verdict.head), "fault": about})
    elif fault is None:
        out.print(f"{log}: {plural(verdict.head.lines, 'line')}, all as they were written")
    else:
        out.print(f"{log}: line {fault.line} is not what was written: {fault.reason}")
    return OK if verdict else NO


@app.command("head")
def show_head(log: Log) -> int:
    """Print the head of a log, to be kept elsewhere: its number of lines and the hash of the last one.

    Example:

      mien audit-log head audit.log
    """
    verdict = verify_audit_log(log)
    out.print(str(verdict.head))
    return OK if verdict else NO
