"""The spectrum of a square image, its noise, and the peaks of periodic patterns. Compares nothing with a limit."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

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
    taper = window(len(grey))
    parts = cv2.dft((grey - np.float32(grey.mean())) * taper, flags=cv2.DFT_COMPLEX_OUTPUT)
    return floats((parts[..., 0] ** 2 + parts[..., 1] ** 2) / np.float32((taper**2).sum()))


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What each frequency of a spectrum is.

    Attributes:
        band: (n, n) its ring, 0 to 63; 64 beyond the highest along an axis.
        sizes: (65,) frequencies in each ring.
        angle: (n, n) degrees from the nearer axis, 0 to 45.
        grid: (n, n) whether JPEG's blocks of 8 pixels have power there.
    """

    band: NDArray[np.int64]
    sizes: NDArray[np.int64]
    angle: Floats
    grid: NDArray[np.bool_]


@lru_cache(maxsize=len(SIDES))
def layout(side: int) -> Layout:
    """See Layout."""
    f = np.fft.fftfreq(side) * 2
    fx, fy = np.meshgrid(f, f)
    band = np.minimum((np.hypot(fx, fy) * BANDS).astype(np.int64), BANDS)
    angle = np.degrees(np.arctan2(np.minimum(abs(fx), abs(fy)), np.maximum(abs(fx), abs(fy)) + 1e-9))
    near = [np.abs(v * 4 - np.rint(v * 4)) * side / 8 < 2.5 for v in (fx, fy)]
    return Layout(band, np.bincount(band.reshape(-1), minlength=BANDS + 1), floats(angle), near[0] & near[1])


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
    rest = np.abs(cv2.filter2D(grey, cv2.CV_32F, MASK))
    lit = (smooth > 8) & (smooth < 247)
    if np.count_nonzero(lit) < 64:
        return 0.0
    calm = lit & (slope <= np.median(slope[lit][::4]))
    return float(np.sqrt(np.pi / 2) / 6 * rest[calm].mean())


def by_band(spectrum: Floats) -> Floats:
    """(64,) mean power of each ring."""
    rings = layout(len(spectrum))
    sums = np.bincount(rings.band.reshape(-1), spectrum.reshape(-1), BANDS + 1)[:BANDS]
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
    ratio = np.fft.ifftshift(smooth / (np.maximum(surroundings, 0) + np.float32(2 * ROUNDING)))
    searched = (rings.band >= LOWEST * BANDS) & (rings.band < HIGHEST * BANDS) & ~rings.grid
    aslant = float(ratio.max(initial=1e-3, where=searched & (rings.angle > AXIS)))
    along = float(ratio.max(initial=1e-3, where=searched & (rings.angle <= AXIS)))
    return Peaks(10 * float(np.log10(aslant)), 10 * float(np.log10(along)))
