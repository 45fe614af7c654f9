"""Landmarks and boxes that come with a data set, held against the image, the box and a face's shape.

Owns the limits, and the reason in words. Says nothing about whose face it is, and finds no faces: whether landmarks
are where a detector finds the face is for `agreement`, which is given both. Every limit was measured on landmarks
that are right: 5,606 faces of CelebA and LFW by mien-face and 2,246 by MTCNN.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import DegenerateLandmarksError
from mien.geometry import similarity, transform
from mien.templates import ARCFACE_112
from mien.types import Box, Faces, Floats, floats

MAX_MISFIT = 18.0
"""Maximum root mean square distance from the pose of a face, in pixels of the 112x112 crop. Right landmarks: at most
10.7, and 16.9 for a face in full profile; with left and right exchanged at least 19.3."""
EXCHANGED_MISFIT = 12.0
"""From here on an order of points that fits twice as well is named as the mistake."""
MAX_OUTSIDE = 3
"""Maximum number of points outside of the image. Right landmarks: at most 3, for faces that are cut off."""
MAX_BORDER = 0.75
"""Maximum share of the crop that is outside of the image. Right landmarks: at most 0.60."""
MIN_SPREAD = 0.15
"""Minimum spread of the points across, as a share of that along. Right landmarks: at least 0.34."""
SHARE = 1.5
"""Numbers up to this are shares of the image's size and not pixels."""
BOX_MARGIN = 0.5
"""By how many of its sizes the landmarks' middle may be outside of the box. Right landmarks: it is inside."""
GRID = np.stack(np.meshgrid(np.arange(2, 112, 4), np.arange(2, 112, 4)), axis=-1).reshape(-1, 2).astype(np.float64)

ORDERS: dict[str, Sequence[int]] = {
    "left and right are exchanged: mien takes the viewer's left first": (1, 0, 2, 4, 3),
    "the mouth corners are exchanged": (0, 1, 2, 4, 3),
    "the eyes are exchanged": (1, 0, 2, 3, 4),
    "the nose comes first: mien takes the eyes, the nose and the mouth corners": (1, 2, 0, 3, 4),
}
"""Orders of the points as other tools have them, and what to say of them."""


def wrong_landmarks(landmarks: Floats, width: int, height: int, box: Box | None = None) -> str:
    """Why landmarks cannot be those of a face in this image; empty where they can.

    Args:
        landmarks: (5, 2) pixels.
        width: of the image.
        height: of the image.
        box: of the face, where it is known.
    """
    if not np.isfinite(landmarks).all():
        return "its landmarks have a number that is not finite"
    if np.ptp(landmarks, axis=0).max() > 0 and np.abs(landmarks).max() <= SHARE < min(width, height):
        return "its landmarks are shares of the image's size, not pixels: multiply them by width and height"
    misfit, matrix = _fit(landmarks)
    wide, narrow = np.linalg.svd(landmarks - landmarks.mean(axis=0), compute_uv=False)
    if wide >= 1 and narrow < MIN_SPREAD * wide:
        return "its landmarks are on one line"
    if matrix is None and np.ptp(landmarks, axis=0).max() < 1:
        return f"its landmarks are all at {landmarks[0, 0]:g}, {landmarks[0, 1]:g}"
    if misfit > EXCHANGED_MISFIT and (order := _order(landmarks, misfit)):
        return f"its landmarks do not have the shape of a face: {order}"
    if matrix is None or misfit > MAX_MISFIT:
        return f"its landmarks do not have the shape of a face (off by {misfit:.0f} pixels of a crop of 112)"
    return _place(landmarks, matrix, width, height) or _off_box(landmarks, box)


def _fit(landmarks: Floats) -> tuple[float, NDArray[np.float64] | None]:
    """The misfit in pixels of the crop, and the similarity; as far as the template is wide where none fits."""
    try:
        matrix = similarity(landmarks.astype(np.float32), ARCFACE_112)
    except DegenerateLandmarksError:
        return float(_rms(ARCFACE_112 - ARCFACE_112.mean(axis=0))), None
    return float(_rms(transform(landmarks.astype(np.float32), matrix) - ARCFACE_112)), matrix


def _rms(differences: Floats) -> float:
    return float(np.sqrt((differences**2).sum(axis=1).mean()))


