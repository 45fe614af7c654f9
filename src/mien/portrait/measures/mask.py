"""How much the lower face looks like a mask and not like a mouth, cheeks and a chin, 0 to 1.

A logistic model of seven facts about the chip: whether there is a line of a mouth and texture around it, how much of
the lower face is not of the upper face's skin, how far off and how even its colours are, how rough it is, and whether
there is an edge across both cheeks. The weights were fitted on masks that were drawn on photographs of CelebA
(docs/log.md), since no real ones were available. It needs no other model.
"""

from math import ceil, floor

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.portrait.measures.face_chip import CHIP, IED, FaceChip, once
from mien.portrait.measures.scale import clamp, median, sigmoid
from mien.types import Floats, Image, floats

HALF = 2
"""Masks are looked for at half of the chip's size."""
BRIDGE, LIDS = 0.12, 0.28
"""How far below the eyes the upper face's skin is sampled, on the nose and under the eyes, in IED."""
SHADED = 40.0
"""How much darker than the bridge, in 8 bits of L, both lids are behind lenses."""
UNLIKE_COLOUR, UNLIKE_LIGHT = 11.0, 36.0
"""Distance in a and b, and in L, from the upper face from which on a pixel is not of its skin."""
PLACES = ((-0.5, 0.95), (0.5, 0.95), (0.0, 1.0), (0.0, 1.5), (-0.35, 1.35), (0.35, 1.35), (-0.3, 0.75), (0.3, 0.75))
"""Where the lower face is sampled: x in IED from the middle, y in distances from the eyes to the mouth. Lower cheeks,
mouth, chin, jaw, and next to the nose."""
CHEEKS = 0.42
"""Where an edge across the cheeks is looked for, in IED from the middle."""
ROUGH, AROUND = 1.5, 2.0
"""Deviations, in pixels at half size, of the smoothing that leaves what is rough, and of its mean around a pixel."""
MARGIN = 16
"""Pixels at half size that both smoothings together reach."""

_ACROSS = floats([[x * IED, 0] for x, _ in PLACES])
_ALONG = floats([[y] for _, y in PLACES])
_BELOW_BRIDGE, _BELOW_LIDS = floats([0, BRIDGE * IED]), floats([0, LIDS * IED])

WEIGHTS = {
    "line of the mouth": (0.211, 0.175, -2.47),
    "edges at the mouth": (0.102, 0.074, -1.29),
    "share unlike skin": (0.554, 0.383, 0.90),
    "distance in colour": (2.493, 0.825, 0.82),
    "spread of colours": (1.804, 0.683, -1.32),
    "roughness": (0.865, 0.443, 1.24),
    "edge across the cheeks": (2.623, 0.553, 1.14),
}
"""Of each fact: its mean and its deviation on the photographs of the fit, and its weight."""
BIAS = 0.64
"""Puts 0.5 where 3% of the photographs without a mask are above it."""


SMALLEST = 20.0
"""Pixels between the eyes below which a mask is not judged. Of 360 faces of CelebA without one, shrunk to 22, 16, 11
and 8 pixels between the eyes (boxes of 64, 48, 32 and 24), 6, 9, 12 and 18% are above 0.5."""


def large_enough(chip: FaceChip) -> bool:
    """Whether the face has enough pixels to distinguish a mask from a beard or a shadow."""
    return chip.native_scale >= SMALLEST


@once
def mask(chip: FaceChip) -> float:
    """How much the lower face looks like a mask, 0 to 1; 0.5 is where 3 in 100 faces without one are."""
    found = facts(chip)
    score = BIAS + sum(weight * (found[name] - mean) / sd for name, (mean, sd, weight) in WEIGHTS.items())
    return sigmoid(score, 0.0, 1.0)


def facts(chip: FaceChip) -> dict[str, float]:
    """What the model weighs."""
    small: Image = cv2.blur(
        cv2.resize(chip.pixels, None, fx=1 / HALF, fy=1 / HALF, interpolation=cv2.INTER_AREA), (3, 3)
    )
    colours = floats(cv2.cvtColor(small, cv2.COLOR_RGB2LAB))
    skin = _skin(colours, chip)
    lower, inside = _lower(chip)
    contrast = max(6.0, float(cv2.meanStdDev(chip.grey[40:200, 50:174])[1][0, 0]))
    tones = _tones(colours, chip.eyes + _ACROSS + _ALONG * chip.down, 4)
    unlike = tones - skin
    light, a, b = cv2.split(cv2.absdiff(colours[lower], (*skin.tolist(), 0.0)))
    other = (cv2.magnitude(a, b) > UNLIKE_COLOUR) | (light > UNLIKE_LIGHT * 2.55)
    line, texture = _mouth(chip)
    return {
        "line of the mouth": line / contrast,
        "edges at the mouth": texture / contrast,
        "share unlike skin": float(other[inside].mean()),
        "distance in colour": float(np.log1p(median(np.hypot(unlike[:, 1], unlike[:, 2])))),
        "spread of colours": float(np.log1p(tones[:6, 1:].std(axis=0).sum())),
        "roughness": float(np.log1p(10 * _rough(chip, lower)[inside].mean() / contrast)),
        "edge across the cheeks": float(np.log1p(min(_edge(colours, chip, side) for side in (-CHEEKS, CHEEKS)))),
    }


