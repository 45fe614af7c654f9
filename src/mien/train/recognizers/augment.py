"""Augmentation of aligned crops: each kind with its own probability; only the mirror is on unless a recipe says so.

Strong augmentation has lowered accuracy elsewhere, so every range here is mild and stays within what photographs of
faces look like. What is done to a crop follows from the generator alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import simplejpeg

from mien.evaluate.corruptions import glasses as draw_glasses
from mien.evaluate.corruptions import grey_of
from mien.evaluate.corruptions import mask as draw_mask
from mien.templates import TEMPLATES
from mien.types import Floats, Image

Generator = np.random.Generator

JPEG_QUALITY = (20, 80)
"""From what messengers make of a photograph to what cameras store; both ends are possible."""

BLUR_SIGMA = (0.4, 1.6)
"""Pixels of a crop of 112."""

DOWNSCALE_SIDE = (0.25, 0.8)
"""Share of the crop's side."""

SHIFT = 0.04
"""Share of the crop's side, in each direction."""

TURN = 5.0
"""Degrees, in each direction."""

ZOOM = (0.92, 1.08)

BRIGHTNESS = CONTRAST = (0.75, 1.25)
SATURATION = (0.6, 1.4)
CHANNEL_GAIN = (0.95, 1.05)


def mirror(crop: Image, landmarks: Floats, generator: Generator) -> Image:
    """Exchange left and right."""
    return np.asarray(cv2.flip(crop, 1), np.uint8)


def colour(crop: Image, landmarks: Floats, generator: Generator) -> Image:
    """Change brightness and contrast by up to 25%, saturation by up to 40%, each colour by up to 5%."""
    pixels = crop.astype(np.float32)
    grey = grey_of(pixels)
    pixels -= grey
    pixels *= np.float32(generator.uniform(*SATURATION))
    pixels += grey
    middle = pixels.mean()
    pixels -= middle
    pixels *= np.float32(generator.uniform(*CONTRAST))
    pixels += middle
    gains = generator.uniform(*BRIGHTNESS) * generator.uniform(*CHANNEL_GAIN, 3)
    pixels *= gains.astype(np.float32)
    np.rint(pixels, out=pixels)
    return np.clip(pixels, 0, 255, out=pixels).astype(np.uint8)


def jpeg(crop: Image, landmarks: Floats, generator: Generator) -> Image:
    """Compress as JPEG at a quality of 20 to 80, with colours at half the resolution."""
    quality = int(generator.integers(*JPEG_QUALITY, endpoint=True))
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(crop), quality, "RGB", colorsubsampling="420")
    return np.asarray(simplejpeg.decode_jpeg(data, "RGB"), np.uint8)


def blur(crop: Image, landmarks: Floats, generator: Generator) -> Image:
    """Put out of focus: a Gaussian of 0.4 to 1.6 pixels in a crop of 112."""
    sigma = float(generator.uniform(*BLUR_SIGMA)) * crop.shape[0] / 112
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), sigma), np.uint8)


def downscale(crop: Image, landmarks: Floats, generator: Generator) -> Image:
    """Show a face from far away: shrink to 25 to 80% of the side and enlarge again."""
    side = crop.shape[0]
    small = max(8, round(side * float(generator.uniform(*DOWNSCALE_SIDE))))
    shrunk = cv2.resize(crop, (small, small), interpolation=cv2.INTER_AREA)
    back = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST)[int(generator.integers(3))]
    return np.asarray(cv2.resize(shrunk, (side, side), interpolation=back), np.uint8)


def crop_again(crop: Image, landmarks: Floats, generator: Generator) -> Image:
    """Align imprecisely: move by up to 4%, turn by up to 5 degrees, scale to 92 to 108%; the rest is black."""
    side = crop.shape[0]
    turn, zoom = float(generator.uniform(-TURN, TURN)), float(generator.uniform(*ZOOM))
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), turn, zoom)
    matrix[:, 2] += generator.uniform(-SHIFT, SHIFT, 2) * side
    return np.asarray(cv2.warpAffine(crop, matrix, (side, side), flags=cv2.INTER_LINEAR), np.uint8)


def mask(crop: Image, landmarks: Floats, generator: Generator) -> Image:
    """Draw a mask over mouth and chin, and over more or less of the nose."""
    return draw_mask(crop, landmarks, int(generator.integers(1, 5)), generator)


def glasses(crop: Image, landmarks: Floats, generator: Generator) -> Image:
    """Draw glasses over the eyes: thin or thick rims, clear or grey lenses."""
    return draw_glasses(crop, landmarks, int(generator.integers(1, 4)), generator)


@dataclass(frozen=True, slots=True)
class CropAugmentation:
    """One kind of augmentation; its name is a key of a recipe's [augment].

    Attributes:
        apply: changes a crop, given the landmarks of its template and the only source of random numbers.
        probability: unless a recipe has another one.
        drawn: whether it is drawn at landmarks, which only the arcface template's crops have room for.
    """

    apply: Callable[[Image, Floats, Generator], Image]
    probability: float = 0.0
    drawn: bool = False


AUGMENTATIONS: dict[str, CropAugmentation] = {
    "glasses": CropAugmentation(glasses, drawn=True),
    "mask": CropAugmentation(mask, drawn=True),
    "crop": CropAugmentation(crop_again),
    "colour": CropAugmentation(colour),
    "blur": CropAugmentation(blur),
    "downscale": CropAugmentation(downscale),
    "jpeg": CropAugmentation(jpeg),
    "mirror": CropAugmentation(mirror, probability=0.5),
}
"""In the order in which they happen to a face: what it wears, how it is seen, how it is stored.

A new augmentation is one function and one line.
"""


NOWHERE = np.zeros((5, 2), np.float32)
"""Landmarks where nothing is drawn."""


def augment(crop: Image, template: str, probabilities: Mapping[str, float], generator: Generator) -> Image:
    """Apply each kind of augmentation with its probability.

    Args:
        crop: (size, size, 3) uint8 RGB, aligned.
        template: its pose, which says where eyes and mouth are.
        probabilities: by name; kinds without one are off.
        generator: the only source of random numbers.
    """
    drawn = any(probabilities.get(name, 0.0) for name, kind in AUGMENTATIONS.items() if kind.drawn)
    landmarks = TEMPLATES[template](crop.shape[0]).points if drawn else NOWHERE
    for name, kind in AUGMENTATIONS.items():
        probability = probabilities.get(name, 0.0)
        if probability and generator.random() < probability:
            crop = kind.apply(crop, landmarks, generator)
    return crop
