"""Draws faces and names on images, and images in the terminal. Decides nothing and writes no file."""

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw
from rich.color import Color
from rich.segment import Segment, Segments
from rich.style import Style

from mien.cli import lettering
from mien.types import Box, Face, Image, floats

KNOWN, UNKNOWN, NEUTRAL = (0, 114, 178), (213, 94, 0), (0, 158, 115)
"""Blue, vermilion and green of Okabe and Ito, which the colour-blind see as different; white is readable on them."""
FRAME_FONT = cv2.FONT_HERSHEY_SIMPLEX
LONGEST, SHORTEST = 1600, 400
"""Annotated images are shrunk to the first along their longer side, or enlarged to the second for their labels."""


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
    boxes = [floats(face.box.corners) * scale for face in faces]
    for face, box, colour in zip(faces, boxes, colours, strict=True):
        pen.rectangle([float(side) for side in box], outline=colour, width=line)
        for x, y in face.landmarks * scale:
            pen.ellipse([x - line, y - line, x + line, y + line], fill=colour)
    # Labels come last and keep off all faces, so that no name covers a neighbour.
    taken = [Box(*map(float, box)) for box in boxes]
    for own, label, colour in zip(tuple(taken), labels, colours, strict=True):
        if label:
            taken.append(_write(pen, label, own, colour, canvas.size, taken))
    return np.asarray(canvas)


def annotate_frame(image: Image, faces: Sequence[Face], labels: Sequence[str]) -> Image:
    """Draw boxes and labels on a frame of a video, in its own size and quickly.

    Labels are numbers of tracks: white on the colour of the box, as tall as a fortieth of the frame and at least 11
    pixels, and never on another face where there is room elsewhere.
    """
    canvas = image.copy()
    longer = max(image.shape[:2])
    line, size = max(1, round(longer / 500)), max(0.5, longer / 880)
    taken = [face.box for face in faces]
    for face in faces:
        cv2.rectangle(canvas, *_corners(face.box), NEUTRAL, line)
    for face, label in zip(faces, labels, strict=True):
        (wide, tall), _ = cv2.getTextSize(label, FRAME_FONT, size, line)
        margin = max(2, tall // 3)
        place = _place(face.box, wide + 2 * margin, tall + 2 * margin, (image.shape[1], image.shape[0]), taken)
        taken.append(place)
        (left, top), corner = _corners(place)
        cv2.rectangle(canvas, (left, top), corner, NEUTRAL, cv2.FILLED)
        foot = left + margin, top + margin + tall
        cv2.putText(canvas, label, foot, FRAME_FONT, size, (255, 255, 255), line, cv2.LINE_AA)
    return canvas


def _corners(box: Box) -> tuple[tuple[int, int], tuple[int, int]]:
    return (round(box.x1), round(box.y1)), (round(box.x2), round(box.y2))


def _write(
    pen: ImageDraw.ImageDraw,
    label: str,
    own: Box,
    colour: tuple[int, int, int],
    size: tuple[int, int],
    taken: Sequence[Box],
) -> Box:
    """A label at its face; where it is."""
    parts = [(text, lettering.load(file, max(13, round(max(size) / 45)))) for text, file in lettering.runs(label)]
    widths = [pen.textlength(text, font=font) for text, font in parts]
    ascent = max(font.getmetrics()[0] for _, font in parts)
    width, height = sum(widths) + 8, ascent + max(font.getmetrics()[1] for _, font in parts) + 4
    place = _place(own, width, height, size, taken)
    pen.rectangle([*place.corners], fill=colour)
    x = place.x1 + 4
    for (text, font), wide in zip(parts, widths, strict=True):
        pen.text((x, place.y1 + 2 + ascent), text, font=font, fill=(255, 255, 255), anchor="ls")
        x += wide
    return place


def _place(own: Box, width: float, height: float, size: tuple[int, int], taken: Sequence[Box]) -> Box:
    """Where a label covers the smallest part of faces and other labels, and never outside the image.

    Above the box is best, then below, then within it at the top.
    """
    left = min(max(0.0, own.x1), max(0.0, size[0] - width))
    tops = (own.y1 - height, own.y2, own.y1)
    places = [Box(left, y, left + width, y + height) for y in (min(max(0.0, y), size[1] - height) for y in tops)]
    return min(places, key=lambda one: sum(_shared(one, other) for other in taken))


def _shared(a: Box, b: Box) -> float:
    """The area that two boxes share, in pixels."""
    across = min(a.x2, b.x2) - max(a.x1, b.x1)
    down = min(a.y2, b.y2) - max(a.y1, b.y1)
    return max(0.0, across) * max(0.0, down)


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
