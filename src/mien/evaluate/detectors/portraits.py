"""How well a detector finds the face of a portrait: one that fills the frame, and one in the middle."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mien.data.annotated import AnnotatedImage, AnnotatedSet
from mien.detect.detector import Detector
from mien.errors import ImageError
from mien.geometry import corners, iou
from mien.image import find_images, read_image
from mien.rates import Estimate, wilson
from mien.types import Image, floats

FILLED = (0.6, 0.8, 1.0)
"""Share of the frame's height that a face takes in a portrait that fills it."""


FRAME = (480, 640)
"""Width and height of such a portrait."""


FOUND = 0.4
"""Minimum IoU of such a face: a box at the frame's edge may be cut or not."""


TALL = 80
"""Faces from which portraits are made are at least this high."""


@dataclass(frozen=True, slots=True)
class Central:
    """What was found in portraits without annotation: faces in the middle, and boxes elsewhere per image."""

    found: Estimate
    others: float


def found_filling(detector: Detector, annotated: AnnotatedSet, max_images: int) -> Estimate | None:
    """Share of portraits found whose face fills the frame, made of the largest face of each image."""
    hits, count = 0, 0
    for one in annotated.images[:max_images]:
        chosen = _largest(one)
        if chosen is None:
            continue
        try:
            image = read_image(one.path)
        except ImageError:
            continue
        for share in FILLED:
            portrait, box = fill(image, one.boxes[chosen], share)
            found = detector.detect([portrait])[0]
            boxes = corners(face.box for face in found)
            hits += bool(len(boxes) and iou(boxes, box[None]).max() >= FOUND)
            count += 1
    return _estimate(hits, count) if count else None


def _estimate(hits: int, count: int) -> Estimate:
    low, high = wilson(hits / count, count)
    return Estimate(hits / count, low, high, count)


def _largest(image: AnnotatedImage) -> int | None:
    heights = np.where(image.ignore, 0, image.boxes[:, 3] - image.boxes[:, 1])
    return int(heights.argmax()) if len(heights) and heights.max() >= TALL else None


def fill(image: Image, box: np.ndarray, share: float) -> tuple[Image, np.ndarray]:
    """A portrait in which a face takes a share of the frame's height.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: (4,) of the face, in its pixels.
        share: of the frame's height.

    Returns:
        The portrait, its edges repeated where the image ends, and the face's box in it, (4,) float32.
    """
    width, height = FRAME
    scale = share * height / float(box[3] - box[1])
    middle = (box[:2] + box[2:]) / 2
    shift = np.array([width / 2, height / 2]) - middle * scale
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    portrait = cv2.warpAffine(image, matrix, (width, height), flags=kind, borderMode=cv2.BORDER_REPLICATE)
    moved = box * scale + np.tile(shift, 2)
    return np.asarray(portrait, np.uint8), floats(np.clip(moved, 0, (width, height, width, height)))


def found_central(detector: Detector, folder: Path, max_images: int) -> Central:
    """Whether the face in the middle is found, and how many boxes are elsewhere."""
    hits, count, others = 0, 0, 0
    files = find_images(folder)
    for path in files[:: max(1, len(files) // max_images)][:max_images]:
        try:
            image = read_image(path)
        except ImageError:
            continue
        x, y = image.shape[1] / 2, image.shape[0] / 2
        covers = [f.box.x1 <= x < f.box.x2 and f.box.y1 <= y < f.box.y2 for f in detector.detect([image])[0]]
        hits, others, count = hits + any(covers), others + covers.count(False), count + 1
    if not count:
        raise ImageError(f"{folder} does not hold an image that can be read")
    return Central(_estimate(hits, count), others / count)
