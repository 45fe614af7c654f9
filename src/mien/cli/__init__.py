"""The command line. Parses arguments, calls one room, prints. Decides nothing and computes nothing."""

import io
import os
import sys
import warnings

import typer

from mien.cli.terminal import FAILED, INTERRUPTED, WRONG, err
from mien.errors import MienError

USAGE: type[Exception] = typer.BadParameter.__mro__[2]
"""ClickException, the root of what a wrong command raises; older and newer typer keep it in different places."""

EXIT_CODES = (
    "Exit codes: 0 done; 1 done, and the answer is no; 2 wrong command; 3 it could not be done; "
    "4 done, but some inputs failed; 130 interrupted."
)


def build() -> typer.Typer:
    """The program with all its verbs."""
    from mien.cli import (
        audit,
        bench,
        compare,
        config,
        data,
        detect,
        doctor,
        embed,
        enrol,
        evaluate,
        identify,
        models,
        subjects,
        tour,
        train,
    )

    app = typer.Typer(
        name="mien",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Face recognition from a folder of portraits to a decision.",
        epilog=f"Examples: mien tour | mien compare a.jpg b.jpg | mien enrol staff.gallery portraits/ | "
        f"mien identify staff.gallery photo.jpg. {EXIT_CODES}",
    )
    app.command()(tour.tour)
    app.command()(detect.detect)
    app.command()(compare.compare)
    app.command()(audit.check)
    app.command()(audit.audit)
    app.command()(enrol.enrol)
    app.command()(enrol.reenrol)
    app.command()(identify.identify)
    app.command()(subjects.subjects)
    app.command()(subjects.remove)
    app.add_typer(models.app, name="models")
    app.add_typer(data.app, name="data")
    app.command()(embed.embed)
    app.add_typer(evaluate.app, name="evaluate")
    app.add_typer(bench.app, name="bench")
    app.add_typer(config.app, name="config")
    app.command()(train.train)
    app.command()(train.export)
    app.command("convert-threshold")(embed.convert_threshold)
    app.command()(doctor.doctor)
    return app


def run(arguments: list[str] | None = None) -> int:
    """Run one command and give its exit code."""
    # File names may hold bytes that are no UTF-8; they are shown written out.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # Pillow warns of damaged metadata; what matters of a file is in its row of the report.
    warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
    try:
        code = int(build()(arguments, prog_name="mien", standalone_mode=False) or 0)
    except MienError as reason:
        err.print(f"mien: {reason}")
        return FAILED
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of standard output went away (mien ... | head); that is no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except typer.Exit as reason:
        code = reason.exit_code
    except USAGE as reason:
        err.print(f"mien: {_sentence(reason)} See `mien --help`.")
        return WRONG
    if code == INTERRUPTED:
        err.print("mien: interrupted; what was reported as done is done, and nothing is half written")
    return code


def _sentence(reason: BaseException) -> str:
    """What click says of a wrong command."""
    return str(reason.format_message()) if isinstance(reason, typer.BadParameter) else str(reason)


def main() -> None:
    """The console script."""
    sys.exit(run())
