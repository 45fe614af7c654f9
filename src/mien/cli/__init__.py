"""The command line. Parses arguments, calls one room, prints. Decides nothing and computes nothing."""

import io
import os
import sys
import warnings

import typer

from mien.cli.exit_codes import FAILED, INTERRUPTED, WRONG
from mien.cli.verbs import build
from mien.errors import MienError

USAGE: type[Exception] = typer.BadParameter.__mro__[2]
"""ClickException, the root of what a wrong command raises; older and newer typer keep it in different places."""


def run(arguments: list[str] | None = None) -> int:
    """Run one command and give its exit code."""
    # File names may hold bytes that are no UTF-8; they are shown written out.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # Pillow warns of damaged metadata; what matters of a file is in its row of the report.
    warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
    try:
        code = int(build().main(arguments, prog_name="mien", standalone_mode=False) or 0)
    except MienError as reason:
        _report(str(reason))
        return FAILED
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of standard output went away (mien ... | head); that is not an error of mien.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except typer.Exit as reason:
        code = reason.exit_code
    except USAGE as reason:
        _report(f"{_sentence(reason)} See `mien --help`.")
        return WRONG
    if code == INTERRUPTED:
        _report("Interrupted. Completed work has been saved; no file was left incomplete.")
    return code


def _report(message: str) -> None:
    """One sentence on standard error."""
    from mien.cli.terminal import err

    err.print(f"mien: {message}")


def _sentence(reason: BaseException) -> str:
    """What click says of a wrong command."""
    return str(reason.format_message()) if isinstance(reason, typer.BadParameter) else str(reason)


def main() -> None:
    """The console script."""
    sys.exit(run())
