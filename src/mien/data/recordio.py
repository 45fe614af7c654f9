"""RecordIO: the .rec and .idx files of MXNet, as the field's packs use them. Reads and writes them without mxnet.

Owns the framing (dmlc/recordio.h), the image header (IRHeader of mxnet/recordio.py) and the layout that InsightFace's
face2rec2.py gives a pack of faces. Decodes no image. Numbers are little-endian.

A record is the magic word, a word with a flag in its upper three bits and a length in the others, the payload, and
zeros up to a multiple of four. A payload that holds the magic word at a multiple of four is split there into a
start, middles and an end, and the magic word itself is left out.
"""

import re
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from mien.errors import ManifestError

MAGIC = 0xCED7230A
MAGIC_BYTES = struct.pack("<I", MAGIC)
LENGTH_BITS = 29
WHOLE, START, MIDDLE, END = 0, 1, 2, 3
HEADER = struct.Struct("<IfQQ")


@dataclass(frozen=True, slots=True)
class Record:
    """One image record.

    Attributes:
        flag: how many labels follow the header; 0 where the label stands in the header itself.
        labels: all labels; the first one is the class.
        id: the record's number.
        image: the encoded image; empty in records that describe the pack.
    """

    flag: int
    labels: tuple[float, ...]
    id: int
    image: bytes

    @property
    def describes_pack(self) -> bool:
        """Whether this is something else than an image: the record 0 and the identity ranges of InsightFace's packs.

        A flag above 0 alone does not say so: packs with several labels an image have it in every record.
        """
        return self.flag == 2 and not self.image


def read_payload(stream: BinaryIO, name: str) -> bytes | None:
    """The payload of the record that starts here, put together from its parts; None at the end of the file.

    Raises:
        ManifestError: no record starts here, or the file is cut off.
    """
    parts: list[bytes] = []
    while True:
        start = stream.tell()
        head = stream.read(8)
        if not head and not parts:
            return None
        if len(head) < 8:
            raise ManifestError(f"{name} is cut off at byte {start}; fetch it again")
        magic, word = struct.unpack("<II", head)
        if magic != MAGIC:
            raise ManifestError(f"{name} has no record at byte {start}; is the .idx file of another .rec file?")
        flag, length = word >> LENGTH_BITS, word & ((1 << LENGTH_BITS) - 1)
        data = stream.read(length)
        if len(data) < length:
            raise ManifestError(f"{name} is cut off at byte {start}; fetch it again")
        stream.seek(-length % 4, 1)
        if flag not in ((WHOLE, START) if not parts else (MIDDLE, END)):
            raise ManifestError(f"{name} has a part out of order at byte {start}; fetch it again")
        parts.append(data)
        if flag in (WHOLE, END):
            return MAGIC_BYTES.join(parts)


def frame(payload: bytes) -> bytes:
    """A payload as a record: whole, or in parts where it holds the magic word at a multiple of four.

    Raises:
        ManifestError: longer than a record can be.
    """
    if len(payload) >= 1 << LENGTH_BITS:
        raise ManifestError(f"a record holds less than {1 << LENGTH_BITS} bytes, not {len(payload)}")
    parts, start, found = [], 0, payload.find(MAGIC_BYTES)
    while found != -1:
        if found % 4 == 0:
            parts.append(payload[start:found])
            start = found + 4
            found = payload.find(MAGIC_BYTES, start)
        else:
            found = payload.find(MAGIC_BYTES, found + 1)
    parts.append(payload[start:])
    flags = [WHOLE] if len(parts) == 1 else [START, *[MIDDLE] * (len(parts) - 2), END]
    return b"".join(
        struct.pack("<II", MAGIC, flag << LENGTH_BITS | len(part)) + part + b"\0" * (-len(part) % 4)
        for flag, part in zip(flags, parts, strict=True)
    )


def parse_record(payload: bytes, name: str) -> Record:
    """The header, labels and image of a payload.

    Raises:
        ManifestError: shorter than its header says.
    """
    if len(payload) < HEADER.size:
        raise ManifestError(f"{name} has a record of {len(payload)} bytes, shorter than its header; fetch it again")
    flag, label, number, _ = HEADER.unpack_from(payload)
    body = payload[HEADER.size :]
    if flag == 0:
        return Record(0, (float(label),), number, body)
    if len(body) < 4 * flag:
        raise ManifestError(f"{name} has a record that lacks labels; fetch it again")
    labels = np.frombuffer(body, "<f4", flag)
    return Record(flag, tuple(float(value) for value in labels), number, body[4 * flag :])


def format_record(record: Record) -> bytes:
    """A record as a payload."""
    if record.flag == 0:
        return HEADER.pack(0, record.labels[0], record.id, 0) + record.image
    labels = np.asarray(record.labels, "<f4").tobytes()
    return HEADER.pack(record.flag, 0.0, record.id, 0) + labels + record.image


def read_at(path: Path, offset: int) -> Record:
    """The record at a byte offset.

    Raises:
        ManifestError: no whole record is there.
    """
    with path.open("rb") as stream:
        return _read(stream, offset, str(path))


def _read(stream: BinaryIO, offset: int, name: str) -> Record:
    stream.seek(offset)
    payload = read_payload(stream, name)
    if payload is None:
        raise ManifestError(
            f"{name} ends before byte {offset}; is it cut off, or the .idx file of another .rec file?"
        )
    return parse_record(payload, name)


