"""The spectrum of a square image, its noise, and the peaks of periodic patterns. Compares nothing with a limit."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.portrait.measures.scale import median
from mien.types import Floats, floats

BANDS = 64
"""Rings of equal width from frequency 0 to the highest along an axis."""
SIDES = (256, 240, 216, 192, 180, 160, 144, 128, 120, 108, 96, 90, 80, 72, 64, 54, 48, 40, 32)
"""Sides of images that transform quickly, as 2, 3 and 5 divide them."""


def quick_side(side: int) -> int:
    """The largest quick side up to this one; a side that is smaller than all of them stays."""
    return next((one for one in SIDES if one <= side), side)


@lru_cache(maxsize=len(SIDES))
def window(side: int) -> Floats:
    """The Hann window of a square image, (side, side) float32."""
    hann = np.hanning(side + 2)[1:-1]
    return floats(np.outer(hann, hann))


def power(grey: Floats) -> Floats:
    """The power of each frequency, (n, n) float32 with frequency 0 in the corner; white noise has its variance.

    Args:
        grey: (n, n) float32.
    """
    side = len(grey)
    half = half_power(grey)
    whole = np.empty((side, side), np.float32)
    reach = half.shape[1]
    whole[:, :reach] = half
    # The spectrum of real numbers is the same at a frequency and at its opposite.
    mirrored = half[:, side - reach : 0 : -1]
    whole[0, reach:], whole[1:, reach:] = mirrored[0], mirrored[:0:-1]
    return whole


def half_power(grey: Floats) -> Floats:
    """The power of the frequencies up to the highest across: the first n // 2 + 1 columns of `power`.

    Args:
        grey: (n, n) float32.
    """
    side, taper = len(grey), window(len(grey))
    packed = cv2.dft((grey - np.float32(grey.mean())) * taper)
    half = np.empty((side, side // 2 + 1), np.float32)
    inner = (side - 1) // 2
    half[:, 1 : inner + 1] = packed[:, 1 : 2 * inner : 2] ** 2 + packed[:, 2 : 2 * inner + 1 : 2] ** 2
    # OpenCV packs the columns whose own spectrum is symmetric: the first, and of an even side the last.
    half[:, 0] = _unpacked(packed[:, 0])
    if side % 2 == 0:
        half[:, -1] = _unpacked(packed[:, -1])
    half /= _energy(side)
    return half


def _unpacked(packed: Floats) -> Floats:
    """The power along a packed column: frequency 0, pairs of real and imaginary part, the highest of an even side."""
    side, inner = len(packed), (len(packed) - 1) // 2
    found = np.empty(side, np.float32)
    found[0] = packed[0] ** 2
    found[1 : inner + 1] = packed[1 : 2 * inner : 2] ** 2 + packed[2 : 2 * inner + 1 : 2] ** 2
    if side % 2 == 0:
        found[side // 2] = packed[-1] ** 2
    found[side - inner :] = found[inner:0:-1]
    return found


@lru_cache(maxsize=len(SIDES))
def _energy(side: int) -> np.float32:
    """What the window of a side lets through of white noise."""
    return np.float32((window(side) ** 2).sum())


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What each frequency of a spectrum is.

    Attributes:
        band: (n, n // 2 + 1) the ring of each frequency of the first half, 0 to 63; 64 beyond the highest along an
            axis.
        counted: (n, n // 2 + 1) how often it is in the whole spectrum: 2, or 1 where it is its own opposite column.
        sizes: (65,) frequencies of the whole spectrum in each ring.
        off_axis: (n, n) uint8, 1 where patterns that run aslant are looked for; frequency 0 is in the middle.
        on_axis: (n, n) uint8, 1 where patterns along rows or columns are; frequency 0 is in the middle.
    """

    band: NDArray[np.int64]
    counted: Floats
    sizes: NDArray[np.int64]
    off_axis: NDArray[np.uint8]
    on_axis: NDArray[np.uint8]


