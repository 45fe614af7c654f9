"""Carries faces from one frame to the next by what moves in the image, and notices cuts. Finds no faces.

Points on each face are followed by pyramidal Lucas-Kanade optical flow, forwards and back; those that do not come
back to where they were are left out, and the face moves by the median of the others and grows by the median of the
ratios of their distances (Median Flow: Kalal, Mikolajczyk and Matas, ICPR 2010).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.geometry import corners, iou
from mien.types import Box, Face, Floats, Image, floats

WIDTH = 640
"""Frames are shrunk to this width at most before points are followed."""
GRID = 5
"""Points along each side of a face."""
MARGIN = 0.15
"""Share of a box at each side in which no points are set: it is often background."""
MAX_RETURN = 1.0
"""Pixels by which a point may miss its beginning after it was followed forwards and back."""
MIN_POINTS = 6
"""Points that have to agree; with fewer a face is not carried."""
CELLS = 32, 18
"""Columns and rows of the thumbnails in which cuts are sought."""
CUT = 18.0
"""Mean change of a thumbnail's cells, in levels, from which two frames show different scenes (docs/log.md)."""
WINDOW = 15, 15
LEVELS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Grey:
    """A frame as motion is seen in it.

    Attributes:
        pixels: (h, w) uint8 luma, at most 640 wide.
        scale: pixels of it that one pixel of the frame becomes.
        cells: (18, 32) float32 luma of the whole frame, in large cells.
    """

    pixels: Image
    scale: float
    cells: Floats


def make_grey(image: Image) -> Grey:
    """Prepare a frame.

    Args:
        image: (H, W, 3) uint8 RGB.
    """
    scale = min(1.0, WIDTH / image.shape[1])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
    pixels = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
    cells = cv2.resize(pixels, CELLS, interpolation=cv2.INTER_AREA)
    return Grey(pixels, scale, floats(cells))


def is_cut(before: Grey, now: Grey) -> bool:
    """Whether two consecutive frames show different scenes; a change of size is one."""
    return before.pixels.shape != now.pixels.shape or float(np.abs(before.cells - now.cells).mean()) > CUT


def carry_faces(before: Grey, now: Grey, faces: Sequence[Face]) -> list[Face | None]:
    """Where faces of a frame are in the next one; None for those that could not be followed.

    Args:
        before: the frame that they are in.
        now: the next frame, of the same size.
        faces: in pixels of the frame.
    """
    if not faces or before.pixels.shape != now.pixels.shape:
        return [None] * len(faces)
    starts = np.concatenate([_points(face.box) for face in faces]) * np.float32(before.scale)
    ends, good = _flow(before.pixels, now.pixels, floats(starts))
    count = GRID * GRID
    moved = []
    for place, face in enumerate(faces):
        own = slice(place * count, place * count + count)
        kept = good[own]
        moved.append(
            _moved(face, starts[own][kept] / now.scale, ends[own][kept] / now.scale)
            if kept.sum() >= MIN_POINTS
            else None
        )
    return moved


def touching(faces: Sequence[Face], overlap: float) -> set[int]:
    """The places of faces whose boxes overlap another one's by more than an IoU."""
    boxes = corners(face.box for face in faces)
    overlaps = iou(boxes, boxes)
    np.fill_diagonal(overlaps, 0)
    return set(np.flatnonzero((overlaps > overlap).any(axis=1)).tolist())


def _points(box: Box) -> Floats:
    """A grid of points on a face: (25, 2) x, y."""
    shares = np.linspace(MARGIN, 1 - MARGIN, GRID)
    x, y = np.meshgrid(box.x1 + shares * box.width, box.y1 + shares * box.height)
    return floats(np.stack([x.ravel(), y.ravel()], axis=1))


def _flow(before: Image, now: Image, starts: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Where points went, and which of them came back when they were followed in the other direction."""

    def lucas_kanade(first: Image, second: Image, points: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        found, status, _ = cv2.calcOpticalFlowPyrLK(
            first, second, points[:, None], None, winSize=WINDOW, maxLevel=LEVELS
        )
        return floats(found).reshape(-1, 2), np.asarray(status).ravel() == 1

    ends, forwards = lucas_kanade(before, now, starts)
    back, backwards = lucas_kanade(now, before, ends)
    missed = np.linalg.norm(back - starts, axis=1)
    return ends, np.asarray(forwards & backwards & (missed <= MAX_RETURN))


def _moved(face: Face, starts: Floats, ends: Floats) -> Face:
    """The face moved by the median of its points' ways, and grown by the median of their distances' ratios."""
    ahead = np.arange(len(starts)) + 1
    first, second = (np.linalg.norm(points - points[ahead % len(points)], axis=1) for points in (starts, ends))
    growth = float(np.median(second[first > 0] / first[first > 0])) if (first > 0).any() else 1.0
    shift = np.median(ends - starts, axis=0)
    old = floats([(face.box.x1 + face.box.x2) / 2, (face.box.y1 + face.box.y2) / 2])
    new = old + floats(shift)
    half_width, half_height = face.box.width / 2 * growth, face.box.height / 2 * growth
    x, y = float(new[0]), float(new[1])
    box = Box(x - half_width, y - half_height, x + half_width, y + half_height)
    return replace(face, box=box, landmarks=floats((face.landmarks - old) * np.float32(growth) + new))
