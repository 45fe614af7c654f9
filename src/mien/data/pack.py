"""The pack: aligned crops in a few large shards, in an order that is shuffled already.

Owns the format and reading it; prepare.py fills it. A pack is a folder with

    pack.json           format, size, template, counts, and name, records, bytes and sha256 of each shard
    shard-00000.bin     JPEG crops, one after the other
    shard-00000.parquet one row for each row of the manifest that fell into this shard: the manifest's columns, row
                        (its number in the manifest), status, detail, sha256 of the source, and offset, length and
                        crc32 of the crop, where one was written
    rejected.csv        the rows without a crop, and why

Rows lie in the shards in a fixed random order, so that any stretch of a shard is a random sample of the set, and a
shuffled reader reads stretches.
"""

import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet
import simplejpeg
from numpy.typing import NDArray

from mien.errors import ManifestError
from mien.types import Image

FORMAT, VERSION = "mien pack", 1
STRETCH = 1024
"""Crops that a shuffled reader reads at a time, about 8 MB."""
MIXED = 8
"""Stretches that a shuffled reader mixes."""

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of crops."""

    name: str
    records: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class PackProblem:
    """Something in a pack that is not as it was written."""

    where: str
    reason: str


class Pack:
    """A pack that is open for reading. Safe to use from several threads, as every read opens its file."""

    def __init__(self, folder: Path) -> None:
        """Open a pack.

        Raises:
            ManifestError: no pack, an unfinished one, one of a later version, or a shard is missing.
        """
        self.folder = folder
        self.about = _read_about(folder)
        self.size = int(self.about["size"])
        self.template = str(self.about["template"])
        self.shards = [Shard(**shard) for shard in self.about["shards"]]
        for shard in self.shards:
            if not (folder / f"{shard.name}.bin").is_file():
                raise ManifestError(f"{folder}: {shard.name}.bin is missing; copy it again or prepare the pack anew")
        offsets, lengths, codes = [], [], []
        numbers: dict[str, int] = {}
        for shard in self.shards:
            table = self._index(shard, ["status", "subject", "offset", "length"])
            table = table.filter(pa.compute.equal(table.column("status"), "written"))
            offsets.append(table.column("offset").to_numpy())
            lengths.append(table.column("length").to_numpy())
            coded = table.column("subject").combine_chunks().dictionary_encode()
            own = [numbers.setdefault(name, len(numbers)) for name in coded.dictionary.to_pylist()]
            codes.append(np.asarray(own, np.int64)[coded.indices.to_numpy()])
        self._starts = np.cumsum([0, *(len(part) for part in offsets)])
        self._offsets, self._lengths = np.concatenate(offsets), np.concatenate(lengths)
        self.subjects: list[str] = sorted(numbers)
        """Names of the classes; the label of a crop is its subject's place in this list."""
        places = {name: place for place, name in enumerate(self.subjects)}
        order = np.array([places[name] for name in numbers], np.int64)
        self.labels: Indices = order[np.concatenate(codes)]
        """(N,) label of each crop."""

    def __len__(self) -> int:
        return len(self._offsets)

    def _index(self, shard: Shard, columns: list[str] | None = None) -> pa.Table:
        try:
            return pyarrow.parquet.read_table(self.folder / f"{shard.name}.parquet", columns=columns)
        except (pa.ArrowException, OSError) as reason:
            raise ManifestError(f"{self.folder}: {shard.name}.parquet cannot be read: {reason}") from reason

    def rows(self) -> Iterator[dict[str, Any]]:
        """What is known of each crop, in the pack's order."""
        yield from (row for row in self._all_rows() if row["status"] == "written")

    def rejected(self) -> Iterator[dict[str, Any]]:
        """The rows without a crop, with their status and detail."""
        yield from (row for row in self._all_rows() if row["status"] != "written")

    def _all_rows(self) -> Iterator[dict[str, Any]]:
        for shard in self.shards:
            for batch in self._index(shard).to_batches(max_chunksize=4096):
                yield from batch.to_pylist()

    def encoded(self, index: int) -> bytes:
        """One crop as JPEG."""
        shard = int(np.searchsorted(self._starts, index, side="right")) - 1
        return self._bytes(shard, np.array([index]))[0]

    def read(self, index: int) -> Image:
        """One crop: (size, size, 3) uint8 RGB."""
        return _decode(self.encoded(index))

    def crops(self) -> Iterator[Image]:
        """All crops in the pack's order."""
        for shard in range(len(self.shards)):
            for first in range(int(self._starts[shard]), int(self._starts[shard + 1]), STRETCH):
                last = min(first + STRETCH, int(self._starts[shard + 1]))
                for data in self._bytes(shard, np.arange(first, last)):
                    yield _decode(data)

    def shuffled(self, batch: int, seed: int, *, rank: int = 0, world: int = 1) -> Iterator[tuple[Image, Indices]]:
        """One pass over the pack in a random order, in whole batches.

        Stretches are read in a random order, and those in hand are mixed; as the pack's own order is random, the
        batches are as random as with a shuffle of everything, and the disk reads on.

        Args:
            batch: crops in a batch; what is left over at the end is not given.
            seed: of the order; a new one for each pass.
            rank: of this reader among `world`; each reads other stretches.
            world: how many readers there are.

        Yields:
            (batch, size, size, 3) uint8 RGB and (batch,) labels.
        """
        generator = np.random.default_rng(seed)
        stretches = [
            (shard, first, min(first + STRETCH, int(self._starts[shard + 1])))
            for shard in range(len(self.shards))
            for first in range(int(self._starts[shard]), int(self._starts[shard + 1]), STRETCH)
        ]
        order = generator.permutation(len(stretches))[rank::world]
        waiting: list[tuple[bytes, int]] = []
        for number, chosen in enumerate(order, start=1):
            shard, first, last = stretches[chosen]
            waiting += zip(self._bytes(shard, np.arange(first, last)), self.labels[first:last].tolist(), strict=True)
            if number % MIXED == 0 or number == len(order):
                generator.shuffle(waiting)
                while len(waiting) >= batch:
                    taken, waiting = waiting[-batch:], waiting[:-batch]
                    yield (
                        np.stack([_decode(data) for data, _ in taken]),
                        np.array([label for _, label in taken], np.int64),
                    )

    def _bytes(self, shard: int, indices: Indices) -> list[bytes]:
        """Neighbouring crops of one shard, by one read."""
        start, end = int(self._offsets[indices[0]]), int(self._offsets[indices[-1]] + self._lengths[indices[-1]])
        with (self.folder / f"{self.shards[shard].name}.bin").open("rb") as stream:
            stream.seek(start)
            data = stream.read(end - start)
        if len(data) < end - start:
            raise ManifestError(f"{self.folder}: {self.shards[shard].name}.bin is cut off; copy it again")
        places = zip((self._offsets[indices] - start).tolist(), self._lengths[indices].tolist(), strict=True)
        return [data[place : place + length] for place, length in places]

    def check(self) -> Iterator[PackProblem]:
        """Compare every shard with its sha256, every crop with its checksum, and decode it."""
        for shard in self.shards:
            name = f"{shard.name}.bin"
            if _digest(self.folder / name) != shard.sha256:
                yield PackProblem(name, "its sha256 is another one than pack.json says; copy it again")
            with (self.folder / name).open("rb") as stream:
                for row in self._index(shard).to_pylist():
                    if row["status"] != "written":
                        continue
                    stream.seek(row["offset"])
                    reason = self._fault(stream.read(row["length"]), row["crc32"])
                    if reason:
                        yield PackProblem(f"{name} at byte {row['offset']} (row {row['row']}, {row['path']})", reason)

    def _fault(self, data: bytes, crc: int) -> str | None:
        if zlib.crc32(data) != crc:
            return "the crop's checksum is another one"
        try:
            shape = _decode(data).shape
        except ValueError as reason:
            return f"the crop cannot be decoded: {reason}"
        return None if shape == (self.size, self.size, 3) else f"the crop has {shape[1]}x{shape[0]} pixels"


