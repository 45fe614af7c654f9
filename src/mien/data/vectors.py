"""Rows of numbers, such as embeddings, of which there may be more than fit into memory.

Owns where they are: in memory while they are few, and beyond that in a file without a name, which is gone with the
process, since embeddings are biometric data. Reads are of blocks and of single rows, so that memory stays bounded
whatever their number. Computes nothing.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from mien.types import Floats, floats

HELD = 16 * 2**20
"""Bytes that are held in memory; beyond, the rows go to a file."""
BLOCK = 8 * 2**20
"""Bytes of a block that is read at once."""


class VectorRows:
    """(N, D) float32 rows that are appended, read and changed.

    Args:
        size: D, the numbers of a row.
        folder: in which a file may be made; None keeps all rows in memory.
        held: bytes from which on they are in that file.
    """

    def __init__(self, size: int, folder: Path | None = None, held: int = HELD) -> None:
        self.size, self._folder, self._held = size, folder, held
        self._parts: list[Floats] = []
        self._count = 0
        self._file: IO[bytes] | None = None

    def __len__(self) -> int:
        return self._count

    def append(self, rows: Floats) -> None:
        """Add rows at the end: (n, D)."""
        self._count += len(rows)
        if self._file is None and self._folder is not None and self._bytes(self._count) > self._held:
            self._file = TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 - it is as long-lived as its rows
            finalize(self, self._file.close)
            for part in self._parts:
                _write(self._file, part)
            self._parts = []
        if self._file is None:
            self._parts.append(floats(rows))
        else:
            self._file.seek(0, 2)
            _write(self._file, rows)

    def rows(self, places: Sequence[int] | NDArray[np.int64]) -> Floats:
        """(n, D) a copy of some rows, in the order of their places."""
        if self._file is None:
            return self._whole()[places]
        wanted = np.asarray(places, np.int64)
        found = np.empty((len(wanted), self.size), np.float32)
        ends = [*(np.flatnonzero(np.diff(wanted) != 1) + 1).tolist(), len(wanted)]
        start = 0
        for end in ends if len(wanted) else ():
            self._read(int(wanted[start]), found[start:end])
            start = end
        return found

    def blocks(self, rows: int | None = None) -> Iterator[tuple[int, Floats]]:
        """All rows in blocks of so many, each with the place of its first row; of 8 MB where no number is given."""
        step = rows or max(1, BLOCK // self._bytes(1))
        for start in range(0, self._count, step):
            yield start, self.rows(np.arange(start, min(start + step, self._count)))

    def write(self, start: int, rows: Floats) -> None:
        """Replace the rows from a place on."""
        if self._file is None:
            self._whole()[start : start + len(rows)] = rows
        else:
            self._file.seek(self._bytes(start))
            _write(self._file, rows)

    def _bytes(self, rows: int) -> int:
        return 4 * rows * max(1, self.size)

    def _whole(self) -> Floats:
        """The rows in memory as one array."""
        if len(self._parts) != 1:
            empty = np.empty((0, self.size), np.float32)
            self._parts = [np.concatenate(self._parts) if self._parts else empty]
        return self._parts[0]

    def _read(self, start: int, into: Floats) -> None:
        assert self._file is not None
        self._file.seek(self._bytes(start))
        left = into.reshape(-1).view(np.uint8).data
        while left:
            # A read of a file may end before its end.
            count = self._file.readinto(left)  # type: ignore[attr-defined]
            if not count:
                raise OSError(f"row {start} and those after it were not written: the disk was full; make room")
            left = left[count:]


def _write(file: IO[bytes], rows: Floats) -> None:
    left = np.ascontiguousarray(rows, np.float32).reshape(-1).view(np.uint8).data
    while left:
        left = left[file.write(left) :]


def in_memory(rows: Floats) -> VectorRows:
    """Rows of an array, which is copied: (N, D)."""
    found = VectorRows(rows.shape[1])
    found.append(np.array(rows, np.float32))
    return found
