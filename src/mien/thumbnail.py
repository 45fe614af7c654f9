"""Small JPEGs for reports: a whole image, or a place in it with its surroundings and boxes. Writes no file."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from mien.image import read_photo
from mien.types import Box, Image

PLACE = 200
"""Pixels along the longer side of a place."""

ASKED, FOUND = (230, 159, 0), (0, 158, 115)
"""Colours of the box that a place is about, and of the other boxes."""

DECODED = 1600
"""Pixels along the longer side down to which an image may be reduced while decoding."""

QUALITY = 85


def small_jpeg(image: Image, longest: int) -> bytes:
    """An image as JPEG whose longer side has at most `longest` pixels."""
    return _jpeg(_resized(image, min(1.0, longest / max(image.shape[:2]))))


def place_jpeg(path: Path, place: Box | None, boxes: Sequence[Box] = (), margin: float = 0.6) -> bytes | None:
    """A small JPEG of a place with its surroundings and its box; None where the image cannot be read.

    Args:
        path: the image.
        place: in pixels of the image; None for the whole image.
        boxes: other boxes to draw.
        margin: width of the surroundings, in sizes of the place.
    """
    try:
        photo = read_photo(path, longest=DECODED)
    except Exception:  # noqa: BLE001 - a report is written whatever is wrong with one of its images
        return None
    image, shrunk = photo.image, 1 / photo.reduction
    height, width = image.shape[:2]
    x1, y1, x2, y2 = (v * shrunk for v in place.corners) if place else (0.0, 0.0, float(width), float(height))
    room = margin * max(x2 - x1, y2 - y1) if place else 0
    left, top = (int(max(0, low - room)) for low in (x1, y1))
    right, bottom = int(min(width, x2 + room + 1)), int(min(height, y2 + room + 1))
    if right <= left or bottom <= top:
        return None
    part = image[top:bottom, left:right]
    scale = PLACE / max(part.shape[:2])
    canvas = _resized(part, scale)
    for box, colour in [*((b, FOUND) for b in boxes), *([(place, ASKED)] if place else [])]:
        corners = [v * shrunk for v in box.corners]
        near, far = ((round((corners[at] - left) * scale), round((corners[at + 1] - top) * scale)) for at in (0, 2))
        cv2.rectangle(canvas, near, far, colour, 2)
    return _jpeg(canvas)


def _resized(image: Image, scale: float) -> Image:
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.ascontiguousarray(cv2.resize(image, size, interpolation=kind), np.uint8)


def _jpeg(image: Image) -> bytes:
    return bytes(simplejpeg.encode_jpeg(image, QUALITY, "RGB"))
