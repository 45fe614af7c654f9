"""How uneven the background around a head is, from the outline of a face mesh.

Owns which part of an image is taken for background: what is beyond hair and shoulders of most people. It needs no
model that separates people from backgrounds, so wide hair, raised arms and other people count as background.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.align import Matrix, warp
from mien.messages import Message
from mien.portrait.measures import mesh
from mien.portrait.measures.face_chip import FaceChip
from mien.portrait.measures.scale import falling
from mien.types import Floats, Image, floats

HEAD = 24
"""Pixels of T, from between the eyes to the chin, in the copy that is read: fine grain is gone, folds are not."""
ACROSS, ALONG, EYES_AT = 7 * HEAD, 5 * HEAD, 3 * HEAD
"""Width and height of the copy, and the row of the eyes."""
ASIDE, ABOVE, DOWN_TO = 0.3, 0.5, 0.2
"""In T: how far from the outline to either side and above hair ends; and how far below the eyes shoulders begin."""
EDGE = 3.0
"""Levels per pixel of the copy from which a place is an edge."""
ENOUGH = 0.3
"""Minimum area of background, in squares of T."""

TOO_LITTLE = Message("reason.little-background")


def unevenness(chip: FaceChip) -> float | Message | None:
    """Share of the background around the head that is edges: 0 is a plain wall, most rooms and streets are above 0.3.

    ISO/IEC 19794-5:2011 asks for a plain background; OFIQ takes the mean slope of a segmented one. Here it is the
    share of places where the luma changes by more than EDGE, since one shadow or logo shall not count as a pattern.

    Returns:
        None where no mesh was found; a reason where too little of the background is visible.
    """
    points = mesh.points_of(chip)
    if points is None:
        return None
    copy, outside = surroundings(chip.portrait.image, points[:, :2])
    if outside.sum() < ENOUGH * HEAD**2:
        return TOO_LITTLE
    luma = cv2.cvtColor(copy, cv2.COLOR_RGB2GRAY).astype(np.float32)
    slopes = np.hypot(*(cv2.Sobel(luma, cv2.CV_32F, *order) / 8 for order in ((1, 0), (0, 1))))
    return float((slopes[outside] > EDGE).mean())


def surroundings(image: Image, points: Floats) -> tuple[Image, NDArray[np.bool_]]:
    """A copy of the image around an upright head, and which of its pixels are background.

    Args:
        image: (H, W, 3) uint8 RGB.
        points: (468, 2) pixels of a mesh.

    Returns:
        (5 HEAD, 7 HEAD, 3) uint8 and bool of the same height and width.
    """
    matrix = _upright(points)
    outside = _beyond(points @ floats(matrix[:, :2]).T + floats(matrix[:, 2])) & _visible(image, matrix)
    inner = cv2.erode(
        outside.astype(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    # Black outside of the image would be an edge.
    return warp(image, matrix, (ACROSS, ALONG), repeat_border=True), np.asarray(inner > 0)


def _visible(image: Image, matrix: Matrix) -> NDArray[np.bool_]:
    """Which pixels of the copy show the image."""
    height, width = image.shape[:2]
    back = cv2.invertAffineTransform(matrix)
    rows, columns = np.mgrid[0:ALONG, 0:ACROSS]
    x, y = (row[0] * columns + row[1] * rows + row[2] for row in back)
    return np.asarray((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))


def _upright(points: Floats) -> Matrix:
    """(2, 3) from pixels of the image to the copy: the eyes level, T at its length."""
    left, right = (points[list(group)].mean(axis=0) for group in mesh.FIVE[:2])
    across = (right - left) / max(1e-6, float(np.linalg.norm(right - left)))
    eyes = (left + right) / 2
    scale = HEAD / max(1.0, float(np.linalg.norm(points[mesh.CHIN] - eyes)))
    turn = scale * np.array([[across[0], across[1]], [-across[1], across[0]]], np.float64)
    return np.column_stack([turn, np.array([ACROSS / 2, EYES_AT]) - turn @ eyes])


def _beyond(points: Floats) -> NDArray[np.bool_]:
    """Which pixels of the copy are left, right or above the head of a mesh, and above its shoulders."""
    outline = points[list(mesh.OVAL)]
    (left, top), right = outline.min(axis=0), outline[:, 0].max()
    rows, columns = np.mgrid[0:ALONG, 0:ACROSS]
    aside = (columns < left - ASIDE * HEAD) | (columns > right + ASIDE * HEAD)
    return np.asarray((aside | (rows < top - ABOVE * HEAD)) & (rows < EYES_AT + DOWN_TO * HEAD))


def quality(value: float) -> float:
    """Ours: 50 where a quarter of the background is edges."""
    return falling(value, 0.25, 0.06)
