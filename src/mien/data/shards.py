"""Shards of a pack: files of JPEG crops and their tables, written a chunk of rows at a time.

Owns how crops are encoded and what of an unfinished shard survives a kill. Does not decide what is written.
"""

import hashlib
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import simplejpeg

from mien.data.tables import read_parquet, write_parquet
from mien.types import Image


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of crops."""

    name: str
    records: int
    bytes: int
    sha256: str


def decode_crop(data: bytes) -> Image:
    """A crop from its JPEG: (size, size, 3) uint8 RGB."""
    return np.asarray(simplejpeg.decode_jpeg(data, "RGB", fastdct=False, fastupsample=False), np.uint8)


def encode_crop(crop: Image, quality: int) -> bytes:
    """A crop as JPEG, all colours at full resolution."""
    return bytes(
        simplejpeg.encode_jpeg(np.ascontiguousarray(crop), quality, "RGB", colorsubsampling="444", fastdct=False)
    )


def file_sha256(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class ShardWriter:
    """Writes one shard, a chunk of rows at a time; what a chunk wrote is on disk when `add` returns.

    A shard in the making is `NAME.bin.part` and `NAME.rows.part`, one JSON line a chunk. Opened again after the
    process was killed, it drops what was half written and says how many chunks are there.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._rows_path, self._bin_path = folder / f"{name}.rows.part", folder / f"{name}.bin.part"
        lines = _whole_lines(self._rows_path)
        size = self._bin_path.stat().st_size if self._bin_path.exists() else 0
        while lines and json.loads(lines[-1])["end"] > size:
            lines.pop()
        self.chunks = len(lines)
        self.outcomes: list[list[Any]] = [row for line in lines for row in json.loads(line)["rows"]]
        """[row, status, detail, sha256, offset, length, crc32] of every row so far."""
        self._end = int(json.loads(lines[-1])["end"]) if lines else 0
        self._rows_path.write_bytes(b"".join(lines))
        self._rows = self._rows_path.open("ab")
        self._bin = self._bin_path.open("ab")
        self._bin.truncate(self._end)

    def add(self, results: list[tuple[int, str, str, str, bytes]]) -> None:
        """Append a chunk: row, status, detail, sha256 of the source, and the crop as JPEG or nothing."""
        rows = []
        for row, status, detail, digest, crop in results:
            where = [self._end, len(crop), zlib.crc32(crop)] if crop else [None, None, None]
            self._bin.write(crop)
            self._end += len(crop)
            rows.append([row, status, detail, digest, *where])
        self._bin.flush()
        self._rows.write(json.dumps({"end": self._end, "rows": rows}).encode() + b"\n")
        self._rows.flush()
        self.outcomes += rows

    def finish(self, columns: pa.Table) -> Shard:
        """Close the shard: its table, with the manifest's columns of its rows, then the file of crops."""
        self._rows.close()
        self._bin.close()
        names = ("row", "status", "detail", "sha256", "offset", "length", "crc32")
        types = (pa.int64(), pa.string(), pa.string(), pa.string(), pa.int64(), pa.int32(), pa.uint32())
        table = columns.drop_columns([name for name in names if name in columns.column_names])
        for index, (name, kind) in enumerate(zip(names, types, strict=True)):
            table = table.append_column(name, pa.array([row[index] for row in self.outcomes], kind))
        write_parquet(table, self._folder / f"{self._name}.parquet")
        final = self._folder / f"{self._name}.bin"
        self._bin_path.replace(final)
        self._rows_path.unlink()
        return describe_shard(self._folder, self._name)

    def close(self) -> None:
        """Leave the shard unfinished; it can be opened again."""
        self._rows.close()
        self._bin.close()


def describe_shard(folder: Path, name: str) -> Shard:
    """A finished shard's entry in pack.json."""
    status = read_parquet(folder / f"{name}.parquet", ["status"]).column("status")
    records = pa.compute.sum(pa.compute.equal(status, "written")).as_py() or 0
    path = folder / f"{name}.bin"
    return Shard(name, int(records), path.stat().st_size, file_sha256(path))


def _whole_lines(path: Path) -> list[bytes]:
    """The lines that were written to their end."""
    if not path.exists():
        return []
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
