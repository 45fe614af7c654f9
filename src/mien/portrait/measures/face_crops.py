"""How a face is cut for a model for portraits: the table of crops, by the name that a card gives.

Every crop knows the way from its pixels back to those of the image. Runs no network.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.align import align, reachable_part, warp
from mien.geometry import similarity
from mien.portrait.measures.face_chip import FaceChip
from mien.portrait.measures.portrait_model import PortraitModel
from mien.templates import arcface_template
from mien.types import Floats, Image, floats

EYE_WIDTH = 0.45
"""Width of an eye in distances between the eyes, for faces of which no more than five landmarks are known."""

EYE_CORNERS = ((33, 133), (362, 263))
"""Left and right corner of each eye in the mesh, as the viewer sees them."""


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A part of an image as a network takes it.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        back: (2, 3) from points in the crop to pixels of the image.
    """

    pixels: Image
    back: NDArray[np.float64]

    def lay_back(self, points: Floats) -> Floats:
        """(K, 2) points of the crop in pixels of the image."""
        return floats(points @ self.back[:, :2].T + self.back[:, 2])


def cut(chip: FaceChip, model: PortraitModel) -> tuple[Crop, ...]:
    """The crops of a face that a network takes: one, or one for each eye."""
    return CROPS[model.spec.crop](chip, model)


def around_box(chip: FaceChip, model: PortraitModel) -> tuple[Crop, ...]:
    """A square around the middle of the box."""
    box, (width, height) = chip.portrait.face.box, (model.width, model.height)
    side = max(box.width, box.height) * model.spec.margin
    left, top = (box.x1 + box.x2 - side) / 2, (box.y1 + box.y2 - side) / 2
    back = np.array([[side / width, 0, left], [0, side / height, top]])
    forth = np.asarray(cv2.invertAffineTransform(back), np.float64)
    image, matrix = reachable_part(chip.portrait.image, forth, (width, height))
    pixels = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR)
    return (Crop(np.asarray(pixels, np.uint8), back),)


def upright(chip: FaceChip, model: PortraitModel) -> tuple[Crop, ...]:
    """A square around the middle of the box, turned so that the eyes are level."""
    box, points = chip.portrait.face.box, chip.portrait.face.landmarks
    centre = floats([(box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2])
    across = floats(points[1] - points[0])
    return (_level(chip, centre, across, max(box.width, box.height), model),)


def of_eyes(chip: FaceChip, model: PortraitModel) -> tuple[Crop, ...]:
    """A square around each eye, turned so that its corners are level: the viewer's left one first."""
    mesh, five = chip.extra.get("mesh"), chip.portrait.face.landmarks
    if mesh is None:
        across = five[1] - five[0]
        width = EYE_WIDTH * float(np.linalg.norm(across))
        return tuple(_level(chip, floats(eye), floats(across), width, model) for eye in five[:2])
    crops = []
    for left, right in EYE_CORNERS:
        across = mesh[right, :2] - mesh[left, :2]
        centre = (mesh[right, :2] + mesh[left, :2]) / 2
        crops.append(_level(chip, floats(centre), floats(across), float(np.linalg.norm(across)), model))
    return tuple(crops)


def _level(chip: FaceChip, centre: Floats, across: Floats, width: float, model: PortraitModel) -> Crop:
    """A square around a point whose rows run along a direction. Points count from the crop's corner, pixels from the
    middle of the first one."""
    scale = max(width, 1.0) * model.spec.margin / model.width
    turn = np.arctan2(float(across[1]), float(across[0]))
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    half = np.array([model.width, model.height]) / 2
    back = np.column_stack([linear, centre - linear @ half])
    sampled = np.column_stack([linear, centre - linear @ (half - 0.5)])
    matrix = np.asarray(cv2.invertAffineTransform(sampled), np.float64)
    return Crop(warp(chip.portrait.image, matrix, (model.width, model.height), repeat_border=True), back)


def inside(chip: FaceChip, model: PortraitModel) -> tuple[Crop, ...]:
    """A box of `margin` times the face's, made smaller and moved until it is inside of the image, and stretched.

    As the networks of Silent-Face-Anti-Spoofing were trained: what surrounds a face shows a print or a screen.
    """
    box, image = chip.portrait.face.box, chip.portrait.image
    height, width = image.shape[:2]
    wide, high = max(box.width, 1.0), max(box.height, 1.0)
    share = min((height - 1) / high, (width - 1) / wide, model.spec.margin)
    wide, high = wide * share, high * share
    left = min(max((box.x1 + box.x2 - wide) / 2, 0.0), width - 1 - wide)
    top = min(max((box.y1 + box.y2 - high) / 2, 0.0), height - 1 - high)
    x1, y1, x2, y2 = int(left), int(top), int(left + wide), int(top + high)
    part = image[max(0, y1) : y2 + 1, max(0, x1) : x2 + 1]
    pixels = cv2.resize(part, (model.width, model.height), interpolation=cv2.INTER_LINEAR)
    back = np.array([[part.shape[1] / model.width, 0, x1], [0, part.shape[0] / model.height, y1]])
    return (Crop(np.asarray(pixels, np.uint8), back),)


def aligned(chip: FaceChip, model: PortraitModel) -> tuple[Crop, ...]:
    """The pose of ArcFace."""
    landmarks, template = chip.portrait.face.landmarks, arcface_template(model.width)
    pixels = align(chip.portrait.image, landmarks, template, model.width)
    back = cv2.invertAffineTransform(similarity(landmarks, template.points))
    return (Crop(pixels, np.asarray(back, np.float64)),)


CROPS: dict[str, Callable[[FaceChip, PortraitModel], tuple[Crop, ...]]] = {
    "box": around_box,
    "upright": upright,
    "aligned": aligned,
    "eyes": of_eyes,
    "inside": inside,
}
"""By the name that a card gives. A new crop is one function and one line."""
