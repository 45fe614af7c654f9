"""Reports in the terminal: the headline and the first tables."""

import pytest

from mien.cli.reports import MAX_TABLES, print_report
from mien.evaluate.report import Evaluated, Report, Table
from mien.evaluate.wording import message
from mien.messages import Text


def report(*headline: Text, tables: int = 5) -> Report:
    about = Evaluated(
        model="m", contract="c", unit="L2", source="s", detector="", samples=1, subjects=1, not_embedded={}
    )
    made = tuple(Table(title=f"table {k}", columns=("name", "n"), rows=((f"row {k}", 1234),)) for k in range(tables))
    return Report(protocol="p", title="t", about=about, headline=headline, numbers={}, tables=made)


@pytest.mark.parametrize("limit", [MAX_TABLES, 1])
def test_the_headline_and_the_first_tables_are_printed(limit: int, capsys: pytest.CaptureFixture[str]) -> None:
    print_report(report("First.", "Second."), limit, mark="* ")
    shown = capsys.readouterr().out
    assert shown.startswith("* First.\n* Second.\n")
    assert [f"table {k}" in shown and f"row {k}" in shown for k in range(5)] == [k < limit for k in range(5)]
    assert shown.count("1,234") == limit


def test_a_report_in_no_language_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TypeError, match="is not in a language yet"):
        print_report(report(message("not-measured")))
    assert capsys.readouterr().out == ""