def _order(landmarks: Floats, misfit: float) -> str:
    """The mistake in the order of numbers with which they would be a face; empty where there is none."""
    read = {
        "x and y are exchanged": landmarks[:, ::-1],
        "all x come before all y: mien takes x and y point by point": landmarks.reshape(2, 5).T,
        "y grows upwards: mien counts it from the upper edge": landmarks * floats([1, -1]),
        **{said: landmarks[list(order)] for said, order in ORDERS.items()},
    }
    fits = {said: _fit(floats(points))[0] for said, points in read.items()}
    best = min(fits, key=lambda said: fits[said])
    # An exchange of axes mirrors a face, and so does one of left and right: where both fit, the nearer to upright.
    near = [said for said, value in fits.items() if value <= fits[best] + 1]
    best = min(near, key=lambda said: abs(_turn(floats(read[said]))))
    return best if fits[best] <= misfit / 2 else ""


def _turn(landmarks: Floats) -> float:
    """By how much a face is turned in the plane, in radians."""
    _, matrix = _fit(landmarks)
    return math.pi if matrix is None else math.atan2(matrix[1, 0], matrix[0, 0])


def _place(landmarks: Floats, matrix: NDArray[np.float64], width: int, height: int) -> str:
    outside = (landmarks < 0) | (landmarks >= floats([width, height]))
    if (count := int(outside.any(axis=1).sum())) > MAX_OUTSIDE:
        return f"{count} of its 5 landmarks are outside of the image of {width}x{height}, as if of another size"
    back = cv2.invertAffineTransform(matrix)
    spots = GRID @ back[:, :2].T + back[:, 2]
    seen = ((spots >= 0) & (spots < (width, height))).all(axis=1).mean()
    if 1 - seen > MAX_BORDER:
        return f"{1 - seen:.0%} of its crop would be outside of the image of {width}x{height}"
    return ""


def _off_box(landmarks: Floats, box: Box | None) -> str:
    if box is None:
        return ""
    x, y = (float(value) for value in landmarks.mean(axis=0))
    wide, high = BOX_MARGIN * box.width, BOX_MARGIN * box.height
    if box.x1 - wide <= x <= box.x2 + wide and box.y1 - high <= y <= box.y2 + high:
        return ""
    return "its landmarks are not in its box"


def wrong_box(box: Box, width: int, height: int) -> str:
    """Why a box cannot be that of a face in this image; empty where it can."""
    if not all(map(math.isfinite, box.corners)):
        return "its box has a number that is not finite"
    if box.width <= 0 or box.height <= 0:
        return f"its box of {box.width:g}x{box.height:g} is empty"
    if max(map(abs, box.corners)) <= SHARE < min(width, height):
        return "its box is in shares of the image's size, not pixels: multiply it by width and height"
    if box.x2 <= 0 or box.y2 <= 0 or box.x1 >= width or box.y1 >= height:
        return f"its box is outside of the image of {width}x{height}, as if of another size"
    return ""


COMPARED = 64
"""Rows whose landmarks are compared with a detector's before many are used."""
MANY_WRONG = 0.5
"""Share of compared rows with landmarks that are wrong by themselves, from which on no others are used either."""
MIN_COMPARED = 8
"""Minimum number of rows in which the detector finds a face, for a comparison to say anything."""
NEAR = 0.35
"""Maximum distance of the middle of five points, in distances of the detector's eyes. Two detectors on
540 photographs of CelebA: at most 0.24 for 99% of them."""
REFUSED, WARNED = 0.25, 0.9
"""Shares of compared rows that agree, below which landmarks are refused and below which there is a warning."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many rows have landmarks where a detector finds a face, of those in which it finds one."""

    agreeing: int = 0
    compared: int = 0

    @property
    def share(self) -> float:
        """Of the compared rows; 1 where too few were compared to say anything."""
        return self.agreeing / self.compared if self.compared >= MIN_COMPARED else 1.0

    @property
    def sentence(self) -> str:
        """What it means, in one sentence."""
        return (
            f"the landmarks of {self.agreeing} of {self.compared} compared rows are where the detector finds a face: "
            "see whether they belong to these images, at this size."
        )


NO_AGREEMENT = Agreement()
"""Nothing was compared."""


def agreement(landmarks: Sequence[Floats], found: Sequence[Faces]) -> Agreement:
    """Compare landmarks with the faces that a detector finds in the same images.

    Args:
        landmarks: (5, 2) pixels for each image.
        found: the faces of each image, in the same pixels.
    """
    compared = [(points, faces) for points, faces in zip(landmarks, found, strict=True) if faces]
    return Agreement(
        sum(any(_near(points, face.landmarks) for face in faces) for points, faces in compared), len(compared)
    )


def _near(points: Floats, detected: Floats) -> bool:
    eyes = float(np.hypot(*(detected[1] - detected[0])))
    return float(np.hypot(*(points.mean(axis=0) - detected.mean(axis=0)))) <= NEAR * max(eyes, 1.0)
