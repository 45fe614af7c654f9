"""Tables as files: CSV as spreadsheets and programs write it, and Parquet. Knows no column's meaning.

Owns the encoding, the separator and the rows of a CSV file, and damage in Parquet. Every value of a CSV table stays
the text that it is, so 0042, NA and null are names. A row with too few or too many fields is a problem and loses no
other row. UTF-8 and UTF-16 are read; another encoding is refused with the remedy, since it could only be guessed.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien.data.sample import Problem
from mien.errors import ManifestError
from mien.spreadsheets import FORMULA

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet

SEPARATORS = ",;\t|"
"""What may separate the fields of a CSV file."""
SHOWN = 40
"""Characters of a row that a message shows."""


@dataclass(frozen=True, slots=True, eq=False)
class FileTable:
    """A table and the rows of its file that could not be read.

    Attributes:
        table: of a CSV file text alone, empty where nothing is given.
        numbers: (N,) the row of each row in the file, where the header is row 1.
        problems: rows with another number of fields than the header has.
        decimal_comma: whether numbers may be written as 1,5, since something else separates the fields.
    """

    table: "pa.Table"
    numbers: NDArray[np.int64]
    problems: tuple[Problem, ...] = ()
    decimal_comma: bool = False


def read_table(path: Path) -> FileTable:
    """Read a CSV or Parquet file, by its ending.

    Raises:
        ManifestError: it cannot be read, is damaged, or is not such a table.
    """
    if path.suffix.lower() == ".parquet":
        table = read_parquet(path)
        return FileTable(table, np.arange(2, len(table) + 2))
    return _read_csv(path)


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> "pa.Table":
    """Read a Parquet file; checksums of its pages, where it has any, and all values are checked.

    Raises:
        ManifestError: it cannot be read, or is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet

    try:
        names = None if columns is None else list(columns)
        table = pyarrow.parquet.read_table(path, columns=names, page_checksum_verification=True)
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, LookupError, TypeError, MemoryError) as reason:
        raise ManifestError(f"{path} is not a Parquet table, or is damaged: {plain(reason)}") from reason
    _require_single_names(table.column_names, path)
    return table


def write_parquet(table: "pa.Table", path: Path, **options: Any) -> None:  # noqa: ANN401 - of pyarrow's writer
    """Write a Parquet file with a checksum for each page, so that damage is noticed."""
    with open_parquet_writer(path, table.schema, **options) as writer:
        writer.write_table(table)


def open_parquet_writer(
    path: Path,
    schema: "pa.Schema",
    **options: Any,  # noqa: ANN401 - of pyarrow's writer
) -> "pyarrow.parquet.ParquetWriter":
    """Open a Parquet file to write tables into it, with a checksum for each page."""
    import pyarrow.parquet

    return pyarrow.parquet.ParquetWriter(path, schema, write_page_checksum=True, **options)


def read_text(path: Path) -> str:
    """The text of a file in UTF-8 or UTF-16, as programs write it.

    Raises:
        ManifestError: it cannot be read, or has another encoding.
    """
    try:
        data = path.read_bytes()
    except OSError as reason:
        raise ManifestError(f"{path} cannot be read: {reason.strerror}") from reason
    try:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return data.decode("utf-16")
        if len(data) > 3 and data[1] == data[3] == 0 != data[0]:
            return data.decode("utf-16-le")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        line = data.count(b"\n", 0, reason.start) + 1
        raise ManifestError(
            f"{path}, line {line}: its text is not UTF-8; save it again as 'CSV UTF-8' in the spreadsheet, or "
            f"convert it with `iconv -f WINDOWS-1252 -t UTF-8` (WINDOWS-1258 for Vietnamese)"
        ) from reason


@dataclass(frozen=True, slots=True)
class CsvText:
    """A CSV file as text.

    Attributes:
        names: of the columns, without blanks around them.
        separator: of its fields.
        rows: the text below the header.
        first: the number of the first row below the header.
    """

    names: tuple[str, ...]
    separator: str
    rows: str
    first: int


