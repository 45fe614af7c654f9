"""What happens to portraits on their way: corruptions of an image before detection, each in five severities.

Owns what a corruption and its severities are. Lengths follow the distance between the eyes (IED), so that a severity
means the same in a large and in a small image. Everything random comes from the generator that is handed in.
Detects nothing and embeds nothing.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from mien.types import Floats, Image, floats

SEVERITIES = (1, 2, 3, 4, 5)
Generator = np.random.Generator
Corruption = Callable[[Image, Floats, int, Generator], Image]


def _ied(landmarks: Floats) -> float:
    """The distance between the eyes in pixels."""
    return max(4.0, float(np.linalg.norm(landmarks[1] - landmarks[0])))


def _whole(image: NDArray[Any]) -> Image:
    return np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)


def jpeg(image: Image, landmarks: Floats, severity: int, generator: Generator) -> Image:
    """JPEG at quality 40, 25, 15, 10 and 6 with halved colours."""
    quality = (40, 25, 15, 10, 6)[severity - 1]
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality, "RGB", colorsubsampling="420")
    return np.asarray(simplejpeg.decode_jpeg(data, "RGB"), np.uint8)


def blur(image: Image, landmarks: Floats, severity: int, generator: Generator) -> Image:
    """Out of focus: a Gaussian of 2 to 14% of the IED."""
    sigma = (0.02, 0.04, 0.07, 0.10, 0.14)[severity - 1] * _ied(landmarks)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(0.3, sigma)), np.uint8)


def motion(image: Image, landmarks: Floats, severity: int, generator: Generator) -> Image:
    """A movement of 6 to 40% of the IED during the exposure, in a random direction."""
    length = (0.06, 0.12, 0.2, 0.3, 0.4)[severity - 1] * _ied(landmarks)
    side = 2 * int(np.ceil(length / 2)) + 1
    angle = float(generator.uniform(0, np.pi))
    reach = length / 2 * np.array([np.cos(angle), np.sin(angle)])
    kernel = np.zeros((side, side), np.float32)
    for step in np.linspace(-1, 1, 4 * side):
        x, y = side // 2 + step * reach
        kernel[round(y), round(x)] += 1
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE), np.uint8)


def noise(image: Image, landmarks: Floats, severity: int, generator: Generator) -> Image:
    """Sensor noise: Gaussian, a deviation of 8 to 60 levels."""
    deviation = (8, 16, 28, 42, 60)[severity - 1]
    return _whole(image + generator.normal(0, deviation, image.shape).astype(np.float32))


def dark(image: Image, landmarks: Floats, severity: int, generator: Generator) -> Image:
    """Under-exposure: 60 to 10% of the light, with the noise that it leaves."""
    gain = (0.6, 0.4, 0.27, 0.17, 0.10)[severity - 1]
    return _whole(image * np.float32(gain) + generator.normal(0, 2, image.shape).astype(np.float32))


def bright(image: Image, landmarks: Floats, severity: int, generator: Generator) -> Image:
    """Over-exposure: 1.3 to 3.4 times the light, cut off at white."""
    return _whole(image * np.float32((1.3, 1.7, 2.2, 2.8, 3.4)[severity - 1]))


def side_light(image: Image, landmarks: Floats, severity: int, generator: Generator) -> Image:
    """Light from one side: the other side of the face keeps 70 to 10% of it."""
    lowest = (0.7, 0.5, 0.35, 0.2, 0.1)[severity - 1]
    middle, width = float(landmarks[:, 0].mean()), _ied(landmarks)
    ramp = 1 / (1 + np.exp(-(np.arange(image.shape[1]) - middle) / (0.35 * width)))
    ramp = ramp if generator.random() < 0.5 else 1 - ramp
    return _whole(image * floats(lowest + (1 - lowest) * ramp)[None, :, None])


def colour_cast(image: Image, landmarks: Floats, severity: int, generator: Generator) -> Image:
    """Wrong white balance: one channel gains and another loses 10 to 50%."""
    share = (0.1, 0.2, 0.3, 0.4, 0.5)[severity - 1]
    gains = np.ones(3, np.float32)
    up, down = generator.permutation(3)[:2]
    gains[up], gains[down] = 1 + share, 1 - share
    return _whole(image * gains)


def rotation(image: Image, landmarks: Floats, severity: int, generator: Generator) -> Image:
    """The head or the camera tilted by 4 to 25 degrees, either way."""
    angle = (4, 8, 13, 19, 25)[severity - 1] * (1 if generator.random() < 0.5 else -1)
    centre = landmarks.mean(axis=0)
    matrix = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), angle, 1.0)
    size = image.shape[1], image.shape[0]
    return np.asarray(cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def rescaling(image: Image, landmarks: Floats, severity: int, generator: Generator) -> Image:
    """Shrunk until the eyes are 32 to 8 pixels apart, and enlarged again."""
    share = min(1.0, (32, 24, 16, 11, 8)[severity - 1] / _ied(landmarks))
    size = image.shape[1], image.shape[0]
    small = cv2.resize(
        image, (max(1, round(size[0] * share)), max(1, round(size[1] * share))), interpolation=cv2.INTER_AREA
    )
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def print_scan(image: Image, landmarks: Floats, severity: int, generator: Generator) -> Image:
    """Printed and scanned: fewer levels, a printer's dots, paper, a little blur and tilt, and JPEG."""
    level = severity - 1
    ied = _ied(landmarks)
    page = cv2.GaussianBlur(image, (0, 0), max(0.3, (0.01, 0.015, 0.02, 0.03, 0.04)[level] * ied)).astype(np.float32)
    # Ink fills the shadows and paper is not white.
    contrast = (0.92, 0.85, 0.78, 0.7, 0.6)[level]
    page = 18 + 10 * level + page * np.float32(contrast)
    rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    pitch = max(2.0, (0.03, 0.035, 0.04, 0.05, 0.06)[level] * ied)
    dots = np.sin(2 * np.pi * (rows + columns) / (pitch * 1.414)) * np.sin(
        2 * np.pi * (rows - columns) / (pitch * 1.414)
    )
    page += ((4, 8, 13, 19, 26)[level] * dots[..., None]).astype(np.float32)
    page += generator.normal(0, (3, 5, 8, 11, 15)[level], (*image.shape[:2], 1)).astype(np.float32)
    tilted = rotation(_whole(page), landmarks, 1, generator) if severity > 2 else _whole(page)
    return jpeg(tilted, landmarks, max(1, severity - 2), generator)


