"""Images of images: enlarged, printed and scanned, photographed from a screen; paper borders and stamps.

Printers and screens repeat themselves, so they leave peaks in the spectrum, where nature leaves a slope; enlarging
adds no detail, so the spectrum ends early. Uses the file's own pixels, since resampling takes these traces away.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.portrait.measures.face_chip import FaceChip, PortraitImage
from mien.portrait.measures.scale import clamp, falling
from mien.portrait.measures.spectrum import BANDS, ROUNDING, by_band
from mien.types import Floats, Image, floats

FITTED = (4, 16)
"""Rings in which the fall of the spectrum is fitted: up to a quarter of the highest frequency."""
SLOPES = (-3.5, -2.0)
"""How steeply the power of a photograph may fall, in powers of the frequency."""
LASTING = 4
"""Rings in a row that must lack detail."""
MISSING = 8.0
"""Decibels below the line at which detail counts as missing."""


def enlargement(chip: FaceChip) -> float:
    """By how much the image could be shrunk around the face without losing anything, 1 and more.

    Spectra of photographs fall as a power of the frequency. The line is fitted where every enlarged image still has
    its detail; where the spectrum drops below it for good, detail ends. A soft image could be shrunk too: it may
    have been enlarged, or be out of focus.
    """
    level = 10 * np.log10(by_band(chip.spectrum) + ROUNDING / 10)
    frequency = 10 * np.log10((np.arange(BANDS) + 0.5) / BANDS)
    low, high = FITTED
    x, y = frequency[low:high] - frequency[low], level[low:high]
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
    height = float(y.mean()) - slope * float(x.mean())
    expected = height + min(max(slope, SLOPES[0]), SLOPES[1]) * (frequency - frequency[low])
    missing = cv2.blur((expected - level).astype(np.float32)[:, None], (1, 3))[:, 0] - MISSING
    gone = np.convolve(missing[low:] > 0, np.ones(LASTING), "valid") == LASTING
    if not gone.any():
        return 1.0
    first = int(np.argmax(gone)) + low
    if first == low:
        return BANDS / low
    step = float(missing[first - 1] / (missing[first - 1] - missing[first]))
    return max(1.0, BANDS / (first - 0.5 + min(1.0, max(0.0, step))))


def halftone(chip: FaceChip) -> float | None:
    """The highest peak of a printer's dots over its surroundings, in decibels; None where the face is too small."""
    return None if chip.peaks is None else chip.peaks.off_axis


def screen(chip: FaceChip) -> float | None:
    """The highest peak of a screen's lines over its surroundings, in decibels; None where the face is too small."""
    return None if chip.peaks is None else chip.peaks.on_axis


def border(portrait: PortraitImage) -> float:
    """Share of the image that is an even frame: paper or the scanner's lid around a photograph.

    A portrait before a plain wall has an even upper edge and sides, but a body at its lower edge; so a frame counts
    when the lower edge is even, too, and at least one of the sides.
    """
    small = portrait.small
    bottom = _even(small[::-1])
    if not bottom:
        return 0.0
    turned = small.transpose(1, 0, 2)
    top, left, right = _even(small), _even(turned), _even(turned[::-1])
    if not (left or right):
        return 0.0
    height, width = small.shape[:2]
    if top + bottom >= height * 4 // 5 - 2:
        return 0.0  # a blank page has nothing that a frame could be around
    return float(1 - max(0, height - top - bottom) * max(0, width - left - right) / (height * width))


