"""The pack: aligned crops in a few large shards, in an order that is already random.

Owns the format and reading it; prepare.py fills it and pack_check.py compares it with its checksums. A pack is a
folder with

    pack.json           format, size, template, counts, and name, records, bytes and sha256 of each shard
    shard-00000.bin     JPEG crops, one after the other
    shard-00000.parquet one row for each row of the manifest that fell into this shard: the manifest's columns, row
                        (its number in the manifest), status, detail, sha256 of the source, and offset, length and
                        crc32 of the crop, where one was written
    rejected.csv        the rows without a crop, and why

Rows are in the shards in a fixed random order, so that any stretch of a shard is a random sample of the set, and a
shuffled reader reads stretches.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from mien.data.shards import Shard, decode_crop
from mien.data.tables import read_parquet
from mien.errors import ManifestError
from mien.types import Image

FORMAT, VERSION = "mien pack", 1
STRETCH = 1024
"""Crops that a shuffled reader reads at a time, about 8 MB."""
MIXED = 8
"""Stretches that a shuffled reader mixes."""

Indices = NDArray[np.int64]


class Pack:
    """A pack that is open for reading. Safe to use from several threads, as every read opens its file."""

    def __init__(self, folder: Path) -> None:
        """Open a pack.

        Raises:
            ManifestError: not a pack, an unfinished one, one of a later version, or a shard is missing.
        """
        self.folder = folder
        self.about = _read_about(folder)
        try:
            self.size = int(self.about["size"])
            self.template = str(self.about["template"])
            self.shards = [Shard(**shard) for shard in self.about["shards"]]
        except (LookupError, TypeError, ValueError) as reason:
            raise ManifestError(f"{folder}: pack.json is damaged ({reason}); copy it again") from reason
        if not self.shards:
            raise ManifestError(f"{folder}: pack.json names no shards; copy it again or prepare the pack again")
        for shard in self.shards:
            if not (folder / f"{shard.name}.bin").is_file():
                raise ManifestError(f"{folder}: {shard.name}.bin is missing; copy it again or prepare the pack again")
        offsets, lengths, codes = [], [], []
        numbers: dict[str, int] = {}
        for shard in self.shards:
            table = self.index(shard, ["status", "subject", "offset", "length"])
            table = table.filter(pa.compute.equal(table.column("status"), "written"))
            _check_places(table, shard, folder)
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

    def index(self, shard: Shard, columns: list[str] | None = None) -> pa.Table:
        """The table of a shard.

        Raises:
            ManifestError: it cannot be read.
        """
        return read_parquet(self.folder / f"{shard.name}.parquet", columns)

    def rows(self) -> Iterator[dict[str, Any]]:
        """What is known of each crop, in the pack's order."""
        yield from (row for row in self._all_rows() if row["status"] == "written")

    def rejected(self) -> Iterator[dict[str, Any]]:
        """The rows without a crop, with their status and detail."""
        yield from (row for row in self._all_rows() if row["status"] != "written")

    def _all_rows(self) -> Iterator[dict[str, Any]]:
        for shard in self.shards:
            for batch in self.index(shard).to_batches(max_chunksize=4096):
                yield from batch.to_pylist()

    def encoded(self, index: int) -> bytes:
        """One crop as JPEG."""
        shard = int(np.searchsorted(self._starts, index, side="right")) - 1
        return self._bytes(shard, np.array([index]))[0]

    def read(self, index: int) -> Image:
        """One crop: (size, size, 3) uint8 RGB."""
        return self._decode(self.encoded(index), str(index))

    def _decode(self, data: bytes, name: str) -> Image:
        try:
            return decode_crop(data)
        except ValueError as reason:
            raise ManifestError(
                f"{self.folder}: crop {name} cannot be decoded ({reason}): find the damage with `mien data check "
                f"{self.folder}`, and copy the pack again"
            ) from reason

    def crops(self) -> Iterator[Image]:
        """All crops in the pack's order."""
        for shard in range(len(self.shards)):
            for first in range(int(self._starts[shard]), int(self._starts[shard + 1]), STRETCH):
                last = min(first + STRETCH, int(self._starts[shard + 1]))
                for data in self._bytes(shard, np.arange(first, last)):
                    yield self._decode(data, f"of {self.shards[shard].name}")

    def shuffled(self, batch: int, seed: int, *, rank: int = 0, world: int = 1) -> Iterator[tuple[Image, Indices]]:
        """One pass over the pack in a random order, in whole batches.

        Stretches are read in a random order, and several of them are mixed; since the pack's own order is random, the
        batches are as random as with a shuffle of everything, and the disk reads sequentially.

        Args:
            batch: crops in a batch; crops left over at the end are not given.
            seed: of the order; use a new one for each pass.
            rank: of this reader among `world`; each reader reads different stretches.
            world: number of readers.

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
                        np.stack([self._decode(data, "of a batch") for data, _ in taken]),
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


def _check_places(table: pa.Table, shard: Shard, folder: Path) -> None:
    """Refuse a table whose crops are not in the shard."""
    offsets, lengths = table.column("offset"), table.column("length")
    known = offsets.null_count + lengths.null_count + table.column("subject").null_count == 0
    ends = pa.compute.add(offsets, lengths)
    if (
        not known
        or not pa.compute.all(
            pa.compute.and_(pa.compute.greater_equal(offsets, 0), pa.compute.less_equal(ends, shard.bytes))
        ).as_py()
    ):
        raise ManifestError(f"{folder}: {shard.name}.parquet does not fit {shard.name}.bin; copy both again")


def is_pack(path: Path) -> bool:
    """Whether a folder is a finished pack."""
    return (path / "pack.json").is_file()


def _read_about(folder: Path) -> dict[str, Any]:
    path = folder / "pack.json"
    if not path.is_file():
        unfinished = (folder / "plan.json").is_file()
        raise ManifestError(
            f"{folder} is an unfinished pack: run the same `mien data prepare` again; it continues where it stopped"
            if unfinished
            else f"{folder} is not a pack; make one with `mien data prepare`"
        )
    try:
        about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as reason:
        raise ManifestError(f"{path} is damaged: {reason}") from reason
    if not isinstance(about, dict):
        raise ManifestError(f"{path} is damaged: copy it again")
    if about.get("format") != FORMAT or about.get("version") != VERSION:
        raise ManifestError(
            f"{path} is not a pack of version {VERSION}: prepare it again, or use the version of mien that made it"
        )
    return about