def grey_of(pixels: Floats) -> Floats:
    """The mean of the colours of whole levels: (H, W, 1); exact, and quicker than a mean over so short an axis."""
    return (pixels[:, :, :1] + pixels[:, :, 1:2] + pixels[:, :, 2:]) / np.float32(3)


def glasses(image: Image, landmarks: Floats, severity: int, generator: Generator) -> Image:
    """Glasses drawn over the eyes: thin rims, thick rims, and lenses that let 70, 35 and 5% of the light through."""
    drawn = image.copy()
    ied = _ied(landmarks)
    left, right = landmarks[0], landmarks[1]
    angle = float(np.degrees(np.arctan2(right[1] - left[1], right[0] - left[0])))
    axes = round(0.40 * ied), round(0.30 * ied)
    rim = max(1, round((0.035, 0.08, 0.06, 0.06, 0.08)[severity - 1] * ied))
    colour = tuple(int(value) for value in generator.integers(10, 70, 3))
    clear = (1.0, 1.0, 0.7, 0.35, 0.05)[severity - 1]
    for eye in (left, right):
        place = round(float(eye[0])), round(float(eye[1]))
        lens = np.zeros(image.shape[:2], np.uint8)
        cv2.ellipse(lens, place, axes, angle, 0, 360, 1, -1)
        shade = drawn * np.float32(clear) + np.float32(20 * (1 - clear))
        drawn = np.where(lens[..., None] > 0, _whole(shade), drawn)
        cv2.ellipse(drawn, place, axes, angle, 0, 360, colour, rim, cv2.LINE_AA)
    along = (right - left) / ied
    for start, end in (
        (left + along * axes[0], right - along * axes[0]),
        (left - along * axes[0], left - along * ied),
        (right + along * axes[0], right + along * ied),
    ):
        ends = [(round(float(point[0])), round(float(point[1]))) for point in (start, end)]
        cv2.line(drawn, ends[0], ends[1], colour, rim, cv2.LINE_AA)
    return drawn


def mask(image: Image, landmarks: Floats, severity: int, generator: Generator) -> Image:
    """A mask drawn over mouth and chin, its upper edge from below the mouth (1) to the middle of the nose (5)."""
    ied = _ied(landmarks)
    eyes, mouth = landmarks[:2].mean(axis=0), landmarks[3:].mean(axis=0)
    nose = landmarks[2]
    across = (landmarks[1] - landmarks[0]) / ied
    down = (mouth - eyes) / max(1.0, float(np.linalg.norm(mouth - eyes)))
    share = (1.35, 0.9, 0.5, 0.0, -0.35)[severity - 1]
    top = nose + (mouth - nose) * share
    chin = mouth + down * 0.85 * ied
    outline = [
        top - across * 1.15 * ied + down * 0.12 * ied,
        top,
        top + across * 1.15 * ied + down * 0.12 * ied,
        mouth + across * 1.0 * ied + down * 0.35 * ied,
        chin + across * 0.45 * ied,
        chin - across * 0.45 * ied,
        mouth - across * 1.0 * ied + down * 0.35 * ied,
    ]
    colours = ((225, 235, 240), (150, 190, 215), (40, 40, 45), (235, 235, 235))
    colour = np.array(colours[int(generator.integers(len(colours)))], np.float32)
    shape = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(shape, [np.rint(np.array(outline)).astype(np.int32)], 1)
    light = grey_of(image.astype(np.float32))
    folds = 0.75 + 0.25 * cv2.GaussianBlur(light, (0, 0), 0.15 * ied)[..., None] / 255
    return np.where(shape[..., None] > 0, _whole(colour * folds), image)


CORRUPTIONS: dict[str, Corruption] = {
    "jpeg": jpeg,
    "blur": blur,
    "motion": motion,
    "noise": noise,
    "dark": dark,
    "bright": bright,
    "side light": side_light,
    "colour cast": colour_cast,
    "rotation": rotation,
    "rescaling": rescaling,
    "print and scan": print_scan,
    "glasses": glasses,
    "mask": mask,
}
"""A new corruption is one function and one line."""


def corrupt(image: Image, landmarks: Floats, name: str, severity: int, seed: int) -> Image:
    """Apply a corruption.

    Args:
        image: (H, W, 3) uint8 RGB, an image as it is before detection.
        landmarks: (5, 2) float32 pixels of it.
        name: a key of CORRUPTIONS.
        severity: 1 to 5.
        seed: the same seed gives the same image.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    generator = np.random.default_rng([seed, severity, *name.encode()])
    return CORRUPTIONS[name](image, landmarks, severity, generator)
