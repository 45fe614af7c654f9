"""An image with its faces, whose boxes and landmarks move with the pixels. Draws no random numbers, reads no file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mien.types import Floats, Image, floats


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """An image with its faces.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        boxes: (N, 4) float32 x1, y1, x2, y2 in its pixels.
        landmarks: (N, 5, 2) float32, NaN where they are not known.
        ignore: (N,) bool; nothing is learned from these faces.
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

    def without_image(self) -> "Scene":
        """The same faces with an image of no pixels, for those who have the pixels elsewhere."""
        return replace(self, image=np.empty((0, 0, 3), np.uint8))

    def take(self, chosen: NDArray[np.bool_]) -> "Scene":
        """The same image with some of its faces."""
        return replace(self, boxes=self.boxes[chosen], landmarks=self.landmarks[chosen], ignore=self.ignore[chosen])


def keep_inside(scene: Scene, *, clip: bool = True) -> Scene:
    """Ignore faces whose centre is outside, and drop those that are not seen.

    Args:
        scene: its faces may leave the image.
        clip: cut boxes at the edges; a face that is ignored is cut in any case.
    """
    height, width = scene.image.shape[:2]
    ends = floats([width, height, width, height])
    centres = (scene.boxes[:, :2] + scene.boxes[:, 2:]) / 2
    ignore = scene.ignore | ~((centres >= 0) & (centres < ends[:2])).all(axis=1)
    cut = np.clip(scene.boxes, 0, ends)
    seen = np.asarray(((cut[:, 2:] - cut[:, :2]) > 1).all(axis=1), np.bool_)
    boxes = np.where((ignore | clip)[:, None], cut, scene.boxes)
    return replace(scene, boxes=floats(boxes), ignore=ignore).take(seen)


def ignore_small(scene: Scene, min_side: float) -> Scene:
    """Ignore faces whose shorter side is below `min_side` pixels."""
    small = (scene.boxes[:, 2:] - scene.boxes[:, :2]).min(axis=1, initial=np.inf) < min_side
    return replace(scene, ignore=scene.ignore | small)
