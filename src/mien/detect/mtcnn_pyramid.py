"""The image pyramid of MTCNN: the sizes at which P-Net sees an image.

Owns scales, levels and halvings. Runs no network.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from mien.types import Image

Halvings = list[Image]
"""An image, its half, the half of that, and so on."""

WINDOW = 12
"""Side of P-Net's window in pixels."""
PADDING = 127
"""Grey around an image: the value that is nearest to 0 after normalization."""
CELL = 2
"""P-Net's stride in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MtcnnSettings:
    """MTCNN's parameters.

    Attributes:
        smallest: the smallest face that is looked for, in pixels of the working image.
        tallest: a higher image is shrunk to this height first, so that `smallest` is 5% of it.
        longest: an image with a longer side than this is also shrunk.
        factor: from one level of the pyramid to the next (the paper's 0.709, so that areas halve).
        proposal: min face probability of P-Net.
        refinement: min face probability of R-Net.
        output: min face probability of O-Net.
        largest: a window may be this much larger than the image's shorter side.
    """

    smallest: float = 32
    tallest: int = 640
    longest: int = 1280
    factor: float = 0.709
    proposal: float = 0.6
    refinement: float = 0.7
    output: float = 0.8
    largest: float = 1.6


def pyramid(width: int, height: int, settings: MtcnnSettings) -> list[float]:
    """The scales of the levels of an image of this size, finest first."""
    scale = WINDOW / settings.smallest
    coarsest = WINDOW / (settings.largest * min(width, height))
    scales = [scale]
    while scales[-1] * settings.factor >= coarsest:
        scales.append(scales[-1] * settings.factor)
    return scales


@dataclass(frozen=True, slots=True)
class Level:
    """One level of the pyramid of one image.

    Attributes:
        owner: the image's index.
        width: of the level in pixels.
        height: of the level in pixels.
        halving: which of the image's halvings it is sampled from.
        depth: its place in the image's pyramid; 0 is the finest level.
    """

    owner: int
    width: int
    height: int
    halving: int
    depth: int


def levels_of(owner: int, images: Halvings, settings: MtcnnSettings) -> list[Level]:
    """The levels of an image, finest first."""
    height, width = images[0].shape[:2]
    return [
        Level(
            owner,
            max(1, round(width * scale)),
            max(1, round(height * scale)),
            min(len(images) - 1, max(0, int(math.log2(1 / scale)))),
            depth,
        )
        for depth, scale in enumerate(pyramid(width, height, settings))
    ]


def draw_level(images: Halvings, level: Level) -> Image:
    """The image in the size of a level."""
    size = level.width, level.height
    return np.asarray(cv2.resize(images[level.halving], size, interpolation=cv2.INTER_LINEAR), np.uint8)


def working_size(image: Image, settings: MtcnnSettings) -> Image:
    """The image in the size in which faces are looked for; never enlarged."""
    height, width = image.shape[:2]
    scale = min(settings.tallest / height, settings.longest / max(height, width))
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def halvings(image: Image) -> Halvings:
    """The image and its halves, down to about 16 pixels.

    A level or patch is sampled from the nearest larger one, which costs far less than averaging the whole image for
    each.
    """
    images = [image]
    while min(images[-1].shape[:2]) >= 32:
        height, width = images[-1].shape[:2]
        half = cv2.resize(images[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        images.append(np.asarray(half, np.uint8))
    return images
