"""Turns five landmarks into a crop of a fixed pose. Does not find faces, does not read files."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import DegenerateLandmarksError
from mien.geometry import similarity, transform
from mien.templates import BoxTemplate, PointsTemplate, Template, arcface_template
from mien.types import Box, Cutout, Face, Floats, Image, floats

Matrix = NDArray[np.float64]


def align(
    image: Image, landmarks: Floats, template: PointsTemplate, size: int, *, repeat_border: bool = False
) -> Image:
    """Warp one face to the reference pose.

    Args:
        image: (H, W, 3) uint8 RGB.
        landmarks: (5, 2) float32 pixels x, y, in the viewer's order: left eye, right eye, nose, left and
            right mouth corner.
        template: where the points go.
        size: width and height of the crop in pixels.
        repeat_border: whether pixels outside the image repeat its border instead of being black.

    Returns:
        (size, size, 3) uint8 RGB; pixels outside the image are black. A face more than twice as large as
        the crop is averaged over areas rather than sampled, so that fine detail does not alias.

    Raises:
        DegenerateLandmarksError: no similarity fits the points.
    """
    return warp(image, _fit(landmarks, template), (size, size), repeat_border=repeat_border)


def align_face(image: Image, face: Face, template: Template, size: int) -> Image:
    """Cut the crop of a face as a template asks: by its landmarks, or by its box; see align.

    Raises:
        DegenerateLandmarksError: no similarity fits the landmarks, or the box is empty.
    """
    return warp(image, _placement(face, template), (size, size))


def magnification(face: Face, template: Template) -> float:
    """How many pixels of the crop one pixel of the image becomes; 0 for a face that fixes no pose."""
    try:
        matrix = _placement(face, template)
    except DegenerateLandmarksError:
        return 0.0
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))


def _placement(face: Face, template: Template) -> Matrix:
    """The similarity from pixels of the image to pixels of the crop."""
    if isinstance(template, PointsTemplate):
        return _fit(face.landmarks, template)
    return _around(face, template)


def _fit(landmarks: Floats, template: PointsTemplate) -> Matrix:
    return similarity(template.mixing @ landmarks.astype(np.float32), template.points)


def _around(face: Face, template: BoxTemplate) -> Matrix:
    """The square around the middle of the box: pixel edges go to pixel edges."""
    box = face.box
    side = template.margin * max(box.width, box.height)
    if not side > 0:
        raise DegenerateLandmarksError("the face has an empty box, so that no crop can be cut around it")
    scale = template.size / side
    left, top = (box.x1 + box.x2 - side) / 2, (box.y1 + box.y2 - side) / 2
    shift = (scale - 1) / 2
    return np.array([[scale, 0, shift - left * scale], [0, scale, shift - top * scale]])


LONGEST_SIDE = 32_000
"""Pixels of a side from which OpenCV's warp is given a part of the image; it refuses sides of 32,767."""


def warp(image: Image, matrix: Matrix, size: tuple[int, int], *, repeat_border: bool = False) -> Image:
    """Warp an image by a similarity; where it shrinks, areas are averaged, so that fine detail does not alias.

    Args:
        image: (H, W, 3) uint8 RGB.
        matrix: (2, 3) from pixels of the image to pixels of the crop.
        size: width and height of the crop.
        repeat_border: whether pixels outside the image repeat its border instead of being black.
    """
    image, matrix = reachable_part(*_shrink_first(image, matrix, size), size)
    border = cv2.BORDER_REPLICATE if repeat_border else cv2.BORDER_CONSTANT
    crop = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(crop, np.uint8)


