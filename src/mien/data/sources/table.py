"""CSV and Parquet tables with named columns: any table that has a path and a subject under some name."""

from collections.abc import Mapping
from pathlib import Path

from mien.data.columns import typed, with_known_names
from mien.data.manifest_io import SUFFIXES, with_forward_paths
from mien.data.sample import BOX, LANDMARKS, Problem, Sample, Value
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import is_file
from mien.data.stored_paths import stored_path
from mien.data.tables import FileTable, read_table
from mien.errors import ManifestError
from mien.types import Box, floats


def recognizes(path: Path) -> bool:
    """Whether it is a CSV or Parquet file."""
    return path.is_file() and path.suffix.lower() in SUFFIXES


def read(path: Path, columns: Mapping[str, str] | None = None) -> Rows:
    """Every row; one that repeats another, or that has a value that cannot be meant, is a problem.

    Args:
        path: the table; its paths are relative to its folder.
        columns: what mien calls a column, to what the table calls it; columns that are not named keep their name.

    Raises:
        ManifestError: not a table, or no such column.
    """
    file = typed(_with_columns(read_table(path), path, columns or {}), path)
    yield from file.problems
    table = with_forward_paths(file.table, path.parent)
    seen: dict[tuple[object, ...], int] = {}
    numbers = iter(file.numbers.tolist())
    for batch in table.to_batches(max_chunksize=4096):
        for row in batch.to_pylist():
            number = next(numbers)
            key = (row["path"], row["subject"], row.get("record"), *(row.get(name) for name in BOX))
            if seen.setdefault(key, number) != number:
                yield Problem(f"{path}, row {number}", f"repeats row {seen[key]}: the same image and face")
            else:
                yield _sample(row, path, number)


def _with_columns(file: FileTable, path: Path, columns: Mapping[str, str]) -> FileTable:
    """The table with mien's names of columns."""
    table = file.table
    for name, column in columns.items():
        if column not in table.column_names:
            raise ManifestError(f"{path} has no column '{column}' for {name}; it has {', '.join(table.column_names)}")
    renamed = {column: name for name, column in columns.items()}
    free = {name: f"{name} (of the table)" for name in columns if name not in renamed}
    names = [renamed.get(column, free.get(column, column)) for column in table.column_names]
    found = with_known_names(FileTable(table.rename_columns(names), file.numbers, file.problems, file.decimal_comma))
    for needed in ("path", "subject"):
        if needed not in found.table.column_names:
            raise ManifestError(
                f"{path} has no column '{needed}': say which one it is with --column {needed}=NAME; "
                f"it has {', '.join(table.column_names)}"
            )
    return found


def _sample(row: dict[str, Value], path: Path, number: int) -> Sample | Problem:
    where = f"{path}, row {number}"
    file, subject = str(row.pop("path") or ""), str(row.pop("subject") or "")
    if not file or not subject:
        return Problem(where, "path and subject must both be given")
    image = path.parent / stored_path(file)
    if not is_file(image):
        return Problem(where, f"the image {image} is missing")
    record, aligned = row.pop("record", None), row.pop("aligned", None)
    box, landmarks = _numbers(row, BOX), _numbers(row, LANDMARKS)
    return Sample(
        image,
        subject,
        record=int(record) if isinstance(record, int) else None,
        aligned=bool(aligned),
        box=Box(*box) if box else None,
        landmarks=floats(landmarks).reshape(5, 2) if landmarks else None,
        known={name: value for name, value in row.items() if value not in (None, "")},
    )


def _numbers(row: dict[str, Value], names: tuple[str, ...]) -> list[float]:
    """The values of some columns, taken out of the row; empty where one is not given."""
    values = [row.pop(name, None) for name in names]
    given = [float(value) for value in values if value not in (None, "")]
    return given if len(given) == len(names) else []


SOURCE = Source(
    name="table",
    summary="a CSV or Parquet table",
    note="`--column path=FILE --column subject=WHO`",
    recognizes=recognizes,
    read=read,
    read_columns=read,
)
