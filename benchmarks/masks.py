"""The rule about masks on masks of many kinds that are drawn on photographs of people it was not fitted on.

A kind is a shape (surgical, cloth, N95, gaiter), a colour and a pattern; straps, folds, light and grain come on top,
then JPEG; faces are detected again. They are drawings: what is found of them is an upper limit of what is found of
real masks, which were not available. Beige and brown cloth is the hard case. The weights of
mien.portrait.measures.mask are fitted on other people of CelebA, with the same kinds.

    python benchmarks/masks.py [--images N]
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

import command
import inputs
import recognizers
from mien.detect.families import open_detector
from mien.image import read_image
from mien.models.options import EngineOptions
from mien.pipeline import array_item
from mien.portrait.examine import Examiner
from mien.rates import wilson
from mien.types import Floats, Image

LIMIT = 0.5
"""Of the rule `no-mask` of vn-portrait and icao."""
SHAPES = ("surgical", "cloth", "N95", "gaiter")
COLOURS = {
    "white": (236, 236, 233),
    "light blue": (150, 192, 220),
    "green": (140, 190, 165),
    "black": (32, 32, 36),
    "grey": (128, 130, 134),
    "navy": (38, 48, 88),
    "red": (165, 40, 48),
    "pink": (228, 165, 178),
    "beige": (206, 176, 146),
    "brown": (112, 76, 56),
}
"""Beige and brown are near to skin, the hard case."""
PATTERNS = ("plain", "plain", "stripes", "checks", "dots", "blotches")
"""Plain ones are twice as frequent."""


def draw_mask(image: Image, landmarks: Floats, draw: np.random.Generator, kind: tuple[str, str, str]) -> Image:
    """Draw one mask over a face.

    Args:
        image: (H, W, 3) uint8 RGB.
        landmarks: (5, 2) of the face.
        draw: the source of everything random.
        kind: shape, colour, pattern.
    """
    shape, colour, pattern = kind
    frame = _Frame(landmarks)
    outline = frame.place(_outline(shape, draw))
    cover = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(cover, [np.rint(outline * 8).astype(np.int32)], 255, cv2.LINE_AA, 3)
    alpha = cv2.GaussianBlur(cover, (0, 0), max(0.4, 0.006 * frame.ied)).astype(np.float32)[..., None] / 255
    cloth = _cloth(image, frame, shape, np.array(COLOURS[colour], np.float32), pattern, draw)
    drawn = (1 - alpha) * image + alpha * cloth
    drawn = np.asarray(np.clip(np.rint(drawn), 0, 255), np.uint8)
    return _straps(drawn, frame, outline, shape, draw)


def draw_kind(draw: np.random.Generator) -> tuple[str, str, str]:
    """A shape, a colour and a pattern."""
    shape, colour = str(draw.choice(SHAPES)), str(draw.choice(list(COLOURS)))
    return shape, colour, "plain" if shape == "N95" else str(draw.choice(PATTERNS))


class _Frame:
    """Face coordinates: x to the right and y down in distances between the eyes, from the middle of the mouth."""

    def __init__(self, landmarks: Floats) -> None:
        eyes, self.mouth = landmarks[:2].mean(axis=0), landmarks[3:].mean(axis=0)
        self.nose = landmarks[2]
        self.across = landmarks[1] - landmarks[0]
        self.ied = max(4.0, float(np.linalg.norm(self.across)))
        self.across = self.across / self.ied
        self.down = (self.mouth - eyes) / max(1.0, float(np.linalg.norm(self.mouth - eyes)))

    def place(self, points: np.ndarray) -> np.ndarray:
        """Face coordinates to pixels; the middle follows the nose where the head is turned."""
        lean = float((self.nose - self.mouth) @ self.across) / self.ied
        near = np.clip(1 - np.abs(points[:, :1]) / 1.2, 0, 1)
        x = points[:, :1] + near * lean
        return self.mouth + self.ied * (x * self.across + points[:, 1:] * self.down)

    def coordinates(self, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """x and y of every pixel in distances between the eyes."""
        rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
        x, y = columns - self.mouth[0], rows - self.mouth[1]
        along = (x * self.across[0] + y * self.across[1]) / self.ied
        return along, (x * self.down[0] + y * self.down[1]) / self.ied


def _outline(shape: str, draw: np.random.Generator) -> np.ndarray:
    """Corners in face coordinates; y is 0 at the mouth, about -0.5 at the tip of the nose, 0.85 at the chin."""
    top, chin, wide = draw.uniform(-0.85, -0.5), draw.uniform(0.7, 0.95), draw.uniform(0.92, 1.1)
    side = top + draw.uniform(0.05, 0.25)
    if shape == "surgical":
        half = [(0, top), (0.4, top + 0.06), (wide, side), (wide * 0.98, 0.4), (0.55, chin), (0, chin + 0.04)]
    elif shape == "cloth":
        half = [
            (0, top - 0.05),
            (0.3, top + 0.1),
            (wide, side + 0.1),
            (wide * 0.9, 0.5),
            (0.45, chin + 0.05),
            (0, chin + 0.1),
        ]
    elif shape == "N95":
        half = [
            (0, top - 0.05),
            (0.25, top + 0.05),
            (0.6, -0.25),
            (0.78, 0.15),
            (0.62, 0.6),
            (0.3, chin),
            (0, chin + 0.05),
        ]
    else:
        half = [(0, top), (0.5, top + 0.05), (1.15, side), (1.1, 0.8), (1.0, 2.0), (0, 2.2)]
    right = np.array(half) + draw.normal(0, 0.015, (len(half), 2))
    return np.concatenate([right, right[::-1] * np.array([-1, 1])])


def _cloth(
    image: Image, frame: _Frame, shape: str, colour: np.ndarray, pattern: str, draw: np.random.Generator
) -> np.ndarray:
    """The mask's own pixels: its pattern in its colours, folds and pleats, the light of the scene, and grain."""
    x, y = frame.coordinates(image.shape)
    base = np.broadcast_to(np.clip(colour + draw.normal(0, 8, 3), 8, 247), image.shape).astype(np.float32)
    second = np.array(COLOURS[str(draw.choice(list(COLOURS)))], np.float32)
    base = np.where(_pattern(pattern, x, y, draw)[..., None], second, base)
    round_ = 1.05 - 0.3 * np.clip(np.abs(x), 0, 1.2) ** 2
    folds = np.ones_like(x)
    if shape == "surgical":
        pleat = (y / draw.uniform(0.25, 0.4)) % 1
        folds = 1 - draw.uniform(0.08, 0.25) * np.exp(-((pleat - 0.5) ** 2) / 0.005)
    elif shape != "N95":
        waves = cv2.GaussianBlur(draw.normal(0, 1, image.shape[:2]).astype(np.float32), (0, 0), 0.12 * frame.ied)
        folds = 1 + draw.uniform(0.03, 0.1) * waves / max(1e-6, float(waves.std()))
    scene = cv2.GaussianBlur(image, (0, 0), 0.5 * frame.ied).astype(np.float32).mean(axis=2)
    exposure = np.clip(scene / max(20.0, float(scene.mean())), 0.5, 1.5) * draw.uniform(0.65, 1.1)
    return base * (round_ * folds * exposure)[..., None] + draw.normal(0, draw.uniform(1, 5), image.shape)


