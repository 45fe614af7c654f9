"""Everything that was measured of a data set, as a table in the order of its images. Measures and writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from mien.portrait.measures.catalogue import MEASURES, with_deviation
from mien.types import Box, Floats, floats


def schema() -> pa.Schema:
    """The columns of what is measured: facts of the file, hashes, the face, every measure, and embeddings."""
    numbers, texts = pa.float32(), pa.string()
    return pa.schema(
        [
            ("path", texts),
            *((name, pa.int64()) for name in ("bytes", "changed")),
            *((name, texts) for name in ("sha256", "error")),
            *((name, pa.uint64()) for name in ("phash", "face_phash")),
            *((name, numbers) for name in ("x1", "y1", "x2", "y2", "score")),
            ("landmarks", pa.list_(numbers)),
            *((name, numbers) for name in ("overall", *MEASURES)),
            *((f"{name}_sd", numbers) for name in with_deviation()),
            ("reasons", texts),
            *((name, pa.list_(numbers)) for name in ("embedding", "other")),
        ]
    )


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """Everything that was measured, in the order of the entries.

    Attributes:
        table: a row for each entry, without embeddings.
        embeddings: (M, D) float32 of the rows that have one.
        rows: (M,) their rows.
        others: (K, D) float32 of second faces that the label may be about.
        other_rows: (K,) their rows.
    """

    table: pa.Table
    embeddings: Floats
    rows: NDArray[np.int64]
    others: Floats
    other_rows: NDArray[np.int64]

    def values(self, name: str) -> Floats:
        """A column of numbers, NaN where there is none."""
        return floats(pa.compute.fill_null(self.table.column(name), float("nan")).to_numpy())

    def texts(self, name: str, rows: NDArray[np.int64] | None = None) -> list[str]:
        """A column of texts, or some rows of it; empty where there is none."""
        column = self.table.column(name)
        chosen = column if rows is None else column.take(pa.array(rows))
        return [str(value or "") for value in chosen.to_pylist()]

    def hashes(self, name: str) -> list[int | None]:
        """A column of perceptual hashes."""
        return list(self.table.column(name).to_pylist())

    def digests(self) -> list[str]:
        """The sha256 of each file; empty where it cannot be read as an image."""
        pairs = zip(self.texts("sha256"), self.texts("error"), strict=True)
        return ["" if error else digest for digest, error in pairs]

    def face_box(self, row: int) -> Box | None:
        """The box of a row's face, in pixels of the file; None where there is none."""
        corners = [self.table.column(name)[row].as_py() for name in ("x1", "y1", "x2", "y2")]
        return None if None in corners else Box(*corners)

    def landmarks(self, row: int) -> Floats | None:
        """The (5, 2) landmarks of a row's face, in pixels of the file; None where there is none."""
        found: Sequence[float] | None = self.table.column("landmarks")[row].as_py()
        return floats(found).reshape(5, 2) if found else None


def from_table(table: pa.Table) -> Measurements:
    """Measurements from a table with the columns of schema()."""
    first, second = _vectors(table, "embedding"), _vectors(table, "other")
    return Measurements(table.drop_columns(["embedding", "other"]), *first, *second)


def _vectors(table: pa.Table, name: str) -> tuple[Floats, NDArray[np.int64]]:
    """A column of embeddings, without the rows that have none, and the rows that have one."""
    column = table.column(name)
    rows = np.flatnonzero(pa.compute.is_valid(column).to_numpy())
    flat = pa.compute.list_flatten(column).to_numpy()
    return (floats(flat).reshape(len(rows), -1) if len(rows) else np.empty((0, 0), np.float32)), rows
