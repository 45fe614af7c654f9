"""The chunks of a PNG: whether those with pixels are undamaged, and a copy without damaged ones that hold none.

Pillow does not compare the checksums of pixels, and refuses a file for the checksum of its colour profile or a
comment. Decodes nothing.
"""

import zlib
from collections.abc import Iterator

MAGIC = b"\x89PNG\r\n\x1a\n"

PIXELS = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS")
"""Chunks that pixels depend on."""

KEPT = (*PIXELS, b"eXIf")


def chunks(png: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The kind, start and end of each chunk; the last one may be cut off, and then ends behind the file."""
    place = len(MAGIC)
    while place + 8 <= len(png):
        end = place + 12 + int.from_bytes(png[place : place + 4], "big")
        yield png[place + 4 : place + 8], place, end
        place = end


def check_pixels(png: bytes) -> None:
    """Compare the checksum of each chunk of pixels.

    Raises:
        ValueError: one differs.
    """
    for kind, start, end in chunks(png):
        if kind == b"IDAT" and end <= len(png) and not _is_whole(png, start, end):
            raise ValueError("the checksum of its pixels differs")


def without_damaged_extras(png: bytes) -> bytes:
    """A copy with the chunks that pixels depend on, and with its EXIF where that is undamaged."""
    parts = [MAGIC]
    for kind, start, end in chunks(png):
        if kind in PIXELS or (kind in KEPT and _is_whole(png, start, end)):
            parts.append(png[start:end])
    return b"".join(parts)


def _is_whole(png: bytes, start: int, end: int) -> bool:
    return zlib.crc32(memoryview(png)[start + 4 : end - 4]) == int.from_bytes(png[end - 4 : end], "big")