def _shrink_first(image: Image, matrix: Matrix, size: tuple[int, int]) -> tuple[Image, Matrix]:
    """Average whole cells of pixels before a warp that would otherwise skip them."""
    factor = int(1 / np.hypot(matrix[0, 0], matrix[1, 0]))
    if factor < 2:
        return image, matrix
    left, top, right, bottom = _seen(image, matrix, size, factor)
    if right <= left or bottom <= top:
        return image, matrix
    window = image[top:bottom, left:right]
    small = cv2.resize(window, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
    centre = np.array([left, top]) + (factor - 1) / 2
    shrunk = np.column_stack([matrix[:, :2] * factor, matrix[:, :2] @ centre + matrix[:, 2]])
    return np.asarray(small, np.uint8), shrunk


def reachable_part(image: Image, matrix: Matrix, size: tuple[int, int]) -> tuple[Image, Matrix]:
    """The part of a very long image that the crop shows, since OpenCV warps no image of such sides."""
    if max(image.shape[:2]) < LONGEST_SIDE:
        return image, matrix
    left, top, right, bottom = _seen(image, matrix, size, 1)
    left, top = min(left, image.shape[1] - 1), min(top, image.shape[0] - 1)
    window = image[top : max(bottom, top + 1), left : max(right, left + 1)]
    return window, np.column_stack([matrix[:, :2], matrix[:, :2] @ [left, top] + matrix[:, 2]])


def _seen(image: Image, matrix: Matrix, size: tuple[int, int], factor: int) -> tuple[int, int, int, int]:
    """The part of the image that the crop shows, in whole cells: left, top, right, bottom."""
    width, height = size
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float32)
    spots = transform(corners, np.asarray(cv2.invertAffineTransform(matrix), np.float64))
    limits = np.array([image.shape[1], image.shape[0]])
    low = np.clip(np.floor(spots.min(axis=0)).astype(int) - 2 * factor, 0, limits)
    high = np.clip(np.ceil(spots.max(axis=0)).astype(int) + 2 * factor, 0, limits)
    high -= (high - low) % factor
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


SURROUNDINGS = 0.6
"""How far a cutout reaches beyond each side of the box, in box sizes; every template's crop is inside."""

CUTOUT_LONGEST = 360
"""A larger cutout is shrunk to this longer side: twice the largest crop, so that nothing is lost."""


def cut_out(image: Image, face: Face) -> Cutout:
    """Cut a face with its surroundings.

    Args:
        image: (H, W, 3) uint8 RGB.
        face: in pixels of that image.

    Returns:
        The part of the image around the face, at most 360 pixels along its longer side, with the landmarks.
    """
    height, width = image.shape[:2]
    reach = SURROUNDINGS * max(face.box.width, face.box.height)
    left, top = max(0, int(face.box.x1 - reach)), max(0, int(face.box.y1 - reach))
    right, bottom = min(width, int(face.box.x2 + reach) + 1), min(height, int(face.box.y2 + reach) + 1)
    part = image[top:bottom, left:right]
    landmarks = face.landmarks - floats([left, top])
    scale = CUTOUT_LONGEST / max(part.shape[:2])
    if scale < 1:
        size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
        # Pixel centres, not corners, keep their place: x' + 0.5 = (x + 0.5) * scale.
        landmarks = (landmarks + np.float32(0.5)) * floats([size[0] / part.shape[1], size[1] / part.shape[0]])
        landmarks -= np.float32(0.5)
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    return Cutout(np.ascontiguousarray(part), landmarks)


GROUPS_OF_68 = (range(36, 42), range(42, 48), (30,), (48,), (54,))
"""Which of iBUG's 68 points make left eye, right eye, nose, left and right mouth corner, as the viewer sees them."""


def five_of_68(points: Floats) -> Floats:
    """The five landmarks from 68: means of each eye's six points, the tip of the nose, the mouth corners.

    Args:
        points: (68, 2) in iBUG's order.

    Returns:
        (5, 2) float32.
    """
    return floats([points[list(group)].mean(axis=0) for group in GROUPS_OF_68])


TYPICAL_BOX = (55.5, 63.2, 77.8, 105.1)
"""Middle, width and height of MTCNN's box in pixels of ArcFace's 112x112 pose: medians over 300 photographs of
CelebA."""


def typical_box(landmarks: Floats) -> Box:
    """The box that a detector would give a face of these landmarks; their own where they fix no pose."""
    try:
        back = cv2.invertAffineTransform(_fit(landmarks, arcface_template(112)))
    except DegenerateLandmarksError:
        low, high = landmarks.min(axis=0), landmarks.max(axis=0)
        return Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    x, y, width, height = TYPICAL_BOX
    scale = float(np.hypot(back[0, 0], back[1, 0]))
    middle = back @ np.array([x, y, 1.0])
    half = np.array([width, height]) * scale / 2
    (x1, y1), (x2, y2) = middle - half, middle + half
    return Box(float(x1), float(y1), float(x2), float(y2))
