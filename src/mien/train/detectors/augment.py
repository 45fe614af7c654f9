"""Augmentation of annotated images: boxes, landmarks and what is ignored move with the pixels.

First a random square, perhaps a mosaic of four, then each kind of change with its own probability. What is done
follows from the generator alone. Reads no file.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.train.detectors.scene import Scene, keep_inside
from mien.types import Image

Generator = np.random.Generator

MIRRORED = [1, 0, 2, 4, 3]
"""The landmarks of the mirrored image, in the viewer's order."""

SHRINKS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_AREA, cv2.INTER_CUBIC)
ENLARGES = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)

LOG_GAMMA = (-0.7, 0.7)
"""Natural logarithm of the gamma, which is about 0.5 to 2."""
CONTRAST = (0.7, 1.3)
BRIGHTNESS = (-0.15, 0.15)
"""Shares of the range from black to white, added to every pixel."""
CHANNEL_GAIN = (0.9, 1.1)
SATURATION = (0.5, 1.0)
BLUR_SIGMA = (0.5, 2.5)
"""Pixels of the input."""
MOSAIC_CENTRE = (0.3, 0.7)
"""Shares of the side between which the four quarters meet."""


@dataclass(frozen=True, slots=True)
class Squares:
    """How a random square is chosen.

    Attributes:
        smallest: minimum side, as a share of the image's shorter side.
        largest: maximum side; beyond the image there is one colour.
        near: probability that the square is placed around a face instead of anywhere.
        clip: cut boxes at the edges of the square; else a box says where the whole face would be.
        shares: sides that are drawn from, each equally often, in place of `smallest` and `largest`.
    """

    smallest: float = 0.3
    largest: float = 2.0
    near: float = 0.5
    clip: bool = True
    shares: tuple[float, ...] = ()


def square(scene: Scene, side: int, squares: Squares, generator: Generator) -> Scene:
    """Take a random square of the image, scaled to side x side; one colour where it leaves the image.

    A face whose centre is inside stays, with its box cut at the edges or whole. A face whose centre is outside is
    ignored as far as it is seen.
    """
    height, width = scene.image.shape[:2]
    reach = min(width, height) * _share(squares, generator)
    x, y = _corner(scene, reach, squares.near, generator)
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
    return keep_inside(scene.moved(canvas, scale, (-x * scale, -y * scale)), clip=squares.clip)


def _share(squares: Squares, generator: Generator) -> float:
    """Below and above the whole image equally often, so that large shares are not more frequent than small ones.

    Or one of a list, each equally often, as SCRFD's authors draw.
    """
    if squares.shares:
        return squares.shares[int(generator.integers(len(squares.shares)))]
    low, high = squares.smallest, squares.largest
    if low < 1 < high:
        return float(generator.uniform(low, 1) if generator.random() < 0.5 else generator.uniform(1, high))
    return float(generator.uniform(low, max(low, high)))


def _corner(scene: Scene, reach: float, near: float, generator: Generator) -> tuple[float, float]:
    height, width = scene.image.shape[:2]
    wanted = np.flatnonzero(~scene.ignore)
    if len(wanted) and generator.random() < near:
        box = scene.boxes[wanted[int(generator.integers(len(wanted)))]]
        centre = (box[:2] + box[2:]) / 2
        # The face may be anywhere in the square, as whole as possible.
        room = np.maximum(0, reach / 2 - (box[2:] - box[:2]) / 2)
        middle = centre + generator.uniform(-1, 1, 2) * room
        return float(middle[0] - reach / 2), float(middle[1] - reach / 2)
    return (
        float(generator.uniform(min(0, width - reach), max(0, width - reach))),
        float(generator.uniform(min(0, height - reach), max(0, height - reach))),
    )


def mosaic(scenes: Sequence[Scene], side: int, generator: Generator, *, clip: bool = True) -> Scene:
    """Put four square scenes into the quarters around a random point (Bochkovskiy et al., arXiv 2004.10934).

    Args:
        scenes: four, of any sides; each is shrunk to cover its quarter and cut.
        side: of the result.
        generator: chooses the point.
        clip: cut boxes at the edges of their quarter.
    """
    x, y = (int(v) for v in generator.uniform(*MOSAIC_CENTRE, 2) * side)
    canvas = np.zeros((side, side, 3), np.uint8)
    parts = []
    quarters = ((0, 0, x, y), (x, 0, side, y), (0, y, x, side), (x, y, side, side))
    for scene, (left, top, right, bottom) in zip(scenes, quarters, strict=True):
        width, height = right - left, bottom - top
        scale = max(width / scene.image.shape[1], height / scene.image.shape[0])
        size = max(width, round(scene.image.shape[1] * scale)), max(height, round(scene.image.shape[0] * scale))
        small = np.asarray(cv2.resize(scene.image, size, interpolation=cv2.INTER_AREA), np.uint8)[:height, :width]
        canvas[top:bottom, left:right] = small
        parts.append(keep_inside(scene.moved(small, scale, (0, 0)), clip=clip).moved(canvas, 1, (left, top)))
    return Scene(
        canvas,
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.landmarks for part in parts]),
        np.concatenate([part.ignore for part in parts]),
    )


