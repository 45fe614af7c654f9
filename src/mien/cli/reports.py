"""Reports of mien.evaluate in the terminal. Writes no file."""

from mien.cli.tables import Table
from mien.cli.terminal import out, show
from mien.evaluate.report import Report

MAX_TABLES = 3
"""Tables of a report that are printed; the others are in the files."""


def print_report(report: Report, max_tables: int = MAX_TABLES, mark: str = "") -> None:
    """Print the headline and the first tables of a report."""
    for text in report.headline:
        out.print(f"{mark}{text}")
    for table in report.tables[:max_tables]:
        shown = Table(*table.columns, title=table.title)
        for row in table.rows:
            shown.add_row(
                *("" if cell is None else f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row)
            )
        show(shown)