def _pattern(pattern: str, x: np.ndarray, y: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Where the second colour is."""
    size, turn = draw.uniform(0.1, 0.3), draw.uniform(0, np.pi)
    u, v = (x * np.cos(turn) + y * np.sin(turn)) / size, (y * np.cos(turn) - x * np.sin(turn)) / size
    if pattern == "stripes":
        return u % 1 < draw.uniform(0.2, 0.5)
    if pattern == "checks":
        return (np.floor(u) + np.floor(v)) % 2 < 1
    if pattern == "dots":
        return (u % 1 - 0.5) ** 2 + (v % 1 - 0.5) ** 2 < 0.07
    if pattern == "blotches":
        spots = np.sin(2.1 * u + 1.7 * np.sin(v)) + np.sin(1.9 * v + 1.3 * np.sin(1.4 * u))
        return spots > 0.5
    return np.zeros(x.shape, bool)


def _straps(image: Image, frame: _Frame, outline: np.ndarray, shape: str, draw: np.random.Generator) -> Image:
    """Straps to the ears, and the valve that some N95 have."""
    if shape == "gaiter":
        return image
    drawn, thick = image.copy(), max(1, round(0.03 * frame.ied))
    colour = tuple(int(v) for v in draw.uniform(180, 245, 1).repeat(3))
    corners = outline[[2, 3, len(outline) - 3, len(outline) - 4]]
    for corner, x, y in zip(corners, (1.35, 1.35, -1.35, -1.35), (-0.8, -0.2, -0.8, -0.2), strict=True):
        end = frame.place(np.array([[x, y]]))[0]
        cv2.line(drawn, *(tuple(round(v) for v in p) for p in (corner, end)), colour, thick, cv2.LINE_AA)
    if shape == "N95" and draw.random() < 0.4:
        spot = frame.place(np.array([[0.25, 0.2]]))[0]
        cv2.circle(drawn, tuple(round(v) for v in spot), round(0.14 * frame.ied), (210, 210, 210), -1, cv2.LINE_AA)
    return drawn


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--images", type=int, default=800, help="photographs of each set")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sets = {"LFW": inputs.lfw(Path(scratch), smoke=given.smoke)}
        if not given.smoke:
            sets["CelebA, people nothing was trained on"] = recognizers.celeba_held(Path(scratch))[0]
        found = {
            name: measure(inputs.some(paths, 2 if given.smoke else given.images)) for name, paths in sets.items()
        }
    command.finish("masks", {"limit": LIMIT, "sets": found}, smoke=given.smoke)


def measure(paths: Sequence[Path]) -> dict:
    examiner = Examiner(open_detector("mtcnn", EngineOptions(threads=1, streams=1)))
    plain, drawn, kinds, lost = [], [], [], 0
    for number, path in enumerate(paths):
        image = read_image(path)
        one = examiner.item(array_item(path.name, image))
        if one.chip is None:
            continue
        plain.append(one.measures["mask"].value)
        draw = np.random.default_rng([7, number])
        kind = draw_kind(draw)
        masked = draw_mask(image, one.portrait.face.landmarks, draw, kind)
        masked = simplejpeg.decode_jpeg(simplejpeg.encode_jpeg(masked, int(draw.integers(75, 96)), "RGB"), "RGB")
        other = examiner.item(array_item(path.name, masked))
        if other.chip is None:
            lost += 1
            continue
        drawn.append(other.measures["mask"].value)
        kinds.append(kind)
    flags = np.array(drawn) > LIMIT
    return {
        "photographs": len(plain),
        "flagged without a mask": share(np.array(plain) > LIMIT),
        "no face found with a mask": lost,
        "found of the others": share(flags),
        "found by kind %": {
            word: round(100 * float(flags[[word in kind for kind in kinds]].mean()), 1)
            for word in sorted({word for kind in kinds for word in kind})
        },
    }


def share(flags: np.ndarray) -> dict:
    ends = [round(100 * end, 1) for end in wilson(float(flags.mean()), len(flags))]
    return {"%": round(100 * float(flags.mean()), 1), "interval": ends}


if __name__ == "__main__":
    main()