def is_pack(path: Path) -> bool:
    """Whether a folder is a finished pack."""
    return (path / "pack.json").is_file()


def _read_about(folder: Path) -> dict[str, Any]:
    path = folder / "pack.json"
    if not path.is_file():
        unfinished = (folder / "plan.json").is_file()
        raise ManifestError(
            f"{folder} is an unfinished pack: run the same `mien data prepare` again, it goes on where it stopped"
            if unfinished
            else f"{folder} is no pack; make one with `mien data prepare`"
        )
    try:
        about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as reason:
        raise ManifestError(f"{path} is damaged: {reason}") from reason
    if about.get("format") != FORMAT or about.get("version") != VERSION:
        raise ManifestError(f"{path} is no pack of version {VERSION}: prepare it anew, or use the mien that made it")
    return about


def _decode(data: bytes) -> Image:
    return np.asarray(simplejpeg.decode_jpeg(data, "RGB", fastdct=False, fastupsample=False), np.uint8)


def encode_crop(crop: Image, quality: int) -> bytes:
    """A crop as JPEG, all colours at full resolution."""
    return bytes(
        simplejpeg.encode_jpeg(np.ascontiguousarray(crop), quality, "RGB", colorsubsampling="444", fastdct=False)
    )


def _digest(path: Path) -> str:
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
        """Close the shard: its table, beside the manifest's columns of its rows, then the file of crops."""
        self._rows.close()
        self._bin.close()
        names = ("row", "status", "detail", "sha256", "offset", "length", "crc32")
        types = (pa.int64(), pa.string(), pa.string(), pa.string(), pa.int64(), pa.int32(), pa.uint32())
        table = columns.drop_columns([name for name in names if name in columns.column_names])
        for index, (name, kind) in enumerate(zip(names, types, strict=True)):
            table = table.append_column(name, pa.array([row[index] for row in self.outcomes], kind))
        pyarrow.parquet.write_table(table, self._folder / f"{self._name}.parquet")
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
    status = pyarrow.parquet.read_table(folder / f"{name}.parquet", columns=["status"]).column("status")
    records = pa.compute.sum(pa.compute.equal(status, "written")).as_py() or 0
    path = folder / f"{name}.bin"
    return Shard(name, int(records), path.stat().st_size, _digest(path))


def _whole_lines(path: Path) -> list[bytes]:
    """The lines that were written to their end."""
    if not path.exists():
        return []
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
