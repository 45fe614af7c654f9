"""The manifest: one table per data set, with a row for each sample and what is known of it, in memory.

Owns the columns and the way between rows and samples. Reads and writes no file (see manifest_io), opens no image.
Columns: path (relative to the manifest's folder, or absolute) and subject are always there; record, x1, y1, x2, y2,
left_eye_x ... right_mouth_y, aligned, split, sex, age_group, birth_date, capture_date and sha256 have a fixed
meaning; any other column is kept as it is.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien.data.sample import BOX, LANDMARKS, Sample, Value
from mien.data.stored_paths import relative, stored_path
from mien.types import Box, floats

if TYPE_CHECKING:
    import pyarrow as pa

TEXTS = ("split", "sex", "age_group", "birth_date", "capture_date", "sha256")
KNOWN = {
    "path": "string",
    "subject": "string",
    "record": "int64",
    **dict.fromkeys((*BOX, *LANDMARKS), "float64"),
    "aligned": "bool",
    **dict.fromkeys(TEXTS, "string"),
}
"""The columns with a meaning, and their types in Arrow."""

ROWS = 65536
"""Samples that become rows at a time."""


class Manifest:
    """A table of samples, compact in memory, and the folder that its paths are relative to."""

    def __init__(self, table: "pa.Table", folder: Path, name: str, numbers: NDArray[np.int64] | None = None) -> None:
        self.table, self.folder, self.name = table, folder, name
        self._numbers = np.arange(2, table.num_rows + 2) if numbers is None else numbers

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def subjects(self) -> list[str]:
        """The subject of each row."""
        return [str(value or "") for value in self.table.column("subject").to_pylist()]

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return [str(name) for name in self.table.column_names]

    def samples(self, rows: Sequence[int] | None = None) -> Iterator[Sample]:
        """All samples in order, or those of some rows."""
        chosen = self if rows is None else self.take(rows)
        for batch in chosen.table.to_batches(max_chunksize=4096):
            for row in batch.to_pylist():
                yield _sample(row, self.folder)

    def take(self, rows: Sequence[int] | np.ndarray[Any, Any], name: str | None = None) -> "Manifest":
        """A manifest of some rows, in the given order."""
        import pyarrow as pa

        numbers = self._numbers[np.asarray(rows, np.int64)]
        return Manifest(self.table.take(pa.array(rows, pa.int64())), self.folder, name or self.name, numbers)

    def row(self, index: int) -> str:
        """How to name a row in a message: its number in the file, where the header is row 1."""
        return f"{self.name}, row {self._numbers[index]}"


def tabulate(samples: Iterable[Sample], folder: Path, name: str) -> Manifest:
    """Samples as a manifest, with the columns that any of them has."""
    import pyarrow as pa

    queue, parts = iter(samples), []
    while part := list(islice(queue, ROWS)):
        parts.append(_table([_row(sample, folder) for sample in part]))
    if not parts:
        return Manifest(_table([]), folder, name)
    return Manifest(pa.concat_tables(parts, promote_options="permissive"), folder, name)


def column_type(name: str) -> "pa.DataType | None":
    """The Arrow type of a column; None for a column without a fixed meaning."""
    import pyarrow as pa

    return pa.type_for_alias(KNOWN[name]) if name in KNOWN else None


def _table(rows: list[dict[str, Value]]) -> "pa.Table":
    import pyarrow as pa

    present = dict.fromkeys(chain(("path", "subject"), *rows))
    order = [name for name in KNOWN if name in present] + [name for name in present if name not in KNOWN]
    return pa.table({name: pa.array([row.get(name) for row in rows], column_type(name)) for name in order})


def _row(sample: Sample, folder: Path) -> dict[str, Value]:
    row: dict[str, Value] = {"path": relative(sample.path, folder), "subject": sample.subject}
    if sample.record is not None:
        row["record"] = sample.record
    if sample.box is not None:
        row |= dict(zip(BOX, (float(v) for v in sample.box.corners), strict=True))
    if sample.landmarks is not None:
        row |= dict(zip(LANDMARKS, (round(float(v), 3) for v in sample.landmarks.reshape(-1)), strict=True))
    if sample.aligned:
        row["aligned"] = True
    return row | dict(sample.known)


def _sample(row: dict[str, Any], folder: Path) -> Sample:
    box = [row.pop(name, None) for name in BOX]
    points = [row.pop(name, None) for name in LANDMARKS]
    return Sample(
        folder / stored_path(str(row.pop("path"))),
        str(row.pop("subject") or ""),
        record=row.pop("record", None),
        box=None if None in box else Box(*box),
        landmarks=None if None in points else floats(points).reshape(5, 2),
        aligned=bool(row.pop("aligned", False)),
        known={name: value for name, value in row.items() if value is not None},
    )
