"""The same photograph more than once: the same bytes, or saved, cropped or resized again; also of two people.

Candidates are pairs whose perceptual hashes differ in few bits, of the whole image or of the aligned face, which a
crop around it does not change; in more bits where both are in one folder or their embeddings are neighbours, so that
the candidates of large sets stay few. Each candidate is then compared: both faces are aligned and must agree
pixel by pixel, more than two photographs of one person from one sitting do. Owns both limits; opens no file.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.data.phash import near_hashes
from mien.types import Floats, Image, floats

Rows = NDArray[np.int64]

NEAR = 6
"""Bits of 64 in which the hashes of any two images, or of any two faces, may differ."""
NEAR_INSIDE, NEAR_TWINS = 16, 22
"""The same for faces in one folder, and for faces whose embeddings are neighbours (docs/log.md)."""
TOGETHER, NEAREST = 100, 50
"""Images of a folder up to which those without a face are compared with all others; and in larger folders the number
of others whose hashes are nearest. Of crops with 90% of the sides, 99% are among the nearest 50 of 1,000 photographs;
with 80% it is 57% (docs/log.md)."""
AGREE = 0.95
"""Correlation of fine detail from which on two faces are one photograph (docs/log.md)."""


@dataclass(frozen=True, slots=True)
class Same:
    """Two rows that are one photograph; `exact` where their bytes are equal."""

    a: int
    b: int
    exact: bool


@dataclass(frozen=True, slots=True, eq=False)
class Hashes:
    """Perceptual hashes of all rows.

    Attributes:
        values: (N,) the hashes.
        known: (N,) which rows have one.
    """

    values: NDArray[np.uint64]
    known: NDArray[np.bool_]

    def bits(self, a: Rows, b: Rows) -> NDArray[np.uint8]:
        """In how many bits the hashes of rows differ; 65 where one is missing."""
        differing = np.bitwise_count(self.values[a] ^ self.values[b])
        return np.where(self.known[a] & self.known[b], differing, np.uint8(65))


def same_photographs(
    files: Rows,
    images: Hashes,
    faces: Hashes,
    folders: Rows,
    twins: Iterable[tuple[int, int]],
    agree: Callable[[int, int], bool],
) -> Iterator[Same]:
    """Pairs of rows that are one photograph; of equal files each with the first.

    Args:
        files: (N,) a number for each file, equal for equal bytes; -1 where it could not be read.
        images: perceptual hash of each image.
        faces: perceptual hash of each aligned face.
        folders: (N,) the number of each row's folder.
        twins: pairs of rows, the smaller first, whose embeddings are neighbours.
        agree: whether two rows, compared, are one photograph.
    """
    readable = np.flatnonzero(files >= 0)
    _, starts, numbers = np.unique(files[readable], return_index=True, return_inverse=True)
    first = readable[starts[numbers]]
    for known, row in zip(first[first != readable].tolist(), readable[first != readable].tolist(), strict=True):
        yield Same(known, row, True)
    kept = readable[first == readable]
    usable = np.zeros(len(files), bool)
    usable[kept] = True
    tried: set[int] = set()
    close = (pair for pair in twins if usable[list(pair)].all() and faces.bits(*_one(pair))[0] <= NEAR_TWINS)
    order = kept[np.argsort(folders[kept], kind="stable")]
    members = np.split(order, np.flatnonzero(np.diff(folders[order])) + 1)
    inside = chain.from_iterable(_inside(own, faces) for own in members)
    faceless = chain.from_iterable(_faceless(own, faces, images) for own in members)
    for a, b in chain(near(images, kept, NEAR), near(faces, kept, NEAR), inside, close, faceless):
        key = a * len(files) + b
        if key not in tried:
            tried.add(key)
            if agree(a, b):
                yield Same(a, b, False)


def _one(pair: tuple[int, int]) -> tuple[Rows, Rows]:
    return np.array(pair[:1]), np.array(pair[1:])


def _inside(folder: Rows, faces: Hashes) -> Iterator[tuple[int, int]]:
    """Pairs of rows of one folder whose faces' hashes are near."""
    for place, row in enumerate(folder[:-1].tolist()):
        others = folder[place + 1 :]
        for other in others[faces.bits(np.array([row]), others) <= NEAR_INSIDE].tolist():
            yield row, other


