"""Augmentation of aligned crops: each kind with its own probability, all off but the mirror unless a recipe says so.

Strong augmentation has cost others accuracy, so every range here is mild, and stays within what photographs of faces
look like. What is done to a crop follows from the generator alone.
"""

from collections.abc import Callable

import cv2
import numpy as np
import simplejpeg

from mien.evaluate.corruptions import glasses as draw_glasses
from mien.evaluate.corruptions import mask as draw_mask
from mien.templates import TEMPLATES
from mien.train.recognizers.recipe import Augment
from mien.types import Floats, Image

Generator = np.random.Generator


def mirror(crop: Image, landmarks: Floats, generator: Generator) -> Image:
    """Left and right exchanged."""
    return np.ascontiguousarray(crop[:, ::-1])


def colour(crop: Image, landmarks: Floats, generator: Generator) -> Image:
    """Brightness and contrast within 25%, saturation within 40%, each colour within 5%."""
    pixels = crop.astype(np.float32)
    grey = pixels.mean(axis=2, keepdims=True)
    pixels = grey + (pixels - grey) * np.float32(generator.uniform(0.6, 1.4))
    middle = pixels.mean()
    pixels = middle + (pixels - middle) * np.float32(generator.uniform(0.75, 1.25))
    gains = generator.uniform(0.75, 1.25) * generator.uniform(0.95, 1.05, 3)
    return np.asarray(np.clip(np.rint(pixels * gains.astype(np.float32)), 0, 255), np.uint8)


def jpeg(crop: Image, landmarks: Floats, generator: Generator) -> Image:
    """JPEG at a quality of 20 to 80 with halved colours."""
    quality = int(generator.integers(20, 81))
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(crop), quality, "RGB", colorsubsampling="420")
    return np.asarray(simplejpeg.decode_jpeg(data, "RGB"), np.uint8)


def blur(crop: Image, landmarks: Floats, generator: Generator) -> Image:
    """Out of focus: a Gaussian of 0.4 to 1.6 pixels in a crop of 112."""
    sigma = float(generator.uniform(0.4, 1.6)) * crop.shape[0] / 112
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), sigma), np.uint8)


def downscale(crop: Image, landmarks: Floats, generator: Generator) -> Image:
    """A face photographed from afar: shrunk to 25 to 80% and enlarged again."""
    side = crop.shape[0]
    small = max(8, round(side * float(generator.uniform(0.25, 0.8))))
    shrunk = cv2.resize(crop, (small, small), interpolation=cv2.INTER_AREA)
    back = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST)[int(generator.integers(3))]
    return np.asarray(cv2.resize(shrunk, (side, side), interpolation=back), np.uint8)


def crop_again(crop: Image, landmarks: Floats, generator: Generator) -> Image:
    """Aligned a little off: moved by up to 4%, turned by up to 5 degrees, 92 to 108% as large; the rest is black."""
    side = crop.shape[0]
    matrix = cv2.getRotationMatrix2D(
        (side / 2, side / 2), float(generator.uniform(-5, 5)), float(generator.uniform(0.92, 1.08))
    )
    matrix[:, 2] += generator.uniform(-0.04, 0.04, 2) * side
    return np.asarray(cv2.warpAffine(crop, matrix, (side, side), flags=cv2.INTER_LINEAR), np.uint8)


def mask(crop: Image, landmarks: Floats, generator: Generator) -> Image:
    """A mask drawn over mouth and chin, and more or less of the nose."""
    return draw_mask(crop, landmarks, int(generator.integers(1, 5)), generator)


def glasses(crop: Image, landmarks: Floats, generator: Generator) -> Image:
    """Glasses drawn over the eyes: thin or thick rims, clear or grey lenses."""
    return draw_glasses(crop, landmarks, int(generator.integers(1, 4)), generator)


Kind = Callable[[Image, Floats, Generator], Image]

KINDS: dict[str, Kind] = {
    "glasses": glasses,
    "mask": mask,
    "crop": crop_again,
    "colour": colour,
    "blur": blur,
    "downscale": downscale,
    "jpeg": jpeg,
    "mirror": mirror,
}
"""In the order in which a face meets them: what it wears, how it is seen, how it is stored."""


def augment(crop: Image, template: str, chances: Augment, generator: Generator) -> Image:
    """Apply each kind with its probability.

    Args:
        crop: (size, size, 3) uint8 RGB, aligned.
        template: its pose, which says where eyes and mouth are.
        chances: of each kind.
        generator: the only source of chance.
    """
    landmarks = TEMPLATES[template](crop.shape[0]).points if chances.mask or chances.glasses else _NOWHERE
    for name, apply in KINDS.items():
        chance = getattr(chances, name)
        if chance and generator.random() < chance:
            crop = apply(crop, landmarks, generator)
    return crop


_NOWHERE = np.zeros((5, 2), np.float32)
