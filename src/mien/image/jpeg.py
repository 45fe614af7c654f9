"""Decodes JPEGs, and makes damage an error, where decoders give grey pixels.

libjpeg-turbo decodes damaged data all the same and only warns of it. It warns of harmless things in the same way: of
stray bytes between segments, of a missing end marker behind the last row, of padding. So a file with a warning is
copied without these, and the copy has to be decoded without any warning. Owns what counts as damage; lost bytes that
leave valid data of exactly the right length behind cannot be seen by anyone.
"""

import re

import numpy as np
import simplejpeg

from mien.image.jpeg_scans import APP14, DHT, FRAMES, SOS, DamagedError, segments
from mien.types import Image

PADDING = 2
"""Bytes behind the last row of pixels that may be anything: some encoders leave one or two of them."""

READ_AHEAD = 8
"""Bytes that libjpeg-turbo's decoder of symbols holds."""

ZEROS = bytes(16)
"""A run of zeros in compressed data that only a flat region can have."""

ARITHMETIC = range(0xC9, 0xD0)
NEEDED = frozenset({0xDB, DHT, 0xCC, 0xDD, 0xE0, APP14, SOS}) | FRAMES
"""Segments that pixels depend on: tables, the frame, the restart interval, and the two that name the colour space."""

DAMAGE = ("Corrupt JPEG data", "Premature end of JPEG file", "Inconsistent progression")
"""How libjpeg's warnings of damage begin; its other warnings harm no pixel."""

_LEFT_OVER = re.compile(r"Corrupt JPEG data: (\d+) extraneous bytes before marker 0xd9")


class UnsupportedError(ValueError):
    """A JPEG that libjpeg-turbo does not decode, such as one with an unusual subsampling."""


def decode_whole(data: bytes, colours: str, *, start: int = 0, min_width: int = 0, min_height: int = 0) -> Image:
    """Decode a JPEG, every row of which must be there.

    Args:
        data: the whole file.
        colours: RGB, GRAY or CMYK.
        start: of the first scan, where that is known.
        min_width: the image may be reduced by eighths, but not below this width in pixels.
        min_height: nor below this height.

    Returns:
        (height, width, channels) uint8.

    Raises:
        DamagedError: data is missing or damaged.
        UnsupportedError: libjpeg-turbo does not decode such files.
    """
    return _decode(data, colours, start, min_width, min_height)[0]


def whole_copy(data: bytes, colours: str, *, start: int = 0) -> bytes:
    """The file, or a copy without what is harmless, for a decoder that does not notice damage; see decode_whole."""
    # An eighth of each side is enough for libjpeg-turbo to go through all of the data.
    return _decode(data, colours, start, 1, 1)[1]


def _decode(data: bytes, colours: str, start: int, min_width: int, min_height: int) -> tuple[Image, bytes]:
    """The image, and the bytes that it was decoded from."""
    try:
        image = _strictly(data, colours, min_width, min_height)
    except ValueError as warning:
        return _without_harmless(data, str(warning), colours, min_width, min_height)
    if data.find(ZEROS, start) >= 0:
        _check_zeros(data)
    return image, data


def _strictly(data: bytes, colours: str, min_width: int, min_height: int, *, strict: bool = True) -> Image:
    return np.asarray(
        simplejpeg.decode_jpeg(
            data,
            colours,
            fastdct=False,
            fastupsample=False,
            min_width=min_width,
            min_height=min_height,
            min_factor=1,
            strict=strict,
        ),
        np.uint8,
    )


def _without_harmless(
    data: bytes, warning: str, colours: str, min_width: int, min_height: int
) -> tuple[Image, bytes]:
    """Decode a file of which the first warning is known; libjpeg-turbo reports no other."""
    if warning.startswith(DAMAGE) and not _may_be_harmless(warning):
        raise DamagedError(warning)
    paddings = [0]
    for padding in paddings:
        copy = _copy(data, padding)
        try:
            image = _strictly(copy, colours, min_width, min_height)
        except ValueError as reason:
            warning = str(reason)
            left_over = _LEFT_OVER.fullmatch(warning)
            if left_over and not padding:
                paddings += _paddings(copy, int(left_over[1]))
            continue
        _check_zeros(copy)
        return image, copy
    if warning.startswith(DAMAGE):
        raise DamagedError(warning)
    try:
        image = _strictly(data, colours, min_width, min_height, strict=False)
    except ValueError as reason:
        raise UnsupportedError(str(reason)) from reason
    _check_zeros(data)
    return image, data


def _may_be_harmless(warning: str) -> bool:
    """Whether it may be of stray bytes or a missing end marker, so that others may follow it."""
    return "extraneous bytes" in warning or warning.startswith("Premature end of JPEG file")


def _copy(data: bytes, padding: int) -> bytes:
    """The segments that pixels depend on, without anything between them, and an end marker.

    Args:
        data: the whole file.
        padding: bytes that are left out at the end of the last scan.
    """
    kept = [segment for segment in segments(data) if segment.marker in NEEDED]
    last = max((at for at, segment in enumerate(kept) if segment.marker == SOS), default=-1)
    parts = [b"\xff\xd8"]
    for at, segment in enumerate(kept):
        stop = segment.stop - (padding if at == last else 0)
        length = (len(segment.body) + 2).to_bytes(2, "big")
        parts.append(b"\xff" + bytes([segment.marker]) + length + segment.body)
        parts.append(data[segment.start : stop])
    return b"".join(parts) + b"\xff\xd9"


def _paddings(copy: bytes, count: int) -> list[int]:
    """How many bytes at the end of a copy's last scan may be padding.

    Args:
        copy: the file.
        count: how many libjpeg-turbo found there; it does not count up to 8 that it had read ahead.
    """
    end = copy[:-2]
    run = len(end) - len(end.rstrip(end[-1:]))
    return [*range(run, max(0, run - READ_AHEAD - 1), -1), *(range(1, count + 1) if count <= PADDING else ())]


def _check_zeros(data: bytes) -> None:
    """Refuse zeros that took the place of compressed data.

    A long run of zero bits is the same symbol again and again: the first one of each Huffman table, whose code is all
    zeros. Where that symbol ends a block, the region is flat. Where it is a coefficient, the blocks would be filled
    with it, which no image has.

    Raises:
        DamagedError: such zeros are in the data.
    """
    first: dict[int, int] = {}
    for segment in segments(data):
        if segment.marker in ARITHMETIC:
            return
        if segment.marker == DHT:
            first |= _first_symbols(segment.body)
        if segment.marker == SOS and data.find(ZEROS, segment.start, segment.stop) >= 0:
            count = segment.body[0] if segment.body else 0
            tables = segment.body[2 : 2 + 2 * count : 2]
            ends = segment.body[2 + 2 * count : 3 + 2 * count]
            if ends != b"\0" and any(first.get(table & 15, 0) & 15 for table in tables):
                raise DamagedError("zeros are in the place of its compressed data")


def _first_symbols(body: bytes) -> dict[int, int]:
    """The symbol with the shortest code of each table for AC coefficients in a segment, by the table's number."""
    found, place = {}, 0
    while place + 17 < len(body):
        kind, count = body[place], sum(body[place + 1 : place + 17])
        if kind >> 4 == 1:
            found[kind & 15] = body[place + 17]
        place += 17 + count
    return found
