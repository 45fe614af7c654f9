"""Matroska and WebM files: whether one is cut short, has sound, and how many frames of video are in it.

The header of such a file states no count of frames, and what can be guessed from its length is wrong where rates vary
or sound goes on after the last frame. So the blocks of the file are counted. Decodes nothing.

After RFC 8794 (EBML) and RFC 9559 (Matroska).
"""

import re
from collections import Counter
from pathlib import Path
from typing import BinaryIO

SEGMENT, CLUSTER, TRACKS = 0x18538067, 0x1F43B675, 0x1654AE6B
BLOCK_GROUP, BLOCK, SIMPLE_BLOCK = 0xA0, 0xA1, 0xA3
OPENED = (SEGMENT, CLUSTER, BLOCK_GROUP)
"""Elements whose content is read; all others are passed by their size."""
UNKNOWN = -1
"""The size of an element in a recording that was shown while it was written."""
HEAD = 1 << 20
"""Bytes at the start of a file in which its tracks are described."""
LONGEST = 4 << 20
"""Maximum number of bytes of the description of the tracks."""


def is_cut(path: Path) -> bool:
    """Whether the file is shorter than its segment says."""
    with path.open("rb") as stream:
        stream.seek(4)
        stream.seek(max(0, _number(stream, marked=False) or 0), 1)
        if _number(stream, marked=True) != SEGMENT:
            return False
        size = _number(stream, marked=False)
        return size is not None and size != UNKNOWN and stream.tell() + size > path.stat().st_size


def has_sound(path: Path) -> bool:
    """Whether a track of sound is described at the start of the file."""
    with path.open("rb") as stream:
        return re.search(rb"\x86.A_[A-Z]", stream.read(HEAD), re.DOTALL) is not None


def count_frames(path: Path) -> int | None:
    """Blocks of the first track of video; None where the elements of the file do not follow each other.

    A block of VP8 may be a frame that is not shown, so that a video can have more blocks than frames.
    """
    size, counts, video = path.stat().st_size, Counter[int](), None
    with path.open("rb") as stream:
        while stream.tell() < size:
            kind, length = _number(stream, marked=True), _number(stream, marked=False)
            if kind is None or length is None:
                return None
            if kind in OPENED:
                continue
            start = stream.tell()
            if length == UNKNOWN or start + length > size:
                return None
            if kind == TRACKS and length <= LONGEST:
                video = _video_track(stream.read(length))
            elif kind in (BLOCK, SIMPLE_BLOCK):
                counts[_number(stream, marked=False) or 0] += 1
            stream.seek(start + length)
    return None if video is None else counts[video]


def _video_track(tracks: bytes) -> int | None:
    """The number of the first track of video: its type is 1."""
    for entry in re.split(rb"(?=\xae)", tracks):
        number, kind = re.search(rb"\xd7\x81(.)", entry, re.DOTALL), re.search(rb"\x83\x81\x01", entry)
        if number is not None and kind is not None:
            return number[1][0]
    return None


def _number(stream: BinaryIO, *, marked: bool) -> int | None:
    """A number of one to eight bytes, whose first bits say how many; the kind of an element keeps these bits.

    None at the end of the file, and where there is no such number; UNKNOWN where all bits of a size are set.
    """
    first = stream.read(1)
    if not first or first[0] == 0:
        return None
    more = 8 - first[0].bit_length()
    rest = stream.read(more)
    if len(rest) < more:
        return None
    if marked:
        return int.from_bytes(first + rest, "big")
    value = int.from_bytes(bytes([first[0] & ((1 << (7 - more)) - 1)]) + rest, "big")
    return UNKNOWN if value == (1 << (7 * (more + 1))) - 1 else value
