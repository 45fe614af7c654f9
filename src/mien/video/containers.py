"""Kinds of video files: how each is recognized, whether its file is cut short, and whether it has sound.

A new kind is one entry of CONTAINERS. Reads a few bytes at the start and at the end of a file; decodes nothing.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mien.video import matroska, mp4

HEAD = 1 << 20
"""Bytes at the start of a file in which its streams are described."""

Length = Literal["frames", "seconds", "unknown"]


def _no(path: Path) -> bool:
    return False


def _unknown(path: Path) -> bool | None:
    return None


def unknown_count(path: Path) -> int | None:
    """The count of frames of kinds in which they are not counted."""
    return None


@dataclass(frozen=True, slots=True)
class Container:
    """A kind of video file.

    Attributes:
        name: for messages.
        matches: whether the first bytes of a file announce it.
        is_cut: whether a file is shorter than it says.
        has_sound: whether a file has sound; None where that is not known.
        promises: what the header's count of frames can be held against: the frames of the video, its seconds (a
            frame that repeats the one before may be left out), or nothing, where the count is a guess.
        frames: counts the frames that are in a file, without its header; None where that is not known.
    """

    name: str
    matches: Callable[[bytes], bool]
    is_cut: Callable[[Path], bool] = _no
    has_sound: Callable[[Path], bool | None] = _unknown
    promises: Length = "unknown"
    frames: Callable[[Path], int | None] = unknown_count


def container_of(path: Path) -> Container | None:
    """The kind of a video file, by its first bytes; None where they announce no video.

    Raises:
        OSError: it cannot be read.
    """
    head = read_head(path, 1024)
    return next((each for each in CONTAINERS if each.matches(head)), None)


def read_head(path: Path, size: int = HEAD) -> bytes:
    """The first bytes of a file."""
    with path.open("rb") as stream:
        return stream.read(size)


def _starts(*magics: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(magics)


def _holds(*marks: bytes) -> Callable[[Path], bool | None]:
    """Whether one of some marks is in the head of a file."""
    return lambda path: any(mark in head for head in [read_head(path)] for mark in marks)


def _is_mp4(head: bytes) -> bool:
    return head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


def _is_transport_stream(head: bytes) -> bool:
    """Packets of 188 bytes, or of 192 with a time before each."""
    return any(
        len(head) > start + 2 * step and all(head[start + at * step] == 0x47 for at in range(3))
        for start, step in ((0, 188), (4, 192))
    )


def _riff_is_cut(path: Path) -> bool:
    promised = int.from_bytes(read_head(path, 8)[4:], "little")
    return 0 < promised < 0xFFFFFFFF and path.stat().st_size < promised + 8


def _gif_is_cut(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 64))
        return not stream.read().rstrip(b"\0").endswith(b";")


def _flash_is_cut(path: Path) -> bool:
    """The last four bytes are the size of the tag before them."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(max(0, size - 4))
        last = int.from_bytes(stream.read(4), "big")
        stream.seek(max(0, size - 4 - last))
        return last < 11 or last > size - 13 or stream.read(1)[0] & 0x1F not in (8, 9, 18)


def _asf_is_cut(path: Path) -> bool:
    head = read_head(path)
    at = head.find(ASF_FILE)
    return at >= 0 and int.from_bytes(head[at + 40 : at + 48], "little") > path.stat().st_size


def _flash_has_sound(path: Path) -> bool:
    return any(flags & 4 for flags in read_head(path, 5)[4:])


ASF_FILE = struct.pack("<IHH", 0x8CABDCA1, 0xA947, 0x11CF) + bytes.fromhex("8ee400c00c205365")
ASF_SOUND = struct.pack("<IHH", 0xF8699E40, 0x5B4D, 0x11CF) + bytes.fromhex("a8fd00805f5c442b")

CONTAINERS = (
    Container("MP4", _is_mp4, mp4.is_cut, mp4.has_sound, promises="frames"),
    Container(
        "Matroska or WebM",
        _starts(b"\x1a\x45\xdf\xa3"),
        matroska.is_cut,
        matroska.has_sound,
        frames=matroska.count_frames,
    ),
    Container(
        "AVI", lambda head: head[:4] == b"RIFF" and head[8:11] == b"AVI", _riff_is_cut, _holds(b"auds"), "seconds"
    ),
    Container("GIF", _starts(b"GIF87a", b"GIF89a"), _gif_is_cut, _no),
    Container("Flash video", _starts(b"FLV"), _flash_is_cut, _flash_has_sound),
    Container("Windows Media", _starts(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"), _asf_is_cut, _holds(ASF_SOUND)),
    Container("Ogg", _starts(b"OggS"), _no, _holds(b"\x01vorbis", b"OpusHead", b"Speex   ", b"\x7fFLAC")),
    Container("MPEG transport stream", _is_transport_stream),
    Container("MPEG program stream", _starts(b"\x00\x00\x01\xba")),
    Container("MPEG video", _starts(b"\x00\x00\x01\xb3"), has_sound=_no),
    Container("YUV4MPEG2", _starts(b"YUV4MPEG2"), has_sound=_no),
)
"""Kinds of video files, as their own specifications describe their first bytes."""
