"""Makes faces in an image unrecognizable, and cuts them out. Finds no faces.

A face is replaced by an ellipse of at most 6 x 6 flat cells, softened: what is left has less than recognition needs,
and a blur that could be undone is not relied on.
"""

import cv2
import numpy as np

from mien.types import Box, Faces, Image

GROWN = 1.35
"""Sides of what is covered over those of the box: hair, ears and chin belong to a face."""
CELLS = 6
"""Max flat cells along each side of what is left."""


def redact(image: Image, faces: Faces) -> Image:
    """Cover faces.

    Args:
        image: (H, W, 3) uint8 RGB; it is not changed.
        faces: in its pixels.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    covered = image.copy()
    for face in faces:
        left, top, right, bottom = _reach(face.box, GROWN, image)
        if right <= left or bottom <= top:
            continue
        part = covered[top:bottom, left:right]
        height, width = part.shape[:2]
        cells = cv2.resize(part, (min(CELLS, width), min(CELLS, height)), interpolation=cv2.INTER_AREA)
        flat = cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR)
        shape = np.zeros((height, width), np.uint8)
        middle = (face.box.x1 + face.box.x2) / 2 - left, (face.box.y1 + face.box.y2) / 2 - top
        axes = (face.box.width * GROWN, face.box.height * GROWN)
        cv2.ellipse(shape, (middle, axes, 0.0), 255, -1)
        part[shape > 0] = flat[shape > 0]
    return covered


def cut(image: Image, box: Box, margin: float = 0.25) -> Image:
    """A box with its surroundings, as far as they are in the image.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: in its pixels.
        margin: at each side, as a share of the box.

    Returns:
        (h, w, 3) uint8 RGB; without pixels where the box is outside.
    """
    left, top, right, bottom = _reach(box, 1 + 2 * margin, image)
    return np.ascontiguousarray(image[top : max(top, bottom), left : max(left, right)])


def _reach(box: Box, grown: float, image: Image) -> tuple[int, int, int, int]:
    """Sides in whole pixels, inside the image."""
    height, width = image.shape[:2]
    x, y = (box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2
    half_width, half_height = box.width * grown / 2, box.height * grown / 2
    return (
        max(0, int(x - half_width)),
        max(0, int(y - half_height)),
        min(width, int(np.ceil(x + half_width))),
        min(height, int(np.ceil(y + half_height))),
    )
