"""Reports of mien.evaluate in the terminal. Writes no file."""

from mien.cli.tables import TerminalTable
from mien.cli.terminal import out, show
from mien.evaluate.markdown import cell_text
from mien.evaluate.report import Report, spoken

MAX_TABLES = 3
"""Tables of a report that are printed; the others are in the files."""


def print_report(report: Report, max_tables: int = MAX_TABLES, mark: str = "") -> None:
    """Print the headline and the first tables of a report that is in a language already."""
    for text in report.headline:
        out.print(f"{mark}{spoken(text)}")
    for table in report.tables[:max_tables]:
        shown = TerminalTable(*map(spoken, table.columns), title=spoken(table.title))
        for row in table.rows:
            shown.add_row(*map(cell_text, row))
        show(shown)
