"""mien doctor: what is on this machine, what is missing, and the command that mends it."""

from mien.cli import options
from mien.cli.tables import Table
from mien.cli.terminal import FAILED, emit, err, plural, show
from mien.models.report import examine


def doctor(json: options.Json = False) -> int:
    """Check engine, processor, packages and models. Exit code 3: something is broken.

    Example:

      mien doctor
    """
    findings = examine()
    table = Table("what", "state", "found", "to mend it")
    for finding in findings:
        if json:
            emit({"topic": finding.topic, "state": finding.state, "detail": finding.detail, "remedy": finding.remedy})
        table.add_row(finding.topic, finding.state, finding.detail, finding.remedy)
    if not json:
        show(table)
    bad = sum(finding.state == "bad" for finding in findings)
    err.print(f"{plural(bad, 'thing')} to mend" if bad else "everything that is needed is here")
    return FAILED if bad else 0
