"""The boxes of MP4 and QuickTime files: read into trees, and asked for what their tables say. Changes no file.

Counts and sizes from a file are held against its bytes before anything is made of them. Refuses tables that do not
fit.

After ISO/IEC 14496-12.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

NESTED = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts")
"""Boxes that hold boxes."""
MAX_TABLES = 1 << 28
"""Maximum number of bytes of a movie box that is read: an hour of video needs about a megabyte."""


Numbers = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


class Mp4Error(ValueError):
    """A file whose boxes are not as they have to be, or are not known here; the message says which."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its kind, and what it holds.

    Attributes:
        kind: four letters.
        content: bytes, or boxes.
    """

    kind: bytes
    content: "bytes | tuple[Box, ...]"

    @property
    def data(self) -> bytes:
        """The bytes of a box that holds no boxes."""
        if not isinstance(self.content, bytes):
            raise Mp4Error(f"{self.kind!r} holds boxes")
        return self.content

    @property
    def boxes(self) -> "tuple[Box, ...]":
        """The boxes that it holds."""
        if isinstance(self.content, bytes):
            raise Mp4Error(f"{self.kind!r} holds no boxes")
        return self.content

    def find(self, *path: bytes) -> "Box | None":
        """The first box along a path of kinds."""
        found: Box | None = self
        for kind in path:
            found = next((one for one in found.boxes if one.kind == kind), None) if found is not None else None
        return found

    def need(self, *path: bytes) -> "Box":
        """The first box along a path of kinds.

        Raises:
            Mp4Error: there is none.
        """
        found = self.find(*path)
        if found is None:
            raise Mp4Error(f"there is no {b'/'.join(path)!r}")
        return found

    def with_box(self, path: Sequence[bytes], box: "Box") -> "Box":
        """The same with another box at the end of a path of kinds; all of that kind are replaced by it."""
        if len(path) == 1:
            kept = tuple(one for one in self.boxes if one.kind != path[0])
            return replace(self, content=(*kept, box))
        changed = tuple(one.with_box(path[1:], box) if one.kind == path[0] else one for one in self.boxes)
        return replace(self, content=changed)

    def without(self, *kinds: bytes) -> "Box":
        """The same without boxes of some kinds."""
        return replace(self, content=tuple(one for one in self.boxes if one.kind not in kinds))

    def encode(self) -> bytes:
        """As it is stored."""
        content = self.content if isinstance(self.content, bytes) else b"".join(one.encode() for one in self.content)
        return struct.pack(">I4s", 8 + len(content), self.kind) + content


def read_movie(path: Path) -> tuple[Box, int]:
    """The box of a file's tables, and where it starts.

    Raises:
        Mp4Error: there is none, or it is damaged.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        for kind, start, end in top_boxes(stream, size):
            if kind == b"moov" and end <= size and end - start <= MAX_TABLES:
                stream.seek(start)
                (movie,) = parse_boxes(stream.read(end - start))
                return movie, start
    raise Mp4Error("there is no movie box")


