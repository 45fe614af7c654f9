"""What measures read: the image with its facts, and one face of it, upright and at a fixed size.

Every face is warped to a chip of 224x224 pixels in which the eyes are level and 64 pixels apart, so that a length in
the chip is a share of the face and not of the file. The image's own pixels around the face are kept too, for what
resampling would hide. Everything is computed once here and read by many. Finds no faces and applies no rule.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, wraps
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.align import warp
from mien.detect.turning import turn_back, turn_image
from mien.geometry import similarity, transform
from mien.portrait.measures.pose import DEFAULT_POPULATION, Population, Pose, estimate
from mien.portrait.measures.spectrum import Peaks, deviation, find_peaks, power, quick_side
from mien.templates import ARCFACE_112, PointsTemplate
from mien.types import Face, Faces, Floats, Image, floats

CHIP = 224
"""Width and height of a chip in pixels."""
IED = 64.0
"""Pixels between the eyes in a chip of a frontal face."""
EYE_LINE = 88.0
"""Row of the eyes in a chip."""
ZONE = 0.3 * IED
"""Side of a measuring zone in pixels of the chip."""
EDGE = 1.2
"""Deviation in pixels of the chip of the smoothing before edges are looked for."""

_SCALE = IED / float(np.linalg.norm(ARCFACE_112[1] - ARCFACE_112[0]))
_EYES = ARCFACE_112[:2].mean(axis=0)
CHIP_POSE = PointsTemplate(
    (ARCFACE_112 - _EYES) * np.float32(_SCALE) + floats([CHIP / 2, EYE_LINE]), np.eye(5, dtype=np.float32)
)
"""Where the five landmarks of a mean face are in a chip."""

NATIVE = 192
"""Maximum side, in the image's own pixels, of the part around a face that is read."""

Values = TypeVar("Values", Floats, Image)

SMALL = 160
"""Maximum pixels along the longer side of the copy in which borders and stamps are sought."""

CHIN = 1.83
"""From between the eyes to the chin, in distances from there to the mouth (docs/log.md)."""