@lru_cache(maxsize=len(SIDES))
def layout(side: int) -> Layout:
    """See Layout."""
    f = np.fft.fftfreq(side) * 2
    fx, fy = np.meshgrid(f, f)
    band = np.minimum((np.hypot(fx, fy) * BANDS).astype(np.int64), BANDS)
    angle = np.degrees(np.arctan2(np.minimum(abs(fx), abs(fy)), np.maximum(abs(fx), abs(fy)) + 1e-9))
    near = [np.abs(v * 4 - np.rint(v * 4)) * side / 8 < 2.5 for v in (fx, fy)]
    searched = (band >= LOWEST * BANDS) & (band < HIGHEST * BANDS) & ~(near[0] & near[1])
    reach = side // 2 + 1
    counted = np.full((side, reach), 2, np.float32)
    counted[:, 0] = 1
    if side % 2 == 0:
        counted[:, -1] = 1
    return Layout(
        np.ascontiguousarray(band[:, :reach]),
        counted,
        np.bincount(band.reshape(-1), minlength=BANDS + 1),
        np.fft.fftshift(searched & (angle > AXIS)).astype(np.uint8),
        np.fft.fftshift(searched & (angle <= AXIS)).astype(np.uint8),
    )


MASK = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
"""The mask of Immerkaer (CVIU 64(2), 1996), which no plane and no parabola reaches."""


def deviation(grey: Floats) -> float:
    """Deviation of the noise in levels of 0 to 255, where the image is smooth.

    Of the absolute values that Immerkaer's mask leaves, those of the smoothest half count, since edges reach it; what
    is black or white has no noise and is left out.

    Args:
        grey: (n, n) float32 luma.
    """
    smooth = cv2.blur(grey, (7, 7))
    across, down = cv2.spatialGradient(smooth.astype(np.uint8))
    slope = np.abs(across) + np.abs(down)
    lit = (smooth > 8) & (smooth < 247)
    if np.count_nonzero(lit) < 64:
        return 0.0
    usual = slope.reshape(-1) if lit.all() else slope[lit]
    calm = lit & (slope <= median(usual[::4]))
    rest = cv2.absdiff(cv2.filter2D(grey, cv2.CV_32F, MASK), 0)
    return float(np.sqrt(np.pi / 2) / 6 * cv2.mean(rest, calm.view(np.uint8))[0])


def by_band(spectrum: Floats) -> Floats:
    """(64,) mean power of each ring."""
    rings = layout(len(spectrum))
    counted = rings.counted * spectrum[:, : rings.counted.shape[1]]
    sums = np.bincount(rings.band.reshape(-1), counted.reshape(-1), BANDS + 1)[:BANDS]
    return floats(sums / np.maximum(1, rings.sizes[:BANDS]))


ROUNDING = 1 / 12
"""Power of what rounding to whole levels adds to every frequency, for a window of mean square 1."""
LOWEST, HIGHEST = 0.16, 0.97
"""Where periodic patterns are looked for, as shares of the highest frequency."""
MIN_SIDE = 64
"""Pixels along a side of the spectrum below which patterns are not looked for."""
AXIS = 15.0
"""Degrees from the rows and columns of the image within which a peak is on an axis."""


@dataclass(frozen=True, slots=True)
class Peaks:
    """The highest peaks of a spectrum over their surroundings, in decibels.

    Attributes:
        off_axis: of patterns that run aslant, such as a printer's dots.
        on_axis: of patterns along rows or columns, such as a screen's lines.
    """

    off_axis: float
    on_axis: float


def find_peaks(spectrum: Floats) -> Peaks | None:
    """The peaks of periodic patterns; None where the spectrum is too small to show them.

    Args:
        spectrum: (n, n) float32; see power.
    """
    if len(spectrum) < MIN_SIDE:
        return None
    rings = layout(len(spectrum))
    smooth = cv2.blur(np.fft.fftshift(spectrum), (3, 3))
    wide, near = (cv2.boxFilter(smooth, -1, (side, side), normalize=False) for side in (25, 7))
    surroundings = (wide - near) / np.float32(25 * 25 - 7 * 7)
    ratio = smooth / (np.maximum(surroundings, 0) + np.float32(2 * ROUNDING))
    highest = (cv2.minMaxLoc(ratio, place)[1] for place in (rings.off_axis, rings.on_axis))
    return Peaks(*(10 * float(np.log10(max(1e-3, one))) for one in highest))