def read_csv_text(path: Path) -> CsvText:
    """Find the header and the separator of a CSV file.

    Raises:
        ManifestError: it cannot be read, or there is no header.
    """
    header, _, rest = read_text(path).partition("\n")
    # Excel writes the separator into a line of its own.
    announced = re.fullmatch(r"sep=(.)\s*", header, re.IGNORECASE)
    if announced:
        header, _, rest = rest.partition("\n")
    if not header.strip():
        raise ManifestError(f"{path} is empty, or its first line is")
    separator = announced[1] if announced else max(SEPARATORS, key=re.sub(r'"[^"]*"', "", header).count)
    names = tuple(
        name.strip()
        for name in next(csv.reader([header.rstrip("\r")], delimiter=separator, skipinitialspace=True), [])
    )
    _require_single_names(names, path)
    return CsvText(names, separator, rest, 3 if announced else 2)


def _read_csv(path: Path) -> FileTable:
    import pyarrow as pa
    import pyarrow.csv

    text = read_csv_text(path)
    names = list(text.names)
    bad: list[pyarrow.csv.InvalidRow] = []

    def note(row: "pyarrow.csv.InvalidRow") -> str:
        bad.append(row)
        return "skip"

    if not text.rows.strip():
        return FileTable(pa.table({name: pa.array([], pa.string()) for name in names}), np.empty(0, np.int64))
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(text.rows.encode("utf-8", "surrogatepass")),
            # Rows have a number only where one thread reads them.
            read_options=pyarrow.csv.ReadOptions(column_names=names, use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=text.separator, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=note
            ),
            convert_options=pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except (pa.ArrowException, OSError, ValueError) as reason:
        raise ManifestError(f"{path} is not a CSV table: {plain(reason)}") from reason
    # What mien writes for spreadsheets has an apostrophe before names that they would take for formulas.
    table = replace_in_texts(table, f"^'({FORMULA.pattern})", r"\1")
    return _numbered(table, bad, path, text.separator, text.first)


def replace_in_texts(table: "pa.Table", pattern: str, new: str) -> "pa.Table":
    """The table with a pattern exchanged in all its texts; see mien.spreadsheets.safe_cell and plain_cell."""
    import pyarrow as pa
    import pyarrow.compute

    for place, (name, kind) in enumerate(zip(table.column_names, table.schema.types, strict=True)):
        if pa.types.is_string(kind):
            column = pyarrow.compute.replace_substring_regex(table.column(place), pattern, new)
            table = table.set_column(place, name, column)
    return table


def _numbered(table: "pa.Table", bad: Sequence[Any], path: Path, separator: str, first: int) -> FileTable:
    """The rows with their numbers in the file, the first of which is given, without blank ones."""
    import pyarrow as pa
    import pyarrow.compute

    read = np.ones(len(table) + len(bad), bool)
    read[[row.number - 1 for row in bad]] = False
    numbers = np.flatnonzero(read) + first
    filled = np.zeros(len(table), bool)
    for name in table.column_names:
        filled |= pyarrow.compute.not_equal(table.column(name), "").to_numpy()
    problems = tuple(
        Problem(f"{path}, row {row.number - 1 + first}", _fields(row, len(table.column_names)))
        for row in bad
        if str(row.text).strip(SEPARATORS + " \r\n")
    )
    return FileTable(table.filter(pa.array(filled)), numbers[filled], problems, decimal_comma=separator != ",")


def _fields(row: Any, fields: int) -> str:  # noqa: ANN401 - pyarrow's InvalidRow, which has no stubs
    shown = str(row.text).strip()[:SHOWN]
    return f"has {row.actual_columns} fields, not the {fields} of the header: '{shown}'"


def _require_single_names(names: Sequence[str], path: Path) -> None:
    double = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if double is not None:
        raise ManifestError(f"{path} has two columns called '{double}': rename or remove one")


def plain(reason: BaseException) -> str:
    """The message of a table's reader in one line, without the bytes that it could not read."""
    text = ": ".join(str(reason).split(": ")[:2]).strip()
    return text.splitlines()[0][:200] if text else type(reason).__name__
