"""The file of exported vectors: Parquet with id, vector and checksum of every sample, in order of enrolment.

Its metadata say which gallery and which embeddings they are, how many, and the hash of all of them; a file that was
cut or edited is refused in one sentence. It holds no names, and vectors as they are, unencrypted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from mien.errors import GalleryError
from mien.faults import describe
from mien.gallery.records import Identity
from mien.types import Floats, floats
from mien.whole_files import whole_file

if TYPE_CHECKING:
    from hashlib import _Hash

FORMAT = "1"
BLOCK = 5_000
"""Samples of a row group."""


@dataclass(frozen=True, slots=True)
class ExportHead:
    """What an export says of itself.

    Attributes:
        gallery: the id of the gallery.
        identity: of its embeddings.
        count: of samples.
        hash: of all ids and vectors, SHA-256.
    """

    gallery: str
    identity: Identity
    count: int
    hash: str


Block = tuple[list[str], Floats]
"""Ids of samples and their vectors, (N, D) float32."""


def write_export(path: Path, gallery: str, identity: Identity, blocks: Iterable[Block]) -> ExportHead:
    """Write an export that its owner alone can read.

    Args:
        path: of the file; an existing one is replaced when the new one is whole.
        gallery: the id of the gallery.
        identity: of its embeddings.
        blocks: of at most BLOCK samples each.
    """
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    vector = arrow.list_(arrow.float32(), identity.dimension)
    schema = arrow.schema([("id", arrow.string()), ("vector", vector), ("checksum", arrow.uint32())])
    count, total = 0, sha256()
    with (
        whole_file(path, private=True) as scratch,
        parquet.ParquetWriter(scratch, schema, compression="none", use_dictionary=False) as writer,
    ):
        for ids, vectors in blocks:
            rows = floats(vectors).astype("<f4")
            values = arrow.FixedSizeListArray.from_arrays(arrow.array(rows.ravel(), arrow.float32()), type=vector)
            columns = [arrow.array(ids), values, arrow.array(_checksums(ids, rows), arrow.uint32())]
            writer.write_table(arrow.Table.from_arrays(columns, schema=schema), row_group_size=BLOCK)
            count += len(ids)
            _update(total, ids, rows)
        head = ExportHead(gallery, identity, count, total.hexdigest())
        writer.add_key_value_metadata(_metadata(head))
    return head


def _checksums(ids: list[str], rows: Floats) -> list[int]:
    return [crc32(one.encode() + row.tobytes()) for one, row in zip(ids, rows, strict=True)]


def _update(total: _Hash, ids: list[str], rows: Floats) -> None:
    for one, row in zip(ids, rows, strict=True):
        total.update(one.encode())
        total.update(row.tobytes())


def _metadata(head: ExportHead) -> dict[str, str]:
    identity = head.identity
    return {
        "mien.format": FORMAT,
        "mien.gallery": head.gallery,
        "mien.contract": identity.contract,
        "mien.model": identity.model,
        "mien.metric": identity.metric,
        "mien.dimension": str(identity.dimension),
        "mien.count": str(head.count),
        "mien.hash": head.hash,
    }


class Export:
    """An export that is read.

    Raises:
        GalleryError: it is not an export, or it was cut or edited.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as arrow
        import pyarrow.parquet as parquet

        self.path = path
        self._places: dict[str, tuple[int, int]] = {}
        self._open: tuple[int, Floats] = -1, np.empty((0, 0), np.float32)
        try:
            self._file: Any = parquet.ParquetFile(path)
        except OSError as reason:
            raise GalleryError(describe(reason, str(path))) from reason
        except arrow.ArrowException as reason:
            raise GalleryError(
                f"{path} is not an export, or it was cut: write it again with `mien gallery export`"
            ) from reason
        self.head = self._head()

    def _head(self) -> ExportHead:
        found = {name.decode(): value.decode() for name, value in (self._file.metadata.metadata or {}).items()}
        if found.get("mien.format") != FORMAT:
            raise GalleryError(f"{self.path} is not an export of this version of mien: use `mien gallery export`")
        try:
            metric = found["mien.metric"]
            identity = Identity(
                found["mien.contract"],
                found["mien.model"],
                "cosine" if metric == "cosine" else "l2",
                int(found["mien.dimension"]),
            )
            return ExportHead(found["mien.gallery"], identity, int(found["mien.count"]), found["mien.hash"])
        except (KeyError, ValueError):
            raise self._edited() from None

    def _edited(self) -> GalleryError:
        return GalleryError(f"{self.path} was edited after it was written: write it again with `mien gallery export`")

    def blocks(self) -> Iterator[Block]:
        """All samples. What comes is not proven before the last block was read; see check.

        Raises:
            GalleryError: it was edited.
        """
        count, total = 0, sha256()
        for group in range(self._file.num_row_groups):
            ids, vectors = self.group(group)
            count += len(ids)
            _update(total, ids, vectors)
            yield ids, vectors
        if count != self.head.count or total.hexdigest() != self.head.hash:
            raise self._edited()

    def group(self, number: int) -> Block:
        """One block.

        Raises:
            GalleryError: it was edited.
        """
        import pyarrow as arrow

        try:
            table = self._file.read_row_group(number)
            ids = table.column("id").to_pylist()
            flat = table.column("vector").combine_chunks().flatten().to_numpy()
            vectors = floats(flat).reshape(len(ids), self.head.identity.dimension)
            wrong = _checksums(ids, vectors) != table.column("checksum").to_pylist()
        except (arrow.ArrowException, OSError, KeyError, ValueError, AttributeError, TypeError):
            raise self._edited() from None
        if wrong:
            raise self._edited()
        return ids, vectors

    def ids(self, *, older_than: float = 0) -> Iterator[list[str]]:
        """All ids in blocks; see VectorStore.

        Raises:
            GalleryError: it was edited.
        """
        import pyarrow as arrow

        for number in range(self._file.num_row_groups):
            try:
                found = self._file.read_row_group(number, ["id"]).column("id").to_pylist()
            except (arrow.ArrowException, OSError, KeyError):
                raise self._edited() from None
            yield found

    def get(self, ids: Sequence[str]) -> Floats:
        """(N, D) float32 in the order of the ids, which are best in the order of the file; NaN for one that it lacks.

        Raises:
            GalleryError: it was edited.
        """
        if not self._places:
            for number, block in enumerate(self.ids()):
                self._places |= {one: (number, row) for row, one in enumerate(block)}
        vectors = np.full((len(ids), self.head.identity.dimension), np.nan, np.float32)
        for place, one in enumerate(ids):
            number, row = self._places.get(one, (-1, -1))
            if number >= 0:
                if number != self._open[0]:
                    self._open = number, self.group(number)[1]
                vectors[place] = self._open[1][row]
        return vectors

    def check(self) -> None:
        """Read all of it once, before anything is done with it.

        Raises:
            GalleryError: it was edited.
        """
        for _ in self.blocks():
            pass

    def close(self) -> None:
        """Close the file."""
        self._file.close()
