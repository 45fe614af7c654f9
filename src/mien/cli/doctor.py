"""mien doctor: what is on this machine, what is missing, and the command that fixes it."""

from dataclasses import asdict

from mien.cli import options
from mien.cli.tables import TerminalTable
from mien.cli.terminal import FAILED, emit, err, plural, show
from mien.models.report import examine


def doctor(json: options.Json = False) -> int:
    """Check engine, processor, packages and models. Exit code 3: something is broken.

    Example:

      mien doctor
    """
    checks = examine()
    table = TerminalTable("what", "state", "found", "how to fix it")
    for check in checks:
        if json:
            emit(asdict(check))
        table.add_row(check.topic, check.state, check.detail, check.remedy)
    if not json:
        show(table)
    bad = sum(check.state == "bad" for check in checks)
    err.print(f"{plural(bad, 'thing')} to fix" if bad else "everything that is needed is here")
    return FAILED if bad else 0
