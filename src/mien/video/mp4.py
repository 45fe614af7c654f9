"""MP4 and QuickTime files as trees of boxes: what one says of itself, and a written one put right.

OpenCV writes MP4 files of a constant rate, with even sides and without sound. `finish` gives such a file the frames'
own times and size, and copies sound out of another MP4 file as it is stored. Decodes and encodes nothing. Refuses
files in fragments, whose tables are spread over the file.

After ISO/IEC 14496-12 (boxes) and 14496-14 (MP4).
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mien.video.frame_size import with_frame_size

NESTED = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts")
"""Boxes that hold boxes."""
TICKS = 90_000
"""Per second, in which the times of frames are written: enough to tell all usual rates apart (MPEG's own)."""
MAX_TABLES = 1 << 28
"""Maximum number of bytes of a movie box that is read: an hour of video needs about a megabyte."""
MEDIA_HEAD = 16
"""Bytes before the data of a large media box."""
PIECE = 1 << 20
"""Bytes that are copied at once."""


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


def is_cut(path: Path) -> bool:
    """Whether a box of the file goes on after the file's end."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        return any(end > size for _, _, end in _top(stream, size))


def has_sound(path: Path) -> bool | None:
    """Whether a file has a track of sound; None where its tables cannot be read."""
    try:
        return any(_handler(track) == b"soun" for track in _tracks(read_movie(path)[0]))
    except (OSError, Mp4Error):
        return None


def shows_all_frames(path: Path) -> bool:
    """Whether the header's count of frames is that of the frames that are shown.

    Not so in files in fragments, and where an edit list shows a part of the track, as phones write it when a video is
    trimmed.
    """
    try:
        movie = read_movie(path)[0]
        track = next(one for one in _tracks(movie) if _handler(one) == b"vide")
        shown = sum(length for length, start in _edits(track) if start >= 0) / _scale(movie.need(b"mvhd"))
        header = track.need(b"mdia", b"mdhd")
        return movie.find(b"mvex") is None and (not shown or shown > 0.98 * _duration(header) / _scale(header))
    except (OSError, Mp4Error, StopIteration):
        return False


def count_frames(path: Path) -> int:
    """Frames of the first video track whose data are in the file.

    Raises:
        Mp4Error: the file is not complete.
    """
    if is_cut(path):
        raise Mp4Error("the file is cut short")
    track = next((one for one in _tracks(read_movie(path)[0]) if _handler(one) == b"vide"), None)
    if track is None:
        raise Mp4Error("there is no track of video")
    size = path.stat().st_size
    if any(start + length > size for start, length in _chunks(track)):
        raise Mp4Error("data of frames are missing")
    return _samples(track)


def finish(
    path: Path, times: Sequence[float], seconds: float, *, width: int, height: int, sound: Path | None = None
) -> int:
    """Give a file that OpenCV wrote the times and the size of its frames, and the sound of another file.

    Args:
        path: the file; it is changed in place.
        times: of the frames, in seconds, growing, from 0.
        seconds: how long the video is.
        width: of the frames in pixels; at most one less than the file has.
        height: of the frames in pixels; at most one less than the file has.
        sound: an MP4 file whose sound is copied; None copies none.

    Returns:
        How many tracks of sound were copied.

    Raises:
        Mp4Error: the file, or the sound, is not as it has to be; then the file is as it was.
        OSError: it cannot be read or written.
    """
    movie, start = read_movie(path)
    videos = [one for one in _tracks(movie) if _handler(one) == b"vide"]
    if len(videos) != 1:
        raise Mp4Error("there is not one track of video")
    source = read_movie(sound)[0] if sound is not None else None
    delay = _delay(source) if source is not None else 0.0
    video = _with_times(_with_size(videos[0], width, height), times, seconds, delay)
    lengths, tracks, runs, at = [seconds + delay], list[Box](), list[list[tuple[int, int]]](), start
    if source is not None and sound is not None:
        scale, size = TICKS / _scale(source.need(b"mvhd")), sound.stat().st_size
        for number, track in enumerate((one for one in _tracks(source) if _handler(one) == b"soun"), start=2):
            chunks = _chunks(track)
            if any(place + length > size for place, length in chunks):
                raise Mp4Error("data of the sound are missing")
            ends = np.cumsum([at + MEDIA_HEAD, *(length for _, length in chunks)]).tolist()
            tracks.append(_moved(track, ends[:-1], number, scale))
            runs.append(chunks)
            lengths.append(_duration(tracks[-1].need(b"tkhd")) / TICKS)
            at = ends[-1]
    header = _movie_header(movie.need(b"mvhd").data, max(lengths), len(tracks) + 2)
    tables = Box(b"moov", (header, video, *tracks, *movie.without(b"mvhd", b"trak").boxes)).encode()
    # Nothing is changed before all of it is known to be possible.
    with path.open("r+b") as out:
        out.seek(start)
        out.truncate()
        for chunks in runs:
            assert sound is not None
            _copy(sound, out, chunks)
        out.write(tables)
    return len(tracks)


def read_movie(path: Path) -> tuple[Box, int]:
    """The box of a file's tables, and where it starts.

    Raises:
        Mp4Error: there is none, or it is damaged.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        for kind, start, end in _top(stream, size):
            if kind == b"moov" and end <= size and end - start <= MAX_TABLES:
                stream.seek(start)
                (movie,) = _parse(stream.read(end - start))
                return movie, start
    raise Mp4Error("there is no movie box")


def _top(stream: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
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


def _parse(data: bytes, depth: int = 0) -> tuple[Box, ...]:
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
        boxes.append(Box(kind, _parse(content, depth + 1) if kind in NESTED and depth < 8 else content))
        at += length
    return tuple(boxes)


def _tracks(movie: Box) -> list[Box]:
    return [one for one in movie.boxes if one.kind == b"trak"]


def _handler(track: Box) -> bytes:
    return track.need(b"mdia", b"hdlr").data[8:12]


def _numbers(data: bytes, form: str, at: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(form, data, at)
    except struct.error as reason:
        raise Mp4Error("a box is too short") from reason


def _scale(header: Box) -> int:
    """Ticks per second of a movie or track header."""
    wide = header.data[:1] == b"\1"
    (found,) = _numbers(header.data, ">I", 20 if wide else 12)
    if not found:
        raise Mp4Error("a second has no ticks")
    return found


def _duration(header: Box) -> int:
    wide, of_track = header.data[:1] == b"\1", header.kind == b"tkhd"
    at = (28 if wide else 20) if of_track else (24 if wide else 16)
    return _numbers(header.data, ">Q" if wide else ">I", at)[0]


def _table(data: bytes, at: int, fields: int, width: int = 4) -> Numbers:
    """Rows of numbers, whose count is in the four bytes before them."""
    (count,) = _numbers(data, ">I", at)
    if count * fields * width > len(data) - at - 4:
        raise Mp4Error("a table is longer than its box")
    found = np.frombuffer(data, f">u{width}", count * fields, at + 4)
    if width == 8 and len(found) and int(found.max()) >> 62:
        raise Mp4Error("an offset is out of every file")
    return found.astype(np.int64).reshape(count, fields)


def _samples(track: Box) -> int:
    """How many samples a track has."""
    return _numbers(track.need(b"mdia", b"minf", b"stbl", b"stsz").data, ">I", 8)[0]


def _bytes_before(data: bytes, samples: Numbers) -> Numbers:
    """The bytes of the samples before each number of a sample; the last number is the count of all."""
    same, count = _numbers(data, ">II", 4)
    if int(samples[-1]) != count:
        raise Mp4Error("runs of samples do not add up to the samples")
    if same == 1:
        raise Mp4Error("samples of one byte are counted in another unit")
    if same:
        return samples * same
    return np.concatenate([[0], np.cumsum(_table(data, 8, 1)[:, 0])])[samples]


def _chunks(track: Box) -> list[tuple[int, int]]:
    """Where each run of samples starts, and its bytes."""
    table = track.need(b"mdia", b"minf", b"stbl")
    wide = table.find(b"co64")
    offsets = _table(wide.data, 4, 1, 8)[:, 0] if wide else _table(table.need(b"stco").data, 4, 1)[:, 0]
    runs = _table(table.need(b"stsc").data, 4, 3)
    first = np.concatenate([runs[:, 0] - 1, [len(offsets)]])
    if (np.diff(first) < 0).any() or first[0] != 0 or first[-1] != len(offsets):
        raise Mp4Error("runs of samples are out of order")
    samples = np.concatenate([[0], np.cumsum(np.repeat(runs[:, 1], np.diff(first)))])
    ends = _bytes_before(table.need(b"stsz").data, samples)
    return list(zip(offsets.tolist(), np.diff(ends).tolist(), strict=True))


def _edits(track: Box) -> list[tuple[int, int]]:
    """Length in the movie's ticks and start in the track's of each edit; a start of -1 is a pause."""
    found = track.find(b"edts", b"elst")
    if found is None:
        return []
    wide = found.data[:1] == b"\1"
    (count,), form = _numbers(found.data, ">I", 4), ">Qq" if wide else ">Ii"
    step = struct.calcsize(form) + 4
    rows = [_numbers(found.data, form, 8 + at * step) for at in range(min(count, len(found.data) // step))]
    return [(length, start) for length, start in rows]


def _edit_list(edits: Sequence[tuple[int, int]]) -> Box:
    rows = b"".join(struct.pack(">QqI", length, start, 1 << 16) for length, start in edits)
    return Box(b"edts", (Box(b"elst", struct.pack(">II", 1 << 24, len(edits)) + rows),))


def _delay(movie: Box) -> float:
    """Seconds from the start of a movie to its first frame."""
    video = next((one for one in _tracks(movie) if _handler(one) == b"vide"), None)
    edits = _edits(video) if video is not None else []
    pauses = [length for at, (length, start) in enumerate(edits) if all(s < 0 for _, s in edits[: at + 1])]
    return sum(pauses) / _scale(movie.need(b"mvhd"))


def _with_size(track: Box, width: int, height: int) -> Box:
    """A track of video whose frames have a size that is smaller by at most a row and a column."""
    description = track.need(b"mdia", b"minf", b"stbl", b"stsd")
    header = bytearray(track.need(b"tkhd").data)
    header[-8:] = struct.pack(">II", width << 16, height << 16)
    entry = bytearray(description.data)
    # After the count of entries: size and kind of the first, and 24 bytes that are not the frame's size.
    stored = _numbers(bytes(entry), ">HH", 8 + 8 + 24)
    if stored == (width, height):
        return track
    struct.pack_into(">HH", entry, 8 + 8 + 24, width, height)
    try:
        changed = with_frame_size(bytes(entry), stored, (width, height))
    except ValueError as reason:
        raise Mp4Error(str(reason)) from reason
    track = track.with_box([b"mdia", b"minf", b"stbl", b"stsd"], Box(b"stsd", changed))
    return track.with_box([b"tkhd"], Box(b"tkhd", bytes(header)))


def _with_times(track: Box, times: Sequence[float], seconds: float, delay: float) -> Box:
    if _samples(track) != len(times):
        raise Mp4Error("some frames were not written")
    ticks = [round(time * TICKS) for time in (*times, seconds)]
    steps = [max(1, after - before) for before, after in pairwise(ticks)]
    runs: list[list[int]] = []
    for step in steps:
        if runs and runs[-1][1] == step:
            runs[-1][0] += 1
        else:
            runs.append([1, step])
    rows = b"".join(struct.pack(">II", *run) for run in runs)
    length, language = sum(steps), track.need(b"mdia", b"mdhd").data[-4:]
    media = struct.pack(">IQQIQ", 1 << 24, 0, 0, TICKS, length) + language
    edits = [(round(delay * TICKS), -1)] * (delay > 0) + [(length, 0)]
    track = track.with_box(
        [b"mdia", b"minf", b"stbl", b"stts"], Box(b"stts", struct.pack(">II", 0, len(runs)) + rows)
    )
    track = track.with_box([b"mdia", b"mdhd"], Box(b"mdhd", media))
    track = track.with_box([b"tkhd"], _track_header(track.need(b"tkhd").data, 1, length + round(delay * TICKS)))
    return track.with_box([b"edts"], _edit_list(edits))


def _track_header(data: bytes, number: int, length: int) -> Box:
    if len(data) < 84:
        raise Mp4Error("the header of a track is too short")
    flags = int.from_bytes(data[1:4], "big")
    head = struct.pack(">IQQIIQ", 1 << 24 | flags, 0, 0, number, 0, length)
    return Box(b"tkhd", head + data[-60:])


def _movie_header(data: bytes, seconds: float, following: int) -> Box:
    head = struct.pack(">IQQIQ", 1 << 24, 0, 0, TICKS, round(seconds * TICKS))
    return Box(b"mvhd", head + data[-80:-4] + struct.pack(">I", following))


def _moved(track: Box, offsets: Sequence[int], number: int, scale: float) -> Box:
    """A track of sound whose samples are elsewhere, in a movie of other ticks."""
    table = struct.pack(">II", 0, len(offsets)) + struct.pack(f">{len(offsets)}Q", *offsets)
    path = [b"mdia", b"minf", b"stbl"]
    stored = track.need(*path).without(b"stco", b"co64")
    track = track.without(b"tref").with_box(path, replace(stored, content=(*stored.boxes, Box(b"co64", table))))
    header = track.need(b"tkhd")
    track = track.with_box([b"tkhd"], _track_header(header.data, number, round(_duration(header) * scale)))
    edits = [(round(length * scale), start) for length, start in _edits(track)]
    return track.with_box([b"edts"], _edit_list(edits)) if edits else track


def _copy(source: Path, out: BinaryIO, chunks: Sequence[tuple[int, int]]) -> None:
    """Copy runs of samples, one after the other, into a media box of their own."""
    out.write(struct.pack(">I4sQ", 1, b"mdat", MEDIA_HEAD + sum(length for _, length in chunks)))
    with source.open("rb") as stream:
        for start, length in chunks:
            stream.seek(start)
            for done in range(0, length, PIECE):
                out.write(stream.read(min(PIECE, length - done)))