LINES = 65536
"""Lines of an .idx file that are handed out at a time."""

KEY_AND_OFFSET = re.compile(r"\s*(\d{1,18})\s+(\d{1,18})\s*", re.ASCII)


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """The lines of an .idx file.

    Attributes:
        offsets: (N, 2) key and byte offset of each record, by key.
        bad: number and text of lines that are not a key and an offset.
    """

    offsets: NDArray[np.int64]
    bad: tuple[tuple[int, str], ...] = ()

    def places(self) -> Iterator[int]:
        """The byte offsets, by key."""
        for first in range(0, len(self.offsets), LINES):
            yield from self.offsets[first : first + LINES, 1].tolist()


def read_index(path: Path) -> Index:
    """Read an .idx file; a line takes 16 bytes of memory.

    Raises:
        ManifestError: it cannot be read.
    """
    found, bad = array("q"), []
    try:
        with path.open(encoding="ascii", errors="replace", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                if match := KEY_AND_OFFSET.fullmatch(line):
                    found.extend((int(match[1]), int(match[2])))
                elif line.strip():
                    bad.append((number, line.rstrip("\n")[:40]))
    except OSError as reason:
        raise ManifestError(f"{path} cannot be read: {reason.strerror}") from reason
    offsets = np.array(found, np.int64).reshape(-1, 2)
    return Index(offsets[np.lexsort((offsets[:, 1], offsets[:, 0]))], tuple(bad))


def records(rec: Path, index: Index | None) -> Iterator[tuple[int, Record | str]]:
    """The offset and the record of everything in a pack, or what is wrong there; damage affects no other record.

    Args:
        rec: the pack.
        index: where its records are; without it the pack is read from its start to its end.
    """
    with rec.open("rb") as stream:
        for offset in _following(stream) if index is None else index.places():
            try:
                yield offset, _read(stream, offset, str(rec))
            except ManifestError as fault:
                yield offset, str(fault).removeprefix(f"{rec} ")


SEARCHED = 1 << 20
"""Bytes that are read at a time while the next record is looked for."""


def _following(stream: BinaryIO) -> Iterator[int]:
    """The offsets of all records; behind a damaged one the next magic word at a multiple of four begins a record."""
    size = stream.seek(0, 2)
    offset = 0
    while offset < size:
        yield offset
        try:
            stream.seek(offset)
            read_payload(stream, "")
            offset = stream.tell()
        except ManifestError:
            offset = _next_start(stream, offset + 4, size)


def _next_start(stream: BinaryIO, start: int, size: int) -> int:
    start += -start % 4
    while start < size:
        stream.seek(start)
        data = stream.read(SEARCHED + 4)
        words = np.frombuffer(data[: len(data) // 4 * 4], "<u4")
        heads = np.flatnonzero((words[:-1] == MAGIC) & np.isin(words[1:] >> LENGTH_BITS, (WHOLE, START)))
        if len(heads):
            return start + 4 * int(heads[0])
        start += SEARCHED
    return size


class PackWriter:
    """Writes images of classes as an InsightFace pack: image records, then one record an identity, and record 0.

    Record 0 has the labels [N + 1, N + 1 + classes] and no image; each image has its class alone (flag 0); each
    identity record has the labels [first image, last image + 1). The images of a class must come together.
    """

    def __init__(self, folder: Path, name: str = "train") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._name = folder, name
        self._rec = (folder / f"{name}.rec").open("wb")
        self._offsets: list[tuple[int, int]] = []
        self._ranges: list[list[int]] = []
        self._label = -1
        # The place of record 0 is kept free, as its labels are known at the end only.
        self._put(Record(2, (0.0, 0.0), 0, b""))

    def add(self, image: bytes, label: int) -> None:
        """Append an encoded image of a class; classes are 0, 1, 2 ... in this order."""
        number = len(self._offsets)
        if label != self._label:
            if label != self._label + 1:
                raise ManifestError(f"class {label} follows class {self._label}: write images class by class")
            self._label = label
            self._ranges.append([number, number])
        self._ranges[-1][1] = number + 1
        self._put(Record(0, (float(label),), number, image))

    def _put(self, record: Record) -> None:
        self._offsets.append((record.id, self._rec.tell()))
        self._rec.write(frame(format_record(record)))

    def close(self, width: int, height: int) -> None:
        """Write the identity records, record 0, the .idx file and the property file."""
        images_end = len(self._offsets)
        for first, last in self._ranges:
            self._put(Record(2, (float(first), float(last)), len(self._offsets), b""))
        self._rec.seek(0)
        # Counts above 2^24 have no exact float32; InsightFace's own packs round them in the same way.
        self._rec.write(frame(format_record(Record(2, (float(images_end), float(len(self._offsets))), 0, b""))))
        self._rec.close()
        lines = "".join(f"{key}\t{offset}\n" for key, offset in self._offsets)
        (self._folder / f"{self._name}.idx").write_text(lines, encoding="ascii")
        (self._folder / "property").write_text(f"{len(self._ranges)},{width},{height}\n", encoding="ascii")

    def __enter__(self) -> "PackWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, reason: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rec.close()
