"""The segments of a JPEG, and its scans, which are counted before anything is decoded.

A scan goes through all blocks of the image. Encoders write about ten, but nothing keeps a small file from holding
thousands; and a file may be cut off between two of them, which leaves a valid image without detail or colours.
Decodes nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_SCANS = 100
"""Scans of a JPEG. Encoders write about 10; each one goes through all blocks of the image again."""

MAX_SCANNED = 1_500_000_000
"""Scans times pixels: 15 scans of the largest image that is read. About 3 seconds on one core (docs/log.md)."""

SOI, EOI, SOS, DHT, APP14 = 0xD8, 0xD9, 0xDA, 0xC4, 0xEE
FRAMES = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, 0xCC}
"""Start-of-frame markers."""


_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""A marker that ends compressed data: neither a stuffed byte nor a restart marker."""


class DamagedError(ValueError):
    """A JPEG whose pixels are not all there."""


class CostlyError(ValueError):
    """A JPEG that would take too long to decode."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A marker with what belongs to it.

    Attributes:
        marker: its second byte.
        body: after the length.
        start: of the compressed data that follows a start of scan, as a place in the file.
        stop: its end; both are 0 for other segments.
    """

    marker: int
    body: bytes
    start: int = 0
    stop: int = 0


def segments(data: bytes) -> Iterator[Segment]:
    """The segments of the first image, without stray bytes between them, up to its end marker or its last whole
    segment."""
    place = 2
    while True:
        place = data.find(b"\xff", place)
        while 0 <= place < len(data) - 1 and data[place + 1] == 0xFF:
            place += 1
        if place < 0 or place + 4 > len(data) or data[place + 1] in (SOI, EOI):
            return
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == 0 or 0xD0 <= marker <= 0xD7:
            place += 2
            continue
        body = data[place + 4 : place + 2 + length]
        place += 2 + max(2, length)
        if marker != SOS:
            yield Segment(marker, body)
            continue
        end = _MARKER.search(data, place)
        stop = end.start() if end else len(data)
        yield Segment(marker, body, place, stop)
        place = stop


def max_scans(width: int, height: int) -> int:
    """How many scans an image of this size may have."""
    return min(MAX_SCANS, MAX_SCANNED // max(1, width * height))


def first_scan(data: bytes, place: int) -> int:
    """How many components the first scan holds; 0 where its header does not end at `place`."""
    for count in (1, 3, 4):
        if data[max(0, place - 8 - 2 * count) : place].startswith(bytes([0xFF, SOS, 0, 6 + 2 * count, count])):
            return count
    return 0


def check_scans(data: bytes, *, width: int, height: int, progressive: bool) -> None:
    """Refuse a JPEG of several scans that takes too long to decode, or whose scans do not make a whole image.

    Args:
        data: the whole file.
        width: of the image in pixels.
        height: of the image in pixels.
        progressive: whether its frame says so.

    Raises:
        CostlyError: it has too many scans.
        DamagedError: the last ones are missing.
    """
    allowed, scans, frame = max_scans(width, height), [], b""
    for segment in segments(data):
        if segment.marker in FRAMES:
            frame = segment.body
        if segment.marker == SOS:
            scans.append(segment.body)
            if len(scans) > allowed:
                raise CostlyError(
                    f"has more than {allowed} scans, so decoding it could take minutes; save it again as a JPEG"
                )
    if not _is_complete(frame, scans, progressive):
        raise DamagedError("the last of its scans are missing")


def _is_complete(frame: bytes, scans: list[bytes], progressive: bool) -> bool:
    """Whether the scans hold every component, and in a progressive image also every coefficient of the first one."""
    components = [frame[at] for at in range(6, min(len(frame), 6 + 3 * frame[5]), 3)] if len(frame) > 5 else []
    missing = {(one, 0): 14 for one in components}
    if progressive and components:
        missing |= {(components[0], at): 14 for at in range(1, 64)}
    for scan in scans:
        count = scan[0] if scan else 0
        if len(scan) < 4 + 2 * count:
            continue
        first, last, approximation = scan[1 + 2 * count : 4 + 2 * count]
        for one in scan[1 : 1 + 2 * count : 2]:
            for at in range(first, last + 1) if progressive else (0,):
                missing[one, at] = approximation & 15 if progressive else 0
    return not any(
        bits for (one, at), bits in missing.items() if one in components and (at == 0 or one == components[0])
    )
