"""Columns of a foreign table into the types of a manifest: numbers, truth values and names.

Owns what a written value means. A row with a value that cannot be meant is a problem, and no other row is lost. Names
are kept letter by letter; a name that a spreadsheet has turned into 1.09E+09 is refused, as many names become one so.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien.data.manifest import KNOWN, column_type
from mien.data.sample import BOX, LANDMARKS, Problem
from mien.data.tables import FileTable

if TYPE_CHECKING:
    import pyarrow as pa

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "-"})
"""What stands for a number or truth value that is not given. In names these words are names."""
TRUTHS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}

_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
_SHORTENED = r"^\s*[0-9]([.,][0-9]+)?[eE]\+[0-9]+\s*$"
_WHOLE = r"^-?(0|[1-9][0-9]{0,17})$"
_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-][0-9]+)?$"


def known_name(name: str) -> str:
    """The manifest's name of a column that is written with other capitals; else the name as it is."""
    return name if name.casefold() not in KNOWN else name.casefold()


def with_known_names(file: FileTable) -> FileTable:
    """The table with the manifest's names, where their capitals differ and the name itself is free."""
    names = file.table.column_names
    renamed = [known_name(name) if known_name(name) not in names else name for name in names]
    if len(set(renamed)) != len(renamed):
        return file
    return FileTable(file.table.rename_columns(renamed), file.numbers, file.problems, file.decimal_comma)


def typed(file: FileTable, path: Path) -> FileTable:
    """The table with its known columns in their types, and text that is numbers as numbers.

    Args:
        file: a table with the manifest's names of columns.
        path: of its file, for problems.
    """
    table, problems, kept = file.table, list(file.problems), np.ones(len(file.numbers), bool)
    for place, name in enumerate(table.column_names):
        column, wrong = _column(table.column(name), name, file)
        table = table.set_column(place, name, column)
        for row, reason in wrong:
            if kept[row]:
                problems.append(Problem(f"{path}, row {file.numbers[row]}", f"{name}: {reason}"))
                kept[row] = False
    for row, reason in _halves(table):
        if kept[row]:
            problems.append(Problem(f"{path}, row {file.numbers[row]}", reason))
            kept[row] = False
    return keep_rows(FileTable(table, file.numbers, tuple(problems), file.decimal_comma), kept)


def _halves(table: "pa.Table") -> Iterator[tuple[int, str]]:
    """Rows with a part of a box or of the five landmarks."""
    for group in (BOX, LANDMARKS):
        names = [name for name in group if name in table.column_names]
        if not names:
            continue
        given = [table.column(name).is_valid().to_numpy() for name in names]
        for row in np.flatnonzero(np.any(given, axis=0) & ~(np.all(given, axis=0) & (len(names) == len(group)))):
            lacking = [name for name in group if name not in names or not given[names.index(name)][row]]
            what = "box" if group is BOX else "set of landmarks"
            yield int(row), f"its {what} lacks {', '.join(lacking)}, or has a number that is not finite there"


def keep_rows(file: FileTable, kept: NDArray[np.bool_]) -> FileTable:
    """Some of the rows."""
    import pyarrow as pa

    if kept.all():
        return file
    return FileTable(file.table.filter(pa.array(kept)), file.numbers[kept], file.problems, file.decimal_comma)


Wrong = Sequence[tuple[int, str]]
"""Rows whose value cannot be meant, and why."""


def _column(column: "pa.ChunkedArray", name: str, file: FileTable) -> tuple["pa.ChunkedArray", Wrong]:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if name not in KNOWN:
        return (column if name == "name" else _guessed(column)), ()
    wanted = column_type(name)
    if wanted == pa.string():
        return _texts(column, name)
    if _is_text(column):
        return _from_text(column, wanted, decimal_comma=file.decimal_comma)
    return _from_numbers(column, wanted)


