"""CSV files for people, who open them in a spreadsheet: UTF-8 with a byte order mark, and no cell acts as a formula.

Owns how such a file is written and how its cells are read back. Knows no columns.
"""

import csv
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from mien.whole_files import whole_file

FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
"""Beginnings of text that a spreadsheet takes for a formula, with any quotes that hide them."""


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], *, private: bool = False) -> None:
    """Write a table that people open, complete or not at all.

    Args:
        path: the file to write.
        header: names of the columns.
        rows: one value per column. Text that a spreadsheet would take for a formula gets a quote before it, which
            `plain_cell` takes off; numbers stay as they are, and None and NaN are empty cells.
        private: whether only its owner may read it.

    Raises:
        OSError: it cannot be written.
    """
    # A file name may hold bytes that are not UTF-8; they are written out as \\udc80 to \\udcff.
    with (
        whole_file(path, private=private) as scratch,
        scratch.open("w", encoding="utf-8-sig", newline="", errors="backslashreplace") as to,
    ):
        table = csv.writer(to)
        table.writerow([safe_cell(name) for name in header])
        table.writerows(map(_cell, row) for row in rows)


def _cell(value: object) -> object:
    if isinstance(value, float):
        return None if math.isnan(value) else value
    return safe_cell(value) if isinstance(value, str) else value


def safe_cell(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def plain_cell(cell: str) -> str:
    """The text that `safe_cell` made a cell of."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell
