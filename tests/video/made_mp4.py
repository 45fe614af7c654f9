"""An MP4 file with sound for tests, put together by hand: OpenCV writes none."""

import struct
from collections.abc import Sequence
from pathlib import Path

from mien.video.boxes import Box, read_movie

CHUNKS = (b"first run of sound", b"second", b"and the third run of it!")


def add_sound(path: Path, chunks: Sequence[bytes] = CHUNKS, pause: int = 0) -> None:
    """Add a track of sound to a file: samples of two bytes, in runs that are not next to each other.

    Args:
        path: an MP4 file whose tables are at its end, as OpenCV writes it.
        chunks: the runs of samples.
        pause: before the first frame of the video, in ticks of the movie.
    """
    movie, start = read_movie(path)
    data = path.read_bytes()[:start]
    offsets = []
    for chunk in chunks:
        data += struct.pack(">I4s", 8 + len(chunk) + 3, b"mdat")
        offsets.append(len(data))
        data += chunk + b"gap"
    (video,) = (one for one in movie.boxes if one.kind == b"trak")
    counts = [len(chunk) // 2 for chunk in chunks]
    runs = b"".join(struct.pack(">III", at, count, 1) for at, count in enumerate(counts, start=1))
    table = Box(
        b"stbl",
        (
            Box(b"stsd", struct.pack(">II", 0, 1) + struct.pack(">I4s", 36, b"sowt") + bytes(28)),
            Box(b"stts", struct.pack(">IIII", 0, 1, sum(counts), 1)),
            Box(b"stsc", struct.pack(">II", 0, len(counts)) + runs),
            Box(b"stsz", struct.pack(">III", 0, 2, sum(counts))),
            Box(b"stco", struct.pack(f">II{len(offsets)}I", 0, len(offsets), *offsets)),
        ),
    )
    media = Box(
        b"mdia",
        (
            Box(b"mdhd", struct.pack(">IIIII", 0, 0, 0, 8000, sum(counts)) + bytes(4)),
            Box(b"hdlr", bytes(8) + b"soun" + bytes(13)),
            Box(b"minf", (Box(b"smhd", bytes(8)), table)),
        ),
    )
    header = bytearray(video.need(b"tkhd").data)
    header[12:16] = struct.pack(">I", 2)
    sound = Box(b"trak", (Box(b"tkhd", bytes(header)), media))
    if pause:
        length = struct.unpack_from(">I", video.need(b"tkhd").data, 20)[0]
        rows = (
            struct.pack(">II", 0, 2)
            + struct.pack(">Iii", pause, -1, 1 << 16)
            + struct.pack(">Iii", length, 0, 1 << 16)
        )
        video = video.with_box([b"edts"], Box(b"edts", (Box(b"elst", rows),)))
    rest = tuple(one for one in movie.boxes if one.kind != b"trak")
    path.write_bytes(data + Box(b"moov", (*rest, video, sound)).encode())


def sound_of(path: Path) -> list[bytes]:
    """The runs of samples of a file's sound, read from its own tables."""
    movie, _ = read_movie(path)
    (sound,) = (
        one for one in movie.boxes if one.kind == b"trak" and one.need(b"mdia", b"hdlr").data[8:12] == b"soun"
    )
    table = sound.need(b"mdia", b"minf", b"stbl")
    wide = table.need(b"co64").data
    offsets = struct.unpack_from(f">{struct.unpack_from('>I', wide, 4)[0]}Q", wide, 8)
    runs = table.need(b"stsc").data
    counts = [struct.unpack_from(">III", runs, 8 + 12 * at)[1] for at in range(len(offsets))]
    data = path.read_bytes()
    return [data[start : start + 2 * count] for start, count in zip(offsets, counts, strict=True)]
