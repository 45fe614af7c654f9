"""The command line. Parses arguments, calls one room, prints. Decides nothing and computes nothing."""

import gc
import io
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import typer

from mien.cli.exit_codes import FAILED, INTERRUPTED, WRONG
from mien.cli.verbs import DEBUG, build
from mien.errors import MienError

IDLE_THREADS = ("OPENBLAS_THREAD_TIMEOUT", "4")
"""Read by numpy's matrix library when it is loaded: for how many processor cycles, as a power of two, its threads
spin after a product. By default 26: 25 ms on a core that other work needs (docs/decisions/0031-idle-threads.md)."""
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "1")
"""For the service, whose requests are computed next to each other: threads within a product would wait for each
other, and take a tenth of the processor for that (docs/decisions/0036-threads-of-the-service.md)."""
GARBAGE = 50_000
"""New objects after which Python looks for reference cycles that nothing needs any more; its own default is 700."""

USAGE: type[Exception] = typer.BadParameter.__mro__[2]
"""ClickException, the root of what a wrong command raises; older and newer typer keep it in different places."""


def run(arguments: list[str] | None = None) -> int:
    """Run one command and give its exit code."""
    _prepare_streams()
    # Pillow warns of damaged metadata; what matters of a file is in its row of the report.
    warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
    try:
        code = int(build().main(arguments, prog_name="mien", standalone_mode=False) or 0)
    except BaseException as reason:  # noqa: BLE001 - the last net: whatever ends a command is one sentence
        code = _ended_by(reason, debug=_wants_debug(sys.argv[1:] if arguments is None else arguments))
    if code == INTERRUPTED:
        _report("Interrupted. Completed work has been saved; no file was left incomplete.")
    return _flushed(code)


def _flushed(code: int) -> int:
    """The exit code, once all results are written; if they cannot be, the command failed."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
    except OSError as reason:
        from mien.faults import describe

        _discard_output()
        if code != FAILED:
            _report(describe(OSError(reason.errno, reason.strerror, "standard output")))
        return FAILED
    return code


def _discard_output() -> None:
    """Send what is still buffered nowhere; it would fail again when Python ends."""
    from mien.cli.terminal import out

    out.discard()


def _prepare_streams() -> None:
    """Let both streams take any text, and let nothing else be opened in the place of a closed one."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for as long as Python runs
        # File names may hold bytes that are not UTF-8; they are shown written out.
        if isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _ended_by(reason: BaseException, *, debug: bool) -> int:
    """The exit code for what ended a command, after its sentence on standard error."""
    if isinstance(reason, typer.Exit):
        return int(reason.exit_code)
    if isinstance(reason, KeyboardInterrupt | typer.Abort):
        return INTERRUPTED
    if isinstance(reason, SystemExit):
        raise reason
    if isinstance(reason, BrokenPipeError):
        # The reader of standard output went away (mien ... | head); that is not an error of mien.
        _discard_output()
        return 0
    if isinstance(reason, USAGE):
        command = getattr(getattr(reason, "ctx", None), "command_path", "mien")
        _report(f"{_sentence(reason)} See `{command} --help`.")
        return WRONG
    if debug:
        _report_traceback(reason)
    if isinstance(reason, MienError):
        _report(str(reason))
    else:
        from mien.faults import ADVICE, describe

        _report(describe(reason).removesuffix(ADVICE if debug else ""))
    return FAILED


def _wants_debug(arguments: Sequence[str]) -> bool:
    """Whether the traceback of a failure is wanted: by the option, or by MIEN_DEBUG."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return DEBUG in options or os.environ.get("MIEN_DEBUG", "0") not in ("", "0")


def _report_traceback(reason: BaseException) -> None:
    import traceback

    from mien.cli.terminal import err

    err.print("".join(traceback.format_exception(reason)).rstrip())


def _report(message: str) -> None:
    """One sentence on standard error."""
    from mien.cli.terminal import err

    err.print(f"mien: {message}")


def _sentence(reason: BaseException) -> str:
    """What click says of a wrong command."""
    return str(reason.format_message()) if isinstance(reason, typer.BadParameter) else str(reason)


def main() -> None:
    """The console script."""
    os.environ.setdefault(*IDLE_THREADS)
    if sys.argv[1:2] == ["serve"] and "--help" not in sys.argv:
        from mien.freed_memory import restart_to_overwrite

        os.environ.setdefault(*ONE_THREAD)
        restart_to_overwrite()
    # Most objects of a start stay: looking for garbage among them takes a tenth of the start's time.
    gc.set_threshold(GARBAGE)
    sys.exit(run())