def _faceless(folder: Rows, faces: Hashes, images: Hashes) -> Iterator[tuple[int, int]]:
    """Pairs of rows of one folder of which one or both have no face, images of one tone left out.

    In a folder of more than TOGETHER images each one without a face is compared with its NEAREST alone.
    """
    shown = folder[images.known[folder]]
    for row in shown[~faces.known[shown]].tolist():
        others = shown[shown != row]
        if len(shown) > TOGETHER:
            bits = images.bits(np.array([row]), others)
            others = others[np.argpartition(bits, NEAREST - 1)[:NEAREST]]
        yield from ((min(row, other), max(row, other)) for other in others.tolist())


def near(hashes: Hashes, rows: Rows, max_bits: int) -> Iterator[tuple[int, int]]:
    """Pairs of rows, the smaller first, whose 64-bit hashes differ in at most `max_bits` bits."""
    own = rows[hashes.known[rows]]
    values = hashes.values[own]
    return ((int(own[a]), int(own[b])) for a, b, _ in near_hashes(values, values, max_bits) if a < b)


SHRUNK = 128
"""Pixels along the longer side at which images without a face are compared."""
KEPT = np.linspace(1.0, 0.6, 9)
"""Shares of an image's sides that a crop of it may have kept."""


def cut_of(a: Image, b: Image) -> float:
    """How well one image is found in the other, as a whole or as a part of at least three fifths, -1 to 1.

    For images in which no face is found, so that nothing shows how to align them. The correlation of
    the best place (normalized cross-correlation) over the shares of the sides that the crop may have kept.
    """
    best = -1.0
    for whole, part in ((a, b), (b, a)):
        scale = SHRUNK / max(whole.shape[:2])
        size = max(8, round(whole.shape[1] * scale)), max(8, round(whole.shape[0] * scale))
        canvas = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
        for across in KEPT:
            width = round(size[0] * float(across))
            height = round(width * part.shape[0] / part.shape[1])
            if not 8 <= height <= size[1]:
                continue
            piece = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
            best = max(best, float(cv2.matchTemplate(canvas, piece, cv2.TM_CCOEFF_NORMED).max()))
    return best


SIDE = 112
INNER = slice(16, 96)


def agreement(a: Image, b: Image) -> float:
    """How much two aligned faces agree in fine detail, -1 to 1, after the second was aligned with the first.

    Landmarks of a recompressed or cropped copy are a little elsewhere, so the second crop is moved, turned and scaled
    until it fits (ECC, Evangelidis and Psarakis, IEEE TPAMI 30(10), 2008). The correlation is of what a Gaussian of 4
    pixels leaves, so that light and the general look of faces count little.

    Args:
        a: (112, 112, 3) uint8 RGB.
        b: (112, 112, 3) uint8 RGB.
    """
    one, other = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) for image in (a, b))
    if one[INNER, INNER].std() < 1 or other[INNER, INNER].std() < 1:
        return 0.0
    matrix = np.eye(2, 3, dtype=np.float32)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-4)
    try:
        _, matrix = cv2.findTransformECC(one, other, matrix, cv2.MOTION_AFFINE, criteria, _middle(), 5)
    except cv2.error:
        return 0.0
    fitted = cv2.warpAffine(other, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    parts = [(part - cv2.GaussianBlur(part, (0, 0), 4))[INNER, INNER] for part in _as_soft(one, fitted)]
    return float(np.corrcoef(parts[0].reshape(-1), parts[1].reshape(-1))[0, 1])


def _middle() -> NDArray[np.uint8]:
    shown = np.zeros((SIDE, SIDE), np.uint8)
    shown[INNER, INNER] = 255
    return shown


def _as_soft(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Both images without the finest detail, which recompressing and sizing take away."""
    return floats(cv2.GaussianBlur(a, (0, 0), 1.2)), floats(cv2.GaussianBlur(b, (0, 0), 1.2))