def mirror(scene: Scene, generator: Generator) -> Scene:
    """Exchange left and right, also of the landmarks."""
    width = scene.image.shape[1]
    boxes = scene.boxes.copy()
    boxes[:, [0, 2]] = width - scene.boxes[:, [2, 0]]
    landmarks = scene.landmarks[:, MIRRORED].copy()
    landmarks[..., 0] = width - landmarks[..., 0]
    return replace(scene, image=np.ascontiguousarray(scene.image[:, ::-1]), boxes=boxes, landmarks=landmarks)


def colour(scene: Scene, generator: Generator) -> Scene:
    """Change gamma (about 0.5 to 2), contrast by up to 30%, brightness by up to 15%, each colour by up to 10%.

    In half of the cases also the saturation, to between half and all.
    """
    ramp = (np.arange(256) / 255) ** np.exp(generator.uniform(*LOG_GAMMA))
    ramp = (ramp - 0.5) * generator.uniform(*CONTRAST) + 0.5 + generator.uniform(*BRIGHTNESS)
    table = ramp[:, None] * generator.uniform(*CHANNEL_GAIN, 3) * 255
    image = cv2.LUT(scene.image, np.clip(np.rint(table), 0, 255).astype(np.uint8)[None])
    if generator.random() < 0.5:
        image = cv2.addWeighted(image, keep := float(generator.uniform(*SATURATION)), _grey(image), 1 - keep, 0)
    return replace(scene, image=np.asarray(image, np.uint8))


def grey(scene: Scene, generator: Generator) -> Scene:
    """Remove the colour."""
    return replace(scene, image=_grey(scene.image))


def _grey(image: Image) -> Image:
    return np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)


def blur(scene: Scene, generator: Generator) -> Scene:
    """Put out of focus: a Gaussian of 0.5 to 2.5 pixels."""
    soft = cv2.GaussianBlur(scene.image, (0, 0), float(generator.uniform(*BLUR_SIGMA)))
    return replace(scene, image=np.asarray(soft, np.uint8))


@dataclass(frozen=True, slots=True)
class SceneAugmentation:
    """One kind of augmentation; its name is a key of a recipe's [augment].

    Attributes:
        apply: changes a scene; the generator is the only source of random numbers.
        probability: unless a recipe has another one.
    """

    apply: Callable[[Scene, Generator], Scene]
    probability: float = 0.0


AUGMENTATIONS: dict[str, SceneAugmentation] = {
    "colour": SceneAugmentation(colour, probability=0.5),
    "grey": SceneAugmentation(grey),
    "blur": SceneAugmentation(blur),
    "mirror": SceneAugmentation(mirror, probability=0.5),
}
"""In the order in which they are applied. A new augmentation is one function and one line."""


@dataclass(frozen=True, slots=True)
class ScenePlan:
    """What is done to an image.

    Attributes:
        side: width and height of the input.
        squares: how a part of the image is chosen.
        mosaic: probability that four images share an input.
        probabilities: of the kinds of augmentation, by name.
    """

    side: int
    squares: Squares
    mosaic: float
    probabilities: Mapping[str, float]


def augment(read: Callable[[], Scene], more: Callable[[], Scene], plan: ScenePlan, generator: Generator) -> Scene:
    """Make one input: a random square of an image, or of four, with each kind of change by its probability.

    Args:
        read: gives the image.
        more: gives another one, for a mosaic.
        plan: what is done.
        generator: the only source of random numbers.
    """
    scene = square(read(), plan.side, plan.squares, generator)
    if plan.mosaic and generator.random() < plan.mosaic:
        others = [square(more(), plan.side, plan.squares, generator) for _ in range(3)]
        scene = mosaic([scene, *others], plan.side, generator, clip=plan.squares.clip)
    for name, kind in AUGMENTATIONS.items():
        probability = plan.probabilities.get(name, 0.0)
        if probability and generator.random() < probability:
            scene = kind.apply(scene, generator)
    return scene
