"""Everything that was measured of a data set, in the order of its images. Measures nothing.

Owns where it is: the columns in a Parquet file without a name, of which single ones are read when they are asked for,
and the embeddings in mien.data.vectors; so memory holds a few columns whatever the number of images.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from weakref import finalize

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet
from numpy.typing import NDArray

from mien.data.vectors import VectorRows
from mien.portrait.measures.catalogue import MEASURES, with_deviation
from mien.types import Box, Floats, floats

VECTORS = ("embedding", "other")
"""The columns of embeddings."""
BATCH = 4096
"""Rows that are handed over at a time."""
REPEATED = ["reasons", "error"]
"""Columns of texts of which a set has few different ones."""


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
            *((name, pa.list_(numbers)) for name in VECTORS),
        ]
    )


class Measurements:
    """Everything that was measured, in the order of the entries.

    Attributes:
        embeddings: (M, D) of the rows that have one.
        rows: (M,) their rows.
        others: (K, D) of second faces that the label may be about.
        other_rows: (K,) their rows.
    """

    def __init__(
        self,
        file: IO[bytes],
        embeddings: tuple[VectorRows, NDArray[np.int64]],
        others: tuple[VectorRows, NDArray[np.int64]],
    ) -> None:
        finalize(self, file.close)
        self._file = pyarrow.parquet.ParquetFile(file, read_dictionary=REPEATED)
        self.embeddings, self.rows = embeddings
        self.others, self.other_rows = others

    def __len__(self) -> int:
        return int(self._file.metadata.num_rows)

    @property
    def columns(self) -> list[str]:
        """The names of the columns, without those of embeddings."""
        return list(self._file.schema_arrow.names)

    def batches(self, columns: Sequence[str], size: int = BATCH) -> Iterator[pa.Table]:
        """Some columns of all rows, so many rows at a time."""
        for batch in self._file.iter_batches(size, columns=list(columns), use_threads=False):
            yield pa.Table.from_batches([batch])

    def _column(self, name: str) -> pa.ChunkedArray:
        return self._file.read([name], use_threads=False).column(0)

    def values(self, name: str) -> Floats:
        """A column of numbers, NaN where there is none."""
        return floats(pa.compute.fill_null(self._column(name), float("nan")).to_numpy())

    def texts(self, name: str) -> list[str]:
        """A column of texts; empty where there is none."""
        return [str(value or "") for value in self._column(name).to_pylist()]

    def text_counts(self, name: str, rows: NDArray[np.int64]) -> dict[str, int]:
        """How often each text is in some rows of a repeated column, in the order of the rows; empty where there is
        none."""
        wanted, start = np.zeros(len(self), bool), 0
        wanted[rows] = True
        counts: Counter[str] = Counter()
        for chunk in self._column(name).chunks:
            own, start = wanted[start : start + len(chunk)], start + len(chunk)
            indices = pa.compute.fill_null(chunk.indices, -1).to_numpy()[own]
            # The texts themselves are long, and each is kept once.
            numbers, first, found = np.unique(indices, return_index=True, return_counts=True)
            for place in np.argsort(first).tolist():
                number = int(numbers[place])
                counts["" if number < 0 else chunk.dictionary[number].as_py()] += int(found[place])
        return dict(counts)

    @cached_property
    def readable(self) -> NDArray[np.bool_]:
        """(N,) which files could be read."""
        error = self._column("error").cast(pa.string())
        return np.asarray(pa.compute.equal(pa.compute.fill_null(error, ""), "").to_numpy(), np.bool_)

    def hashes(self, name: str) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """(N,) perceptual hashes, and which rows have one."""
        column = self._column(name)
        return np.asarray(pa.compute.fill_null(column, 0).to_numpy(), np.uint64), _present(column)

    def files(self) -> NDArray[np.int64]:
        """(N,) a number for each file, equal for files of the same bytes; -1 where it is not a readable image."""
        numbered = self._column("sha256").combine_chunks().dictionary_encode().indices
        return np.where(self.readable, np.asarray(pa.compute.fill_null(numbered, -1).to_numpy(), np.int64), -1)

    def face_box(self, row: int) -> Box | None:
        """The box of a row's face, in pixels of the file; None where there is none."""
        corners = [self.values(name)[row] for name in ("x1", "y1", "x2", "y2")]
        return None if np.isnan(corners).any() else Box(*map(float, corners))

    def landmarks(self, row: int) -> Floats | None:
        """The (5, 2) landmarks of a row's face, in pixels of the file; None where there is none."""
        found = self._landmarks[row]
        return None if np.isnan(found[0]) else found.reshape(5, 2)

    @cached_property
    def _landmarks(self) -> Floats:
        """(N, 10); NaN where there is no face."""
        column = self._column("landmarks")
        found = np.full((len(column), 10), np.nan, np.float32)
        found[_present(column)] = pa.compute.list_flatten(column).to_numpy().reshape(-1, 10)
        return found


def _present(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    return np.asarray(pa.compute.is_valid(column).to_numpy(), np.bool_)


def gather(tables: Iterable[pa.Table], folder: Path | None = None) -> Measurements:
    """Measurements from tables with the columns of schema(), one after the other in the order of the entries.

    Args:
        tables: some rows each.
        folder: for files without a name, which are gone with the process; None keeps everything in memory.
    """
    file: IO[bytes] = BytesIO() if folder is None else TemporaryFile(dir=folder)  # noqa: SIM115 - Measurements has it
    kept = pa.schema([one for one in schema() if one.name not in VECTORS])
    vectors: dict[str, VectorRows] = {}
    rows: dict[str, list[NDArray[np.int64]]] = {name: [] for name in VECTORS}
    done = 0
    with pyarrow.parquet.ParquetWriter(file, kept) as writer:
        for table in tables:
            writer.write_table(table.select(kept.names).cast(kept))
            for name in VECTORS:
                own, present = _vectors(table.column(name))
                if len(own):
                    vectors.setdefault(name, VectorRows(own.shape[1], folder)).append(own)
                    rows[name].append(present + done)
            done += len(table)
    file.flush()
    found = [
        (vectors.get(name, VectorRows(0)), np.concatenate([np.empty(0, np.int64), *rows[name]])) for name in VECTORS
    ]
    return Measurements(file, found[0], found[1])


def _vectors(column: pa.ChunkedArray) -> tuple[Floats, NDArray[np.int64]]:
    """A column of embeddings, without the rows that have none, and the rows that have one."""
    rows = np.flatnonzero(_present(column))
    flat = pa.compute.list_flatten(column).to_numpy()
    return (floats(flat).reshape(len(rows), -1) if len(rows) else np.empty((0, 0), np.float32)), rows
