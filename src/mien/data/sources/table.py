"""CSV and Parquet tables with named columns: any table that has a path and a subject under some name."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mien.data.manifest_io import SUFFIXES, plain
from mien.data.sample import BOX, LANDMARKS, Problem, Sample, Value
from mien.data.sources.source import Rows, Source
from mien.errors import ManifestError
from mien.types import Box, floats

if TYPE_CHECKING:
    import pyarrow as pa


def recognizes(path: Path) -> bool:
    """Whether it is a CSV or Parquet file."""
    return path.is_file() and path.suffix.lower() in SUFFIXES


def read(path: Path, columns: Mapping[str, str] | None = None) -> Rows:
    """Every row.

    Args:
        path: the table; its paths are relative to its folder.
        columns: what mien calls a column, to what the table calls it; columns that are not named keep their name.

    Raises:
        ManifestError: not a table, or no such column.
    """
    table = _table(path)
    names = dict(columns or {})
    for name, column in names.items():
        if column not in table.column_names:
            raise ManifestError(f"{path} has no column '{column}' for {name}; it has {', '.join(table.column_names)}")
    for needed in ("path", "subject"):
        if names.setdefault(needed, needed) not in table.column_names:
            raise ManifestError(
                f"{path} has no column '{needed}': say which one it is with --column {needed}=NAME; "
                f"it has {', '.join(table.column_names)}"
            )
    renamed = {column: name for name, column in names.items()}
    table = table.rename_columns([renamed.get(column, column) for column in table.column_names])
    number = 1
    for batch in table.to_batches(max_chunksize=4096):
        for row in batch.to_pylist():
            number += 1
            yield _sample(row, path, number)


def _table(path: Path) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    try:
        if path.suffix.lower() == ".parquet":
            return pyarrow.parquet.read_table(path)
        # Everything is read as text: 0042 is a name, not the number 42.
        with path.open(encoding="utf-8", errors="replace") as stream:
            header = stream.readline().strip().split(",")
        texts = {name.strip('"\ufeff'): pa.string() for name in header}
        return pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(column_types=texts))
    except (pa.ArrowException, OSError) as reason:
        raise ManifestError(f"{path} is not a CSV or Parquet table: {plain(reason)}") from reason


def _sample(row: dict[str, Value], path: Path, number: int) -> Sample | Problem:
    where = f"{path}, row {number}"
    file, subject = str(row.pop("path") or ""), str(row.pop("subject") or "")
    if not file or not subject:
        return Problem(where, "path and subject must both be given")
    image = path.parent / file
    if not image.is_file():
        return Problem(where, f"the image {image} is missing")
    try:
        box = _numbers(row, BOX)
        landmarks = _numbers(row, LANDMARKS)
    except ValueError as reason:
        return Problem(where, f"a box or a landmark is not a number: {reason}")
    return Sample(
        image,
        subject,
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
