"""The views of an image that a one-stage detector sees, so that no portrait is missed.

Detectors of the SCRFD kind learn faces up to about half of their canvas and miss those that fill it, which is
what an identity photo is. So they see an image twice: as it is, and as a small copy with a wide margin, where a face
that fills the frame is an ordinary one. The second pass is left out where the first one leaves no room for such a
face. One non-maximum suppression merges what both find, and the landmarks of a face are the mean over all candidates
that found it. Owns the passes and the way back to the image's coordinates; knows no network.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.geometry import iou, nms, suppress_nested
from mien.types import Box, Face, Faces, Floats, Image, floats


@dataclass(frozen=True, slots=True)
class Pass:
    """One time that a detector sees an image.

    Attributes:
        longest: the image is shrunk to at most this many pixels along its longer side; never enlarged.
        canvas: width and height of the canvas over those of the shrunk image, which is in its centre.
    """

    longest: int
    canvas: float = 1.0


PASSES = (Pass(longest=640), Pass(longest=128, canvas=1.5))
"""Measured in docs/log.md: the second pass costs a fifth of the first and finds faces from 45% of the height up."""

STRIDE = 32
"""Canvas sides are multiples of the coarsest stride of the detectors."""


@dataclass(frozen=True, slots=True, eq=False)
class ScaledView:
    """A canvas and how its coordinates follow from the image's: canvas = image * scale + offset."""

    canvas: Image
    scale: float
    offset: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Raw boxes of one image: (N, 4) x1 y1 x2 y2, (N,) scores, (N, 5, 2) landmarks, all float32."""

    boxes: Floats
    scores: Floats
    landmarks: Floats

    @property
    def heights(self) -> Floats:
        """(N,) heights of the boxes in pixels."""
        return self.boxes[:, 3] - self.boxes[:, 1]

    def back(self, view: ScaledView) -> "Candidates":
        """The same in the coordinates of the image that the view shows."""
        corner = np.tile(view.offset, 2)
        return Candidates(
            (self.boxes - corner) / np.float32(view.scale),
            self.scores,
            (self.landmarks - view.offset) / np.float32(view.scale),
        )


Look = Callable[[ScaledView], Candidates]
"""Runs a network on the canvas of one view, and gives what it finds in coordinates of that canvas."""


def make_views(image: Image, passes: Sequence[Pass]) -> list[ScaledView]:
    """Lay an image on the canvas of every pass.

    Args:
        image: (H, W, 3) uint8 RGB.
        passes: coarser and coarser; each image is shrunk from the one before.

    Returns:
        Canvases whose sides are multiples of 32, black around the image.
    """
    views, scale = [], 1.0
    for step in passes:
        image, factor = shrink(image, step.longest)
        scale *= factor
        canvas, offset = _lay(image, step.canvas)
        views.append(ScaledView(canvas, scale, offset))
    return views


def make_fixed_views(image: Image, width: int, height: int, passes: Sequence[Pass]) -> list[ScaledView]:
    """Lay an image on canvases of a network's only size, in its corner, or in the centre of a wide margin.

    Args:
        image: (H, W, 3) uint8 RGB.
        width: of the canvas in pixels.
        height: of the canvas in pixels.
        passes: how wide the margin of each pass is; their numbers of pixels do not matter here.

    Returns:
        Canvases of width x height, black around the image.
    """
    views = []
    for step in passes:
        # In a coarse pass the image takes as much less of the canvas.
        ratio = step.canvas * passes[0].longest / step.longest if step.canvas > 1 else 1.0
        room = max(1.0, min(ratio, FIXED_MARGIN))
        scale = min(width / image.shape[1], height / image.shape[0]) / room
        size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
        kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(image, size, interpolation=kind)
        canvas = np.zeros((height, width, 3), np.uint8)
        left, top = (0, 0) if room == 1 else ((width - size[0]) // 2, (height - size[1]) // 2)
        canvas[top : top + size[1], left : left + size[0]] = small
        views.append(ScaledView(canvas, scale, floats([left, top])))
    return views


FIXED_MARGIN = 3.0
"""Margin of the coarse pass on a canvas of one size: a face that fills the image takes a third of the canvas."""


def shrink(image: Image, longest: int) -> tuple[Image, float]:
    """An image with a longer side of at most `longest` pixels, and its size over the size before.

    It is halved as often as that goes, by the mean of four pixels each, and interpolated for the rest: a third to a
    seventh of the time of areas of any size.
    """
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return image, 1.0
    size = max(1, round(width * scale)), max(1, round(height * scale))
    while image.shape[1] >= 2 * size[0] and image.shape[0] >= 2 * size[1]:
        half = image.shape[1] // 2, image.shape[0] // 2
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8), scale


def _lay(image: Image, ratio: float) -> tuple[Image, Floats]:
    """A black canvas with the image in its corner, or in its centre where it is to have a margin."""
    height, width = image.shape[:2]
    canvas = np.zeros((_round_up(height * ratio), _round_up(width * ratio), 3), np.uint8)
    top, left = (0, 0) if ratio == 1 else ((canvas.shape[0] - height) // 2, (canvas.shape[1] - width) // 2)
    canvas[top : top + height, left : left + width] = image
    return canvas, floats([left, top])


def _round_up(side: float) -> int:
    return max(STRIDE, int(np.ceil(side / STRIDE)) * STRIDE)


FILLS = 0.6
"""Height of a face over that of the image from which it fills the frame: the first pass may miss it, or place it
badly. Measured in docs/log.md."""

STRIP = 0.45
"""Width of a face that fills the frame, over the shorter side of the image: three quarters of its height."""


def may_hide_a_face(found: Candidates, width: float, height: float, sure: float) -> bool:
    """Whether a face that fills the frame may be in an image although its first pass did not find it.

    Such a face covers most of the image. So it is not there where sure, smaller faces leave no strip on any side of
    them that is wide enough for it.

    Args:
        found: by the first pass, in coordinates of its view.
        width: of the image in that view, in pixels, without what is black around it.
        height: of the image in that view.
        sure: score from which a face is beyond doubt.
    """
    boxes = found.boxes[found.scores >= sure]
    if not len(boxes) or float((boxes[:, 3] - boxes[:, 1]).max()) > FILLS * height:
        return True
    (left, top), (right, bottom) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    return bool(max(left, top, width - right, height - bottom) > STRIP * min(width, height))


def look_at(image: Image, views: Sequence[ScaledView], look: Look, min_score: float) -> list[Candidates]:
    """What a detector finds in the views of an image, as far as it has to look.

    Args:
        image: (H, W, 3) uint8 RGB.
        views: of all passes.
        look: gives the candidates of one view.
        min_score: of a face, where no other is asked for; a face in the upper half above it is sure.

    Returns:
        The candidates of each view, or of the first one alone; see may_hide_a_face.
    """
    found = [look(views[0])]
    width, height = image.shape[1] * views[0].scale, image.shape[0] * views[0].scale
    if len(views) > 1 and may_hide_a_face(found[0], width, height, (1 + min_score) / 2):
        found += [look(view) for view in views[1:]]
    return found


def join(parts: Sequence[Candidates]) -> Candidates:
    """Candidates of several passes, end to end."""
    return Candidates(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.landmarks for part in parts]),
    )


NESTED = 0.8
"""A box is dropped when this share of it is in a better one: features of a large face are not faces."""


SAME_FACE = 0.6
"""Minimum IoU with a kept box of the candidates whose landmarks are averaged; other faces never come so close, since
suppression leaves no two boxes with an IoU above 0.4."""

SHARP = 96
"""Height in pixels of its view from which a face is as sharp as landmarks can use (measured in docs/log.md)."""


def settle_views(found: Sequence[Candidates], views: Sequence[ScaledView], overlap: float) -> Faces:
    """The faces of an image, best first, from the candidates of its views, or of its first ones; see settle."""
    located = join([part.back(view) for part, view in zip(found, views, strict=False)])
    return settle(located, np.concatenate([part.heights for part in found]), overlap)


def settle(candidates: Candidates, heights: Floats, overlap: float) -> Faces:
    """One suppression over all passes, best face first.

    Args:
        candidates: of one image, in its coordinates.
        heights: (N,) heights of the candidates in pixels of the views that they were found in.
        overlap: the IoU above which the worse of two boxes goes.
    """
    kept = nms(candidates.boxes, candidates.scores, overlap)
    kept = kept[suppress_nested(candidates.boxes[kept], candidates.scores[kept], NESTED)]
    return to_faces(candidates.boxes[kept], candidates.scores[kept], _mean_landmarks(candidates, heights, kept))


def _mean_landmarks(candidates: Candidates, heights: Floats, kept: NDArray[np.int64]) -> Floats:
    """Landmarks of the kept boxes, averaged over the candidates on the same face.

    Candidates differ by chance, so their mean is more exact than the best one. Those of a small view are coarse, and
    count less by the number of pixels of the face.
    """
    sharpness = np.clip(heights / SHARP, 0, 1) ** 2
    same = iou(candidates.boxes[kept], candidates.boxes) >= SAME_FACE
    # The kept box always counts, also where it is empty and has no IoU with itself.
    same[np.arange(len(kept)), kept] = True
    weights = same * (candidates.scores * np.maximum(sharpness, np.float32(1e-6)))
    return floats(np.einsum("kn,nij->kij", weights / weights.sum(axis=1, keepdims=True), candidates.landmarks))


def to_faces(boxes: Floats, scores: Floats, landmarks: Floats) -> Faces:
    """Arrays of one image as frozen faces, in their order."""
    return tuple(
        Face(Box(*(float(side) for side in box)), float(min(1.0, score)), np.asarray(points, np.float32))
        for box, score, points in zip(boxes, scores, landmarks, strict=True)
    )
