"""Augmentation of annotated pictures: boxes, landmarks and what is to be ignored move with the pixels.

What is done follows from the generator alone. Reads no file.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.train.detectors.recipe import Augment
from mien.types import Floats, Image, floats

Generator = np.random.Generator

MIRRORED = [1, 0, 2, 4, 3]
"""The landmarks of the mirror image, in the viewer's order."""
SHRINKS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_AREA, cv2.INTER_CUBIC)
ENLARGES = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A picture with its faces.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        boxes: (N, 4) float32 x1, y1, x2, y2 in its pixels.
        landmarks: (N, 5, 2) float32, NaN where they are not known.
        ignore: (N,) bool.
    """

    image: Image
    boxes: Floats
    landmarks: Floats
    ignore: NDArray[np.bool_]

    def moved(self, image: Image, scale: float, offset: Sequence[float]) -> "Scene":
        """The faces on another image: coordinates times scale plus offset."""
        shift = floats(offset)
        return Scene(
            image,
            self.boxes * np.float32(scale) + np.tile(shift, 2),
            self.landmarks * np.float32(scale) + shift,
            self.ignore,
        )

    def take(self, chosen: NDArray[np.bool_]) -> "Scene":
        """The same picture with some of its faces."""
        return replace(self, boxes=self.boxes[chosen], landmarks=self.landmarks[chosen], ignore=self.ignore[chosen])


def square(scene: Scene, side: int, settings: Augment, generator: Generator) -> Scene:
    """A random square of the picture, scaled to side x side; one colour where it leaves the picture.

    A face whose centre is inside stays, its box cut at the edges, as the reference does. One whose centre is
    outside is ignored as far as it is seen.
    """
    height, width = scene.image.shape[:2]
    reach = min(width, height) * _share(settings, generator)
    x, y = _corner(scene, reach, settings.near, generator)
    scale = side / reach
    left, top, right, bottom = max(0, int(x)), max(0, int(y)), min(width, int(x + reach)), min(height, int(y + reach))
    canvas = np.empty((side, side, 3), np.uint8)
    canvas[:] = generator.integers(0, 256, 3) if generator.random() < 0.5 else 0
    if right > left and bottom > top:
        part = scene.image[top:bottom, left:right]
        size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
        kinds = SHRINKS if scale < 1 else ENLARGES
        small = cv2.resize(part, size, interpolation=kinds[int(generator.integers(len(kinds)))])
        at_x, at_y = max(0, round((left - x) * scale)), max(0, round((top - y) * scale))
        small = small[: side - at_y, : side - at_x]
        canvas[at_y : at_y + small.shape[0], at_x : at_x + small.shape[1]] = small
    return clipped(scene.moved(canvas, scale, (-x * scale, -y * scale)))


def _share(settings: Augment, generator: Generator) -> float:
    """Below and above the whole picture equally often, so that large shares are no more frequent than small ones."""
    low, high = settings.smallest, settings.largest
    if low < 1 < high:
        return float(generator.uniform(low, 1) if generator.random() < 0.5 else generator.uniform(1, high))
    return float(generator.uniform(low, max(low, high)))


def _corner(scene: Scene, reach: float, near: float, generator: Generator) -> tuple[float, float]:
    height, width = scene.image.shape[:2]
    wanted = np.flatnonzero(~scene.ignore)
    if len(wanted) and generator.random() < near:
        box = scene.boxes[wanted[int(generator.integers(len(wanted)))]]
        centre = (box[:2] + box[2:]) / 2
        # The face lies anywhere in the square, as whole as it can.
        room = np.maximum(0, reach / 2 - (box[2:] - box[:2]) / 2)
        middle = centre + generator.uniform(-1, 1, 2) * room
        return float(middle[0] - reach / 2), float(middle[1] - reach / 2)
    return (
        float(generator.uniform(min(0, width - reach), max(0, width - reach))),
        float(generator.uniform(min(0, height - reach), max(0, height - reach))),
    )


def clipped(scene: Scene) -> Scene:
    """The faces as far as they are seen; one whose centre is not seen is ignored."""
    height, width = scene.image.shape[:2]
    ends = floats([width, height, width, height])
    centres = (scene.boxes[:, :2] + scene.boxes[:, 2:]) / 2
    inside = ((centres >= 0) & (centres < ends[:2])).all(axis=1)
    boxes = np.clip(scene.boxes, 0, ends)
    seen = np.asarray(((boxes[:, 2:] - boxes[:, :2]) > 1).all(axis=1), np.bool_)
    return replace(scene, boxes=floats(boxes), ignore=scene.ignore | ~inside).take(seen)


def mirror(scene: Scene, generator: Generator) -> Scene:
    """Left and right exchanged, the landmarks of left and right as well."""
    width = scene.image.shape[1]
    boxes = scene.boxes.copy()
    boxes[:, [0, 2]] = width - scene.boxes[:, [2, 0]]
    landmarks = scene.landmarks[:, MIRRORED].copy()
    landmarks[..., 0] = width - landmarks[..., 0]
    return replace(scene, image=np.ascontiguousarray(scene.image[:, ::-1]), boxes=boxes, landmarks=landmarks)


def colour(scene: Scene, generator: Generator) -> Scene:
    """Gamma 0.5 to 2, contrast and brightness within 30%, each colour within 10%, saturation of half to all."""
    ramp = (np.arange(256) / 255) ** np.exp(generator.uniform(-0.7, 0.7))
    ramp = (ramp - 0.5) * generator.uniform(0.7, 1.3) + 0.5 + generator.uniform(-0.15, 0.15)
    table = ramp[:, None] * generator.uniform(0.9, 1.1, 3) * 255
    image = cv2.LUT(scene.image, np.clip(np.rint(table), 0, 255).astype(np.uint8)[None])
    if generator.random() < 0.5:
        image = cv2.addWeighted(image, keep := float(generator.uniform(0.5, 1)), _grey(image), 1 - keep, 0)
    return replace(scene, image=np.asarray(image, np.uint8))


def grey(scene: Scene, generator: Generator) -> Scene:
    """Without colour."""
    return replace(scene, image=_grey(scene.image))


def _grey(image: Image) -> Image:
    return np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)


def blur(scene: Scene, generator: Generator) -> Scene:
    """Out of focus: a Gaussian of 0.5 to 2.5 pixels."""
    soft = cv2.GaussianBlur(scene.image, (0, 0), float(generator.uniform(0.5, 2.5)))
    return replace(scene, image=np.asarray(soft, np.uint8))


def mosaic(scenes: Sequence[Scene], side: int, generator: Generator) -> Scene:
    """Four square scenes in the quarters around a random point (Bochkovskiy et al., arXiv 2004.10934).

    Args:
        scenes: four, of any sides; each is shrunk to cover its quarter and cut.
        side: of the result.
        generator: chooses the point.
    """
    x, y = (int(v) for v in generator.uniform(0.3, 0.7, 2) * side)
    canvas = np.zeros((side, side, 3), np.uint8)
    parts = []
    quarters = ((0, 0, x, y), (x, 0, side, y), (0, y, x, side), (x, y, side, side))
    for scene, (left, top, right, bottom) in zip(scenes, quarters, strict=True):
        width, height = right - left, bottom - top
        scale = max(width / scene.image.shape[1], height / scene.image.shape[0])
        size = max(width, round(scene.image.shape[1] * scale)), max(height, round(scene.image.shape[0] * scale))
        small = np.asarray(cv2.resize(scene.image, size, interpolation=cv2.INTER_AREA), np.uint8)[:height, :width]
        canvas[top:bottom, left:right] = small
        parts.append(clipped(scene.moved(small, scale, (0, 0))).moved(canvas, 1, (left, top)))
    return Scene(
        canvas,
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.landmarks for part in parts]),
        np.concatenate([part.ignore for part in parts]),
    )


Kind = Callable[[Scene, Generator], Scene]

KINDS: dict[str, Kind] = {"colour": colour, "grey": grey, "blur": blur, "mirror": mirror}


def augment(
    read: Callable[[], Scene], more: Callable[[], Scene], side: int, settings: Augment, generator: Generator
) -> Scene:
    """One input: a random square of a picture, or of four, with each kind of change by its probability.

    Args:
        read: gives the picture.
        more: gives another one, for a mosaic.
        side: of the input.
        settings: probabilities.
        generator: the only source of chance.
    """
    scene = square(read(), side, settings, generator)
    if settings.mosaic and generator.random() < settings.mosaic:
        others = [square(more(), side, settings, generator) for _ in range(3)]
        scene = mosaic([scene, *others], side, generator)
    for name, apply in KINDS.items():
        chance = getattr(settings, name)
        if chance and generator.random() < chance:
            scene = apply(scene, generator)
    return scene


def ignore_small(scene: Scene, least: float) -> Scene:
    """Faces whose shorter side is below `least` pixels are ignored."""
    small = (scene.boxes[:, 2:] - scene.boxes[:, :2]).min(axis=1, initial=np.inf) < least
    return replace(scene, ignore=scene.ignore | small)
