"""The views of an image that a one-stage detector looks at, so that no portrait is missed.

Detectors of the SCRFD kind learn faces up to about half of their canvas and miss those that fill it, which is
what an identity photo is. So they look twice: at the picture, and at a small copy of it with a wide margin, where a
face that fills the frame is an ordinary one. One non-maximum suppression merges what both find. Owns the passes and
the way back to the picture's coordinates; knows no network.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.geometry import nms, suppress_nested
from mien.types import Box, Face, Faces, Floats, Image, floats


@dataclass(frozen=True, slots=True)
class Pass:
    """One look at the picture.

    Attributes:
        longest: the picture is shrunk to at most this many pixels along its longer side; never enlarged.
        canvas: width and height of the canvas over those of the shrunk picture, which lies in its centre.
    """

    longest: int
    canvas: float = 1.0


PASSES = (Pass(longest=640), Pass(longest=160, canvas=1.6))
"""Measured in docs/log.md: the second pass costs a fifth of the first and finds faces from 45% of the height up."""

STRIDE = 32
"""Canvas sides are multiples of the coarsest stride of the detectors."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A canvas and how its coordinates follow from the picture's: canvas = picture * scale + offset."""

    canvas: Image
    scale: float
    offset: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Raw boxes of one image: (N, 4) x1 y1 x2 y2, (N,) scores, (N, 5, 2) landmarks, all float32."""

    boxes: Floats
    scores: Floats
    landmarks: Floats

    def back(self, view: View) -> "Candidates":
        """The same in the coordinates of the picture that the view shows."""
        corner = np.tile(view.offset, 2)
        return Candidates(
            (self.boxes - corner) / np.float32(view.scale),
            self.scores,
            (self.landmarks - view.offset) / np.float32(view.scale),
        )


def look(image: Image, step: Pass) -> View:
    """Lay a picture on its canvas.

    Args:
        image: (H, W, 3) uint8 RGB.
        step: scale and margin.

    Returns:
        A canvas whose sides are multiples of 32, black around the picture.
    """
    height, width = image.shape[:2]
    scale = min(1.0, step.longest / max(height, width))
    small_width, small_height = max(1, round(width * scale)), max(1, round(height * scale))
    if scale < 1.0:
        image = np.asarray(cv2.resize(image, (small_width, small_height), interpolation=cv2.INTER_AREA), np.uint8)
    canvas_width, canvas_height = (_round_up(side * step.canvas) for side in (small_width, small_height))
    left, top = (
        (0, 0) if step.canvas == 1.0 else ((canvas_width - small_width) // 2, (canvas_height - small_height) // 2)
    )
    canvas = np.zeros((canvas_height, canvas_width, 3), np.uint8)
    canvas[top : top + small_height, left : left + small_width] = image
    return View(canvas, scale, floats([left, top]))


def _round_up(side: float) -> int:
    return max(STRIDE, int(np.ceil(side / STRIDE)) * STRIDE)


def join(parts: Sequence[Candidates]) -> Candidates:
    """Candidates of several passes, end to end."""
    return Candidates(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.landmarks for part in parts]),
    )


NESTED = 0.8
"""A box goes when this share of it lies inside a better one: features of a large face are no faces."""


def settle(candidates: Candidates, overlap: float) -> Faces:
    """One suppression over all passes, best face first.

    Args:
        candidates: of one image, in its coordinates.
        overlap: the IoU above which the worse of two boxes goes.
    """
    kept = nms(candidates.boxes, candidates.scores, overlap)
    kept = kept[suppress_nested(candidates.boxes[kept], candidates.scores[kept], NESTED)]
    return to_faces(candidates.boxes[kept], candidates.scores[kept], candidates.landmarks[kept])


def to_faces(boxes: Floats, scores: Floats, landmarks: Floats) -> Faces:
    """Arrays of one image as frozen faces, in their order."""
    return tuple(
        Face(Box(*(float(side) for side in box)), float(min(1.0, score)), np.asarray(points, np.float32))
        for box, score, points in zip(boxes, scores, landmarks, strict=True)
    )
