"""Pixels of PGM and PPM files, which Pillow decodes one value at a time where they have other than 8 bits.

Owns the values between the header, which Pillow parses, and 8-bit RGB. Bitmaps of black and white are left to Pillow.
"""

import re

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFile

from mien.types import Image

Values = NDArray[np.uint16]

DEEPEST = 65535

_COMMENT = re.compile(rb"#[^\r\n]*")


def decode_values(opened: ImageFile.ImageFile, data: bytes) -> tuple[Values, int]:
    """Decode the values of a PGM or PPM.

    Args:
        opened: the parsed header.
        data: the whole file.

    Returns:
        (H, W) or (H, W, 3) uint16, and the value of white.

    Raises:
        ValueError: values are missing, or are not numbers.
    """
    (tile,) = opened.tile
    start, colours = tile.offset, 3 if data[1:2] in b"36" else 1
    white = _white(data[:start])
    width, height = opened.size
    count = width * height * colours
    values = _plain(data[start:], count) if data[1:2] in b"23" else _binary(data, start, count, white)
    if len(values) < count:
        raise ValueError(f"it holds {len(values)} of {count} values")
    shape = (height, width) if colours == 1 else (height, width, colours)
    return np.minimum(values[:count], white).astype(np.uint16).reshape(shape), white


def to_8_bits(values: Values, white: int) -> Image:
    """Scale values so that white is 255."""
    if white == 255:
        return values.astype(np.uint8)
    return np.asarray((values.astype(np.uint32) * 255 + white // 2) // white, np.uint8)


def _white(header: bytes) -> int:
    """The last number of a header: the value of white."""
    return int(_COMMENT.sub(b"", header).split()[3])


def _binary(data: bytes, start: int, count: int, white: int) -> Values:
    kind = np.dtype(np.uint8 if white < 256 else ">u2")
    there = min(count, (len(data) - start) // kind.itemsize)
    return np.frombuffer(data, kind, max(0, there), start).astype(np.uint16)


def _plain(text: bytes, count: int) -> Values:
    if b"#" in text:
        text = _COMMENT.sub(b"", text)
    values = np.fromstring(text.decode("ascii"), np.int32, -1, sep=" ")[:count]
    if len(values) and (values.min() < 0 or values.max() > DEEPEST):
        raise ValueError(f"its values are not between 0 and {DEEPEST}")
    return np.asarray(values, np.uint16)