def top_boxes(stream: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of each box of a file; the end may be after the file's."""
    start = 0
    while start + 8 <= size:
        stream.seek(start)
        length, kind = struct.unpack(">I4s", stream.read(8))
        if length == 1:
            length = int.from_bytes(stream.read(8), "big")
        end = start + length if length else size
        if end < start + 8:
            return
        yield kind, start, end
        start = end


def parse_boxes(data: bytes, depth: int = 0) -> tuple[Box, ...]:
    """The boxes that some bytes hold."""
    boxes, at = [], 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if length == 1 and at + 16 <= len(data):
            length, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        length = length or len(data) - at
        if length < head or at + length > len(data):
            raise Mp4Error(f"{kind!r} is longer than what holds it")
        content = data[at + head : at + length]
        boxes.append(Box(kind, parse_boxes(content, depth + 1) if kind in NESTED and depth < 8 else content))
        at += length
    return tuple(boxes)


def tracks_of(movie: Box) -> list[Box]:
    """The tracks of a movie."""
    return [one for one in movie.boxes if one.kind == b"trak"]


def handler_of(track: Box) -> bytes:
    """What a track holds: `vide`, `soun` or something else."""
    return track.need(b"mdia", b"hdlr").data[8:12]


def numbers_at(data: bytes, form: str, at: int) -> tuple[int, ...]:
    """Numbers of a box, as struct reads them."""
    try:
        return struct.unpack_from(form, data, at)
    except struct.error as reason:
        raise Mp4Error("a box is too short") from reason


def scale_of(header: Box) -> int:
    """Ticks per second of a movie or track header."""
    wide = header.data[:1] == b"\1"
    (found,) = numbers_at(header.data, ">I", 20 if wide else 12)
    if not found:
        raise Mp4Error("a second has no ticks")
    return found


def duration_of(header: Box) -> int:
    """The length in the ticks of a movie or track header."""
    wide, of_track = header.data[:1] == b"\1", header.kind == b"tkhd"
    at = (28 if wide else 20) if of_track else (24 if wide else 16)
    return numbers_at(header.data, ">Q" if wide else ">I", at)[0]


def table_at(data: bytes, at: int, fields: int, width: int = 4) -> Numbers:
    """Rows of numbers, whose count is in the four bytes before them."""
    (count,) = numbers_at(data, ">I", at)
    if count * fields * width > len(data) - at - 4:
        raise Mp4Error("a table is longer than its box")
    found = np.frombuffer(data, f">u{width}", count * fields, at + 4)
    if width == 8 and len(found) and int(found.max()) >> 62:
        raise Mp4Error("an offset is out of every file")
    return found.astype(np.int64).reshape(count, fields)


def count_samples(track: Box) -> int:
    """How many samples a track has."""
    return numbers_at(track.need(b"mdia", b"minf", b"stbl", b"stsz").data, ">I", 8)[0]


def _bytes_before(data: bytes, samples: Numbers) -> Numbers:
    """The bytes of the samples before each number of a sample; the last number is the count of all."""
    same, count = numbers_at(data, ">II", 4)
    if int(samples[-1]) != count:
        raise Mp4Error("runs of samples do not add up to the samples")
    if same == 1:
        raise Mp4Error("samples of one byte are counted in another unit")
    if same:
        return samples * same
    return np.concatenate([[0], np.cumsum(table_at(data, 8, 1)[:, 0])])[samples]


def chunks_of(track: Box) -> list[tuple[int, int]]:
    """Where each run of samples starts, and its bytes."""
    table = track.need(b"mdia", b"minf", b"stbl")
    wide = table.find(b"co64")
    offsets = table_at(wide.data, 4, 1, 8)[:, 0] if wide else table_at(table.need(b"stco").data, 4, 1)[:, 0]
    runs = table_at(table.need(b"stsc").data, 4, 3)
    first = np.concatenate([runs[:, 0] - 1, [len(offsets)]])
    if (np.diff(first) < 0).any() or first[0] != 0 or first[-1] != len(offsets):
        raise Mp4Error("runs of samples are out of order")
    samples = np.concatenate([[0], np.cumsum(np.repeat(runs[:, 1], np.diff(first)))])
    ends = _bytes_before(table.need(b"stsz").data, samples)
    return list(zip(offsets.tolist(), np.diff(ends).tolist(), strict=True))


def edits_of(track: Box) -> list[tuple[int, int]]:
    """Length in the movie's ticks and start in the track's of each edit; a start of -1 is a pause."""
    found = track.find(b"edts", b"elst")
    if found is None:
        return []
    wide = found.data[:1] == b"\1"
    (count,), form = numbers_at(found.data, ">I", 4), ">Qq" if wide else ">Ii"
    step = struct.calcsize(form) + 4
    rows = [numbers_at(found.data, form, 8 + at * step) for at in range(min(count, len(found.data) // step))]
    return [(length, start) for length, start in rows]
