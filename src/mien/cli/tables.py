"""Tables that verbs print: with frames on a terminal, as plain columns where the output goes to a file or a pipe."""

import unicodedata
from typing import TYPE_CHECKING

from mien.cli.printable import printable

if TYPE_CHECKING:
    from rich.table import Table as RichTable

GAP = "  "


class TerminalTable:
    """Rows of text under column names. Loads no library until it is drawn on a terminal."""

    def __init__(self, *columns: str, title: str = "") -> None:
        self.columns, self.title = columns, title
        self.rows: list[tuple[str, ...]] = []

    def add_row(self, *cells: str) -> None:
        """Add a row; missing cells at its end are empty."""
        self.rows.append((*cells, *[""] * (len(self.columns) - len(cells))))

    def text(self) -> str:
        """The table as plain columns, nothing cut or folded, without a line end after the last row."""
        lines = [self.columns, *(tuple(printable(cell.replace("\n", " ")) for cell in row) for row in self.rows)]
        widths = [max(width_of(line[place]) for line in lines) for place in range(len(self.columns))]
        shown = [GAP.join(_padded(cell, width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        return "\n".join(line.rstrip() for line in ([self.title] if self.title else []) + shown)

    def drawn(self) -> "RichTable":
        """The table with frames, for a terminal; long cells are folded, never cut."""
        from rich.table import Column
        from rich.table import Table as RichTable

        columns = [Column(name, overflow="fold") for name in self.columns]
        table = RichTable(*columns, title=self.title or None, title_justify="left")
        for row in self.rows:
            table.add_row(*map(printable, row))
        return table


def width_of(text: str) -> int:
    """Columns that a text takes on a terminal: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - width_of(cell))
