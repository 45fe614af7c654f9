"""How well a detector finds the face of a portrait: one that fills the frame, and one in the middle.

Images are read and searched through the pipeline. One that cannot be read counts for nothing; one in which no face is
found counts as not found. Times nothing.
"""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2
import numpy as np

from mien.data.annotated import AnnotatedImage, AnnotatedSet
from mien.data.sample import Problem
from mien.detect.detector import Detector
from mien.errors import ImageError
from mien.geometry import corners, iou
from mien.image import find_images
from mien.pipeline import Analysis, ImageFaces, Pipeline, ReadOptions, Wanted, array_item, file_item, find_faces
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
    """What was found in portraits without annotation.

    Attributes:
        found: share of images whose face in the middle was found.
        others: boxes elsewhere per image.
        problems: images that could not be read.
    """

    found: Estimate
    others: float
    problems: tuple[Problem, ...] = ()


def found_filling(detector: Detector, annotated: AnnotatedSet, max_images: int) -> Estimate | None:
    """Share of portraits found whose face fills the frame, made of the largest face of each image."""
    chosen = [(one, face) for one in annotated.images[:max_images] if (face := _largest(one)) is not None]
    # The face is known, so the file is read in full and not searched; the portraits made of it are.
    wanted = [Wanted(file_item(one.path), detect=False) for one, _ in chosen]
    pipeline = Pipeline(detector, None, reading=_alone())
    found: list[bool] = []
    for (one, face), read in zip(chosen, chain.from_iterable(find_faces(wanted, detector, _alone())), strict=True):
        if isinstance(read, ImageFaces):
            found += _found_filling(pipeline, read.loaded.photo.image, one.boxes[face])
    return _estimate(sum(found), len(found)) if found else None


def _alone() -> ReadOptions:
    """The detector alone is measured, so nothing is searched again in other turns."""
    return ReadOptions(second_look=False)


def _found_filling(pipeline: Pipeline, image: Image, box: np.ndarray) -> list[bool]:
    """Whether the face is found in each portrait that it fills."""
    filled = [fill(image, box, share) for share in FILLED]
    seen = pipeline.analyse_chunk([array_item("the portrait", portrait) for portrait, _ in filled])
    boxes = [corners(face.box for face in one.faces) for one in seen]
    return [
        bool(len(found) and iou(found, box[None]).max() >= FOUND)
        for found, (_, box) in zip(boxes, filled, strict=True)
    ]


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
    """Whether the face in the middle is found, and how many boxes are elsewhere.

    Raises:
        ImageError: no image of the folder can be read.
    """
    files = find_images(folder)
    chosen = files[:: max(1, len(files) // max_images)][:max_images]
    seen = list(Pipeline(detector, None, reading=_alone()).analyse(chosen))
    covers = [_cover_the_middle(one) for one in seen if one.error is None]
    if not covers:
        raise ImageError(f"{folder} does not hold an image that can be read")
    return Central(
        _estimate(sum(any(one) for one in covers), len(covers)),
        sum(one.count(False) for one in covers) / len(covers),
        tuple(Problem(one.name, one.error) for one in seen if one.error is not None),
    )


def _cover_the_middle(analysis: Analysis) -> list[bool]:
    """Whether each face is over the middle of the image."""
    x, y = analysis.width / 2, analysis.height / 2
    return [face.box.x1 <= x < face.box.x2 and face.box.y1 <= y < face.box.y2 for face in analysis.faces]