SRGB = np.where(
    np.arange(256) <= 0.04045 * 255,
    np.arange(256) / 255 / 12.92,
    ((np.arange(256) / 255 + 0.055) / 1.055) ** 2.4,
).astype(np.float32)
"""Linear light of an 8-bit sRGB level, 0 to 1 (IEC 61966-2-1)."""

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Weights of linear red, green and blue in luminance (ISO/IEC 29794-5; Rec. 709)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PortraitImage:
    """A decoded image, its faces, and what its file says.

    Attributes:
        image: (H, W, 3) uint8 RGB, upright, perhaps reduced while decoding.
        width: of the upright image in the file, in pixels.
        height: of the upright image in the file, in pixels.
        faces: in pixels of `image`.
        chosen: the face that the portrait is of; None where there is none.
        jpeg_quality: 1 to 100, estimated from the quantization table of a JPEG; None for other formats.
        turn: degrees clockwise by which the file's image was turned for its faces to be upright.
    """

    image: Image
    width: int
    height: int
    faces: Faces = ()
    chosen: int | None = None
    jpeg_quality: float | None = None
    turn: int = 0

    @cached_property
    def small(self) -> Image:
        """The image with cells of whole pixels averaged, so that its longer side is 80 to 160 pixels."""
        factor = -(-max(self.image.shape[:2]) // SMALL)
        if factor == 1:
            return self.image
        height, width = (side // factor * factor for side in self.image.shape[:2])
        if not height or not width:
            return self.image
        size = width // factor, height // factor
        return np.asarray(cv2.resize(self.image[:height, :width], size, interpolation=cv2.INTER_AREA), np.uint8)

    @property
    def reduction(self) -> float:
        """Pixels of the file that one pixel of `image` spans."""
        return float(max(self.width, self.height) / max(self.image.shape[:2]))

    def upright(self) -> "PortraitImage":
        """The image turned so that the chosen face is upright; itself where it is."""
        turn = 0 if self.chosen is None else self.face.turn
        if not turn:
            return self
        image = turn_image(self.image, turn)
        height, width = image.shape[:2]
        faces = tuple(replace(turn_back(face, 360 - turn, width, height), turn=0) for face in self.faces)
        sides = (self.width, self.height) if turn == 180 else (self.height, self.width)
        return replace(self, image=image, width=sides[0], height=sides[1], faces=faces, turn=turn)

    @property
    def face(self) -> Face:
        """The chosen face."""
        assert self.chosen is not None
        return self.faces[self.chosen]


@dataclass(frozen=True, eq=False, kw_only=True)
class FaceChip:
    """One face, prepared for measuring.

    Attributes:
        portrait: where it is.
        pixels: (224, 224, 3) uint8 RGB; pixels outside the image repeat its border.
        points: (5, 2) the landmarks in the chip.
        grey: (224, 224) float32 luma of the chip, 0 to 255.
        light: (224, 224) float32 luminance of the chip in linear light, 0 to 1.
        inside: (n,) float32 luminance of the face, from the brows to the chin.
        native: (h, w) float32 luma of the image's own pixels around the face, at most 192 along a side.
        native_scale: pixels of `native` between the eyes.
        spectrum: (n, n) float32 power of each frequency of `native`; see mien.portrait.measures.spectrum.
        noise: deviation of the noise in levels, where `native` is smooth.
        pose: of the head, from the five landmarks.
        back: (2, 3) the way from the chip to pixels of the portrait's `image`.
        extra: what models that a user has added say of this face; see mien.portrait.measures.model_measures.
        taken: measures that were taken of it already, by name; see `once`.
    """

    portrait: PortraitImage
    pixels: Image
    points: Floats
    grey: Floats
    light: Floats
    inside: Floats
    native: Floats
    native_scale: float
    spectrum: Floats
    noise: float
    pose: Pose
    back: NDArray[np.float64]
    extra: dict[str, Floats] = field(default_factory=dict)
    taken: dict[str, float] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def peaks(self) -> Peaks | None:
        """The peaks of periodic patterns in the spectrum; None where the face is too small."""
        return find_peaks(self.spectrum)

    @cached_property
    def eyes(self) -> Floats:
        """The point between the eyes in the chip."""
        return floats(self.points[:2].mean(axis=0))

    @cached_property
    def down(self) -> Floats:
        """From between the eyes to the middle of the mouth, in the chip."""
        return floats(self.points[3:].mean(axis=0) - self.eyes)

    @cached_property
    def zones(self) -> dict[str, Floats]:
        """Centres of the measuring zones: forehead, left and right cheek, chin, as the viewer sees them.

        Their squares are those of ISO/IEC 39794-5, Annex D.1.
        """
        half = self.down / 2
        return {
            "forehead": floats(self.eyes - half),
            "left cheek": floats(self.points[0] + half),
            "right cheek": floats(self.points[1] + half),
            "chin": floats(self.eyes + 3 * half),
        }

    @cached_property
    def cheeks(self) -> tuple[Floats, Floats]:
        """The luminance of the measuring zones on the left and the right cheek."""
        left, right = (zone(self.light, self.zones[name], ZONE) for name in ("left cheek", "right cheek"))
        return left, right

    @cached_property
    def chroma(self) -> float:
        """Mean distance from grey of the face's pixels in the plane of a and b of CIELAB."""
        small = lab(np.ascontiguousarray(self.pixels[40:212:4, 48:176:4]))
        return float(cv2.mean(cv2.magnitude(small[..., 1], small[..., 2]))[0])

    @cached_property
    def smooth(self) -> Floats:
        """(224, 224) `grey` without what is finer than the edges that measures look for."""
        return floats(cv2.GaussianBlur(self.grey, (0, 0), EDGE))

    @cached_property
    def contrast(self) -> float:
        """Deviation of the luma of the face, in levels; 6 and more, so that it can be divided by."""
        return max(6.0, float(cv2.meanStdDev(self.grey, mask=OVAL_MASK)[1][0, 0]))


def once(measure: Callable[[FaceChip], float]) -> Callable[[FaceChip], float]:
    """A measure that is taken once per face, however many tables ask for it: scope and quality share some."""
    name = f"{measure.__module__}.{measure.__qualname__}"

    @wraps(measure)
    def taken(chip: FaceChip) -> float:
        if name not in chip.taken:
            chip.taken[name] = measure(chip)
        return chip.taken[name]

    return taken


def make_face_chip(portrait: PortraitImage, population: Population = DEFAULT_POPULATION) -> FaceChip:
    """Prepare the chosen face of an image.

    Args:
        portrait: with a chosen face.
        population: whose face it may be; see mien.portrait.measures.pose.

    Raises:
        DegenerateLandmarksError: its landmarks fix no pose.
    """
    landmarks = portrait.face.landmarks
    matrix = similarity(landmarks.astype(np.float32), CHIP_POSE.points)
    pixels = warp(portrait.image, matrix, (CHIP, CHIP), repeat_border=True)
    light = luminance(pixels)
    native, ied = _native(portrait, 1 / float(np.hypot(matrix[0, 0], matrix[1, 0])))
    return FaceChip(
        portrait=portrait,
        pixels=pixels,
        points=transform(landmarks, matrix),
        grey=cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32),
        light=light,
        inside=light.reshape(-1)[OVAL],
        native=native,
        native_scale=ied,
        spectrum=power(native),
        noise=deviation(native),
        pose=estimate(landmarks, population),
        back=np.asarray(cv2.invertAffineTransform(matrix), np.float64),
    )


def luminance(image: Image) -> Floats:
    """Luminance in linear light, 0 to 1, of an sRGB image."""
    return floats(cv2.transform(cv2.LUT(image, SRGB), LUMINANCE[None]))


def lab(image: Image) -> Floats:
    """CIELAB (D65) of an sRGB image: L 0 to 100, a and b about -128 to 127."""
    return floats(cv2.cvtColor(image.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB))


def _native(portrait: PortraitImage, spread: float) -> tuple[Floats, float]:
    """Luma of the image's pixels around the face, and the eyes' distance in it.

    Args:
        portrait: whose chosen face is meant.
        spread: pixels of the image that one pixel of the chip spans.
    """
    image, landmarks = portrait.image, portrait.face.landmarks
    side = quick_side(min(NATIVE, int(CHIP * spread), *image.shape[:2]))
    centre = landmarks.mean(axis=0)
    left, top = (int(np.clip(c - side / 2, 0, n - side)) for c, n in zip(centre, image.shape[1::-1], strict=True))
    part = np.ascontiguousarray(image[top : top + side, left : left + side])
    return cv2.cvtColor(part, cv2.COLOR_RGB2GRAY).astype(np.float32), IED * spread


def zone(values: Values, centre: Floats, side: float) -> Values:
    """The square part of a chip around a point, cut at its border.

    Args:
        values: (224, 224) or (224, 224, 3).
        centre: x, y in the chip.
        side: in pixels of the chip.
    """
    reach = max(2, round(side))
    x1, y1 = (min(max(round(float(c) - side / 2), 0), CHIP - 2) for c in centre)
    return values[y1 : y1 + reach, x1 : x1 + reach]


def oval() -> NDArray[np.bool_]:
    """The part of a chip that a face covers, from the brows to the chin: (224, 224) bool."""
    rows, columns = np.mgrid[0:CHIP, 0:CHIP]
    x, y = (columns - CHIP / 2) / (0.94 * IED), (rows - EYE_LINE - 0.62 * IED) / (1.12 * IED)
    return np.asarray(x * x + y * y <= 1)


OVAL_MASK = oval().astype(np.uint8)
OVAL = np.flatnonzero(OVAL_MASK)
"""Those pixels' places in a chip that is read row by row."""