def _is_text(column: "pa.ChunkedArray") -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def _texts(column: "pa.ChunkedArray", name: str) -> tuple["pa.ChunkedArray", Wrong]:
    """A column of names; nothing where a CSV file has nothing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(column.type):
        # Numbers that a program kept as floating point, since some were missing: 7.0 is 7.
        column = pc.if_else(pc.is_nan(column), None, column)
        whole = pc.all(pc.equal(column, pc.floor(column))).as_py()
        column = column.cast(pa.int64()) if whole else column
    try:
        texts = column.cast(pa.string())
    except pa.ArrowException:
        kind = str(column.type)
        return pa.chunked_array([pa.nulls(len(column), pa.string())]), [(0, f"is not text but {kind}")]
    wrong: list[tuple[int, str]] = []
    if name in ("path", "subject"):
        wrong += ((row, "holds a control character") for row in _rows_like(texts, _CONTROL))
    if name == "subject":
        wrong += (
            (row, "is a number that a spreadsheet has shortened: give the column the format Text and fill it again")
            for row in _rows_like(texts, _SHORTENED)
        )
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts), wrong


def _rows_like(texts: "pa.ChunkedArray", pattern: str) -> list[int]:
    import pyarrow.compute as pc

    found = pc.fill_null(pc.match_substring_regex(texts, pattern), False).to_numpy()
    return [int(row) for row in np.flatnonzero(found)]


def _from_text(
    column: "pa.ChunkedArray", wanted: "pa.DataType", *, decimal_comma: bool
) -> tuple["pa.ChunkedArray", Wrong]:
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pc.utf8_trim_whitespace(column)
    try:
        values = pc.if_else(pc.equal(texts, ""), None, texts).cast(wanted)
        if wanted != pa.float64() or pc.all(pc.fill_null(pc.is_finite(values), True)).as_py() is not False:
            return values, ()
    except pa.ArrowException:
        pass
    read = _truth if wanted == pa.bool_() else _whole if wanted == pa.int64() else _number
    found: list[Any] = []
    wrong: list[tuple[int, str]] = []
    for row, text in enumerate(texts.to_pylist()):
        try:
            written = (text or "").replace(",", ".") if decimal_comma else text or ""
            found.append(None if written.casefold() in MISSING else read(written))
        except (ValueError, KeyError, OverflowError):
            found.append(None)
            kind = "true or false" if wanted == pa.bool_() else "a number"
            wrong.append((row, f"should be {kind}, not '{str(text)[:40]}'"))
    return pa.chunked_array([pa.array(found, wanted)]), wrong


def _truth(text: str) -> bool:
    return TRUTHS[text.casefold()]


def _whole(text: str) -> int:
    value = float(text)
    if value != int(value):
        raise ValueError(text)
    return int(text) if re.fullmatch(_WHOLE, text) else int(value)


def _number(text: str) -> float:
    value = float(text)
    if not np.isfinite(value):
        raise ValueError(text)
    return value


def _from_numbers(column: "pa.ChunkedArray", wanted: "pa.DataType") -> tuple["pa.ChunkedArray", Wrong]:
    """A column of numbers in another type; NaN is what programs keep for a value that is not given."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    try:
        return column.cast(wanted), ()
    except pa.ArrowException:
        return pa.chunked_array([pa.nulls(len(column), wanted)]), [
            (row, f"should be of type {wanted}, not {column.type}") for row in range(len(column))
        ]


def _guessed(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """A column without a fixed meaning: text that is numbers or truth values throughout becomes these."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not _is_text(column):
        return column
    given = pc.if_else(pc.equal(column, ""), pa.scalar(None, column.type), column)
    if given.null_count == len(given):
        return given
    for pattern, kind in ((_WHOLE, pa.int64()), (_NUMBER, pa.float64()), (r"^(true|false)$", pa.bool_())):
        if pc.all(pc.match_substring_regex(given, pattern)).as_py():
            return given.cast(kind)
    return given
