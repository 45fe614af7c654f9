"""Draws faces and names on images, and images in the terminal. Decides nothing and writes no file."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont
from rich.color import Color
from rich.segment import Segment, Segments
from rich.style import Style

from mien.types import Face, Image, floats

KNOWN, UNKNOWN, NEUTRAL = (46, 204, 113), (231, 76, 60), (52, 152, 219)
DEJAVU = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
LONGEST, SHORTEST = 1600, 400
"""Annotated images are shrunk to the first along their longer side, or enlarged to the second for their labels."""


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font with Vietnamese letters where the system has one."""
    return ImageFont.truetype(DEJAVU, size) if DEJAVU.is_file() else ImageFont.load_default(size)


def annotate(
    image: Image, faces: Sequence[Face], labels: Sequence[str], colours: Sequence[tuple[int, int, int]]
) -> Image:
    """Draw boxes, landmarks and labels.

    Args:
        image: (H, W, 3) uint8 RGB.
        faces: in pixels of that image.
        labels: one per face; empty for none.
        colours: RGB, one per face.

    Returns:
        (h, w, 3) uint8 RGB, 400 to 1600 pixels along the longer side.
    """
    scale = min(1.0, LONGEST / max(image.shape[:2])) * max(1.0, SHORTEST / max(image.shape[:2]))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    sized = cv2.resize(image, None, fx=scale, fy=scale, interpolation=method) if scale != 1 else image
    canvas = Pillow.fromarray(np.asarray(sized, np.uint8))
    pen = ImageDraw.Draw(canvas)
    line = max(2, round(max(canvas.size) / 400))
    for face, label, colour in zip(faces, labels, colours, strict=True):
        box = floats(face.box.corners) * scale
        pen.rectangle([float(side) for side in box], outline=colour, width=line)
        for x, y in face.landmarks * scale:
            pen.ellipse([x - line, y - line, x + line, y + line], fill=colour)
        if label:
            _write(pen, label, (float(box[0]), float(box[1]), float(box[3])), colour, canvas.size)
    return np.asarray(canvas)


def annotate_frame(image: Image, faces: Sequence[Face], labels: Sequence[str]) -> Image:
    """Draw boxes and labels on a frame of a video, in its own size and quickly."""
    canvas = image.copy()
    line = max(2, round(max(image.shape[:2]) / 400))
    for face, label in zip(faces, labels, strict=True):
        corner = round(face.box.x1), round(face.box.y1)
        cv2.rectangle(canvas, corner, (round(face.box.x2), round(face.box.y2)), NEUTRAL, line)
        cv2.putText(canvas, label, (corner[0], max(12, corner[1] - 4)), cv2.FONT_HERSHEY_SIMPLEX, 0.5, NEUTRAL, line)
    return canvas


def _write(
    pen: ImageDraw.ImageDraw,
    label: str,
    box: tuple[float, float, float],
    colour: tuple[int, int, int],
    size: tuple[int, int],
) -> None:
    """A label above its box, or inside it where there is no room, and never outside the image."""
    left, top, _ = box
    font = _font(max(13, round(max(size) / 45)))
    extent = pen.textbbox((0, 0), label, font=font)
    width, height = extent[2] + 8, extent[3] + 6
    x = min(max(0.0, left), max(0.0, size[0] - width))
    y = top - height if top >= height else top
    y = min(max(0.0, y), max(0.0, size[1] - height))
    pen.rectangle([x, y, x + width, y + height], fill=colour)
    pen.text((x + 4, y + 2), label, font=font, fill=(255, 255, 255))


def side_by_side(crops: Sequence[Image], height: int = 14) -> Segments:
    """Crops next to each other as coloured half blocks for a terminal, `height` lines tall."""
    tiles = [cv2.resize(crop, (2 * height, 2 * height), interpolation=cv2.INTER_AREA) for crop in crops]
    gap = np.zeros((2 * height, 2, 3), np.uint8)
    joined = np.concatenate([part for tile in tiles for part in (tile, gap)][:-1], axis=1)
    segments = []
    for row in range(0, 2 * height, 2):
        for upper, lower in zip(joined[row], joined[row + 1], strict=True):
            style = Style(color=_colour(upper), bgcolor=_colour(lower))
            segments.append(Segment("\u2580", style))
        segments.append(Segment.line())
    return Segments(segments)


def _colour(pixel: Image) -> Color:
    red, green, blue = (int(value) for value in pixel)
    return Color.from_rgb(red, green, blue)