def _rough(chip: FaceChip, part: tuple[slice, slice]) -> Floats:
    """How far luma is from its smoothed self around each pixel of a part at half size, in levels."""
    starts = [max(0, one.start - MARGIN) for one in part]
    grey = chip.grey[::HALF, ::HALF][tuple(slice(s, p.stop + MARGIN) for s, p in zip(starts, part, strict=True))]
    off = cv2.absdiff(grey, cv2.GaussianBlur(grey, (0, 0), ROUGH))
    rows, columns = (slice(p.start - s, p.stop - s) for s, p in zip(starts, part, strict=True))
    return floats(cv2.GaussianBlur(off, (0, 0), AROUND)[rows, columns])


def _tones(colours: Floats, places: Floats, side: int) -> Floats:
    """(K, 3) the median colours of small squares around (K, 2) points of the chip."""
    x, y = np.clip(np.rint(places / HALF).astype(np.int64), side, len(colours) - side).T
    around = np.arange(-side, side)
    squares = colours[y[:, None, None] + around[:, None], x[:, None, None] + around]
    ordered = np.sort(squares.reshape(len(places), -1, 3), axis=1)
    middle = ordered.shape[1] // 2
    return floats((ordered[:, middle - 1] + ordered[:, middle]) / 2)


def _skin(colours: Floats, chip: FaceChip) -> Floats:
    """The tone of the upper face: the middle one of the bridge of the nose and the lower lids by brightness.

    Where both lids are far darker than the bridge, lenses cover them, and the bridge alone is skin.
    """
    places = np.stack([chip.eyes + _BELOW_BRIDGE, *(chip.points[:2] + _BELOW_LIDS)])
    bridge, *lids = _tones(colours, floats(places), round(0.09 * IED / HALF))
    middle = sorted([bridge, *lids], key=lambda tone: float(tone[0]))[1]
    return floats(bridge if bridge[0] - max(lid[0] for lid in lids) > SHADED else middle)


def _lower(chip: FaceChip) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
    """Where the lower face is at half size, from below the nose to the chin, as wide as the cheeks.

    Returns:
        Rows and columns of a square around it, and which pixels of the square are of it.
    """
    x, y = ((chip.eyes + chip.down * np.float32(1.1)) / HALF).tolist()
    reach = 0.62 * IED / HALF
    rows, columns = (
        np.arange(max(0, ceil(middle - reach)), min(CHIP // HALF, floor(middle + reach) + 1)) for middle in (y, x)
    )
    inside = (columns[None] - x) ** 2 + (rows[:, None] - y) ** 2 <= reach * reach
    return (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)), np.asarray(inside)


def _mouth(chip: FaceChip) -> tuple[float, float]:
    """The strongest mean slope of a row around the mouth, and the mean slope there, in levels per pixel."""
    x, y = (round(float(c)) for c in chip.points[3:].mean(axis=0))
    top, left = max(0, y - 22), max(0, x - 26)
    part = chip.smooth[top : y + 22, left : x + 26]
    if min(part.shape[:2]) < 40:
        return 0.0, 0.0
    slope = cv2.Sobel(part, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)[8:-8, 8:-8]
    return float(np.abs(slope.mean(axis=1)).max()), float(np.abs(slope).mean())


def _edge(colours: Floats, chip: FaceChip, side: float) -> float:
    """The strongest step in colour down a cheek, between the eyes and the mouth, in units of CIELAB."""
    x = int(np.clip(round((float(chip.eyes[0]) + side * IED) / HALF) - 5, 0, CHIP // HALF - 10))
    column = colours[:, x : x + 10].mean(axis=1) / floats([5.1, 1, 1])
    sums = np.cumsum(np.vstack([np.zeros((1, 3), np.float32), column]), axis=0)
    first, last = (int(v) for v in (chip.eyes[1] / HALF + 8, (chip.eyes[1] + chip.down[1]) / HALF))
    rows = np.arange(max(5, first), min(max(first + 1, last), CHIP // HALF - 5))
    if not len(rows):
        return 0.0
    steps = (sums[rows + 5] - 2 * sums[rows] + sums[rows - 5]) / 5
    return float(np.linalg.norm(steps, axis=1).max())


def mask_quality(value: float) -> float:
    """100 (1 - x), as for OFIQ's occluded shares."""
    return clamp(100 * (1 - value))