def _even(rows: Image) -> int:
    """How many of the first rows, up to two fifths of all, have one colour."""
    cut = rows.shape[1] // 50
    first = rows[0, cut : rows.shape[1] - cut].astype(np.float32)
    tone = first.mean(axis=0)
    if (first.std(axis=0) > UNEVEN).any():
        return 0
    inner = rows[: len(rows) * 2 // 5, cut : rows.shape[1] - cut].astype(np.float32)
    off = (inner.std(axis=1) > UNEVEN).any(axis=1) | (np.abs(inner.mean(axis=1) - tone) > 2 * UNEVEN).any(axis=1)
    return int(np.argmax(off)) if off.any() else len(inner)


def stamp(portrait: PortraitImage) -> float:
    """Share of a circle, as large as a stamp, that is drawn in red or blue ink on the image, 0 to 1.

    A ring of ink, so ink just inside and outside of it counts against it: red clothes are not a stamp.
    """
    colours = cv2.cvtColor(cv2.medianBlur(portrait.small, 3), cv2.COLOR_RGB2LAB)
    a, b = colours[..., 1], colours[..., 2]
    # 8-bit a and b are 128 where there is no colour.
    inks = ((a > 128 + 28) & (cv2.subtract(b, a) < 12), b < 128 - 18)
    return max(_ring(ink) if 0.002 < np.count_nonzero(ink) / ink.size < 0.25 else 0.0 for ink in inks)


UNEVEN = 6.0
"""Levels by which the pixels of an even row may deviate."""
TRIED = 6
"""Centres of circles that are tried, those with the most votes first."""
_ANGLES = np.linspace(0, 2 * np.pi, 72, endpoint=False)
_CIRCLES = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)])


def _ring(ink: NDArray[np.bool_]) -> float:
    """The best circle's covered share, less what covers the circles next to it, 0.8 and 1.25 times as large."""
    shorter = min(ink.shape)
    smallest, largest = max(4, round(shorter * 0.08)), round(shorter * 0.35)
    canvas = cv2.GaussianBlur(ink.astype(np.uint8) * np.uint8(255), (0, 0), 1.0)
    found = cv2.HoughCircles(canvas, cv2.HOUGH_GRADIENT, 2, shorter / 8, None, 120, 12, smallest, largest)
    if found is None:
        return 0.0
    radii = np.arange(round(0.8 * smallest) - 1, round(1.25 * largest) + 2)
    own = np.arange(smallest, largest + 1)
    inner, outer = (np.rint(share * own).astype(int) - radii[0] for share in (0.8, 1.25))
    own = own - radii[0]
    covered, around = _covered(ink, found.reshape(-1, 3)[:TRIED, :2], radii)
    # A line is a pixel or two wide and seldom falls on whole radii.
    near = around[:, own]
    return max(0.0, float((near - np.maximum(covered[:, inner], covered[:, outer])).max()))


def _covered(ink: NDArray[np.bool_], centres: Floats, radii: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """(C, R) shares of circles that ink covers; and of circles of which a neighbour by one radius may cover a place.

    Args:
        ink: (H, W).
        centres: (C, 2) x, y.
        radii: (R,) consecutive.
    """
    # Beyond the border there is no ink, as far as any circle reaches.
    reach = int(radii[-1]) + 2
    padded = cv2.copyMakeBorder(ink.view(np.uint8), reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=0)
    x, y = (centres[:, axis, None, None] + radii[:, None] * _CIRCLES[axis] for axis in (0, 1))
    places = np.rint(y).astype(np.int64) * padded.shape[1] + np.rint(x).astype(np.int64)
    hit = padded.reshape(-1).take(places + reach * (padded.shape[1] + 1))
    around = hit.copy()
    around[:, 1:] |= hit[:, :-1]
    around[:, :-1] |= hit[:, 1:]
    return floats(hit.mean(axis=2)), floats(around.mean(axis=2))


def enlargement_quality(value: float) -> float:
    """Ours: 50 for an image that was enlarged to twice its size."""
    return falling(value, 2.0, 0.2)


def pattern_quality(value: float) -> float:
    """Ours: 50 at a peak of 14 decibels."""
    return falling(value, 14.0, 1.5)


def border_quality(value: float) -> float:
    """100 (1 - x)."""
    return clamp(100 * (1 - value))


def stamp_quality(value: float) -> float:
    """Ours."""
    return falling(value, 0.5, 0.1)
