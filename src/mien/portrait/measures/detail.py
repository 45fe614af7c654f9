"""Detail of a face: sharpness, motion blur, noise, traces of compression.

Each is made so that it follows its own fault and the others little: sharpness and motion use bands that noise of
single pixels does not reach, noise uses what remains where the face is smooth, compression the grid of 8
pixels alone. Lengths are shares of the distance between the eyes, but for noise and the grid, which live in the
file's own pixels.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.portrait.measures.face_chip import EDGE, IED, FaceChip, once
from mien.portrait.measures.scale import falling, median, rising
from mien.portrait.measures.spectrum import half_power
from mien.types import Floats, floats

FINE, COARSE = EDGE, 4.8
"""Deviations, in pixels of the chip, between which sharpness compares edges."""
PART = (slice(40, 208), slice(40, 184))
"""The part of a chip that a face covers: rows and columns."""
FACE = (slice(48, 192), slice(40, 184))
"""The square of a chip whose spectrum shows movement."""
DIRECTIONS = 12
"""Wedges of 15 degrees."""
RINGS = ((0.03, 0.06), (0.05, 0.1), (0.08, 0.16), (0.1, 0.25))
"""Frequencies in cycles for each pixel of the chip."""
MAX_MISSING = 12.0
"""Maximum decibels that a ring counts, so that none outweighs the others."""
STILL = np.array(
    [
        [1.9, 0.6, -1.7, -1.7, -0.5, 1.3, 2.5, 1.2, -0.6, -1.9, -1.8, 0.6],
        [-0.5, -0.8, -1.3, -1.1, -0.0, 2.0, 3.2, 1.9, -0.1, -1.1, -1.3, -0.8],
        [-1.0, -1.1, -1.3, -0.9, 0.1, 2.1, 3.2, 1.9, 0.0, -1.0, -1.1, -1.0],
        [-0.5, -1.0, -1.4, -1.0, 0.2, 1.9, 3.0, 1.8, 0.1, -1.0, -1.3, -0.8],
    ],
    np.float32,
)
"""Decibels that each wedge of a face without movement has: means of 500 photographs of CelebA (docs/log.md)."""
GRID = 8


def _edges(grey: Floats, sigma: float) -> tuple[Floats, Floats]:
    smooth = cv2.GaussianBlur(grey[PART], (0, 0), sigma)
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, *order, ksize=3, scale=sigma / 8) for order in ((1, 0), (0, 1)))
    return floats(across), floats(down)


@once
def sharpness(chip: FaceChip) -> float:
    """Energy of fine edges over that of coarse ones, in decibels; 0 where edges are sharp at every size.

    Both are gradients of the luma, smoothed to 1.2 and 4.8 pixels of 64 between the eyes and weighted by their size,
    so an ideal edge has as much of either; blur takes the fine ones. What noise adds to either is taken off.
    """
    deviation, spread = chip.noise, IED / chip.native_scale
    energies = []
    for sigma in (FINE, COARSE):
        energy = sum(cv2.norm(part, cv2.NORM_L2SQR) / part.size for part in _edges(chip.grey, sigma))
        # White noise of one level in pixels of this spread, through a Gaussian's slope, is spread^2 / (4 pi sigma^2);
        # resampling leaves about two thirds of it.
        made = 0.65 * deviation**2 * spread**2 / (4 * np.pi * sigma**2)
        energies.append(max(energy - made, 0.1 * energy) + 1e-2)
    return float(10 * np.log10(energies[0] / energies[1]))


def motion(chip: FaceChip) -> float:
    """How much less detail the image has along the worst direction than across it, in decibels.

    A movement takes the detail along its way and leaves that across it; being out of focus takes both. The power in
    wedges of the chip's spectrum, less what a face has in each without any movement, compared with the wedge across,
    over four overlapping rings, so that small movements show in the outer and large ones in the inner rings.
    """
    power = half_power(np.ascontiguousarray(chip.grey[FACE])).reshape(-1)
    places, weights = _wedges()
    wedges = 10 * np.log10(weights @ power[places] + 1e-3)
    less = wedges.reshape(len(RINGS), DIRECTIONS) - STILL
    missing = np.roll(less, DIRECTIONS // 2, axis=1) - less
    return float(np.minimum(missing, MAX_MISSING).mean(axis=0).max())


@lru_cache(maxsize=1)
def _wedges() -> tuple[NDArray[np.int64], Floats]:
    """Frequencies of the upper half of a spectrum, by their places in its left half; and what they weigh.

    Returns:
        (n,) the places of the frequencies that any wedge has, and (48, n) their weights in each ring and wedge;
        wedges overlap by half, and each adds up to 1.
    """
    side = FACE[0].stop - FACE[0].start
    f = np.fft.fftfreq(side)
    fx, fy = np.meshgrid(f, np.abs(f[: side // 2 + 1]))
    radius, direction = np.hypot(fx, fy), np.arctan2(fy, fx) % np.pi
    rows = []
    for low, high in RINGS:
        for step in range(DIRECTIONS):
            off = np.abs((direction - step * np.pi / DIRECTIONS + np.pi / 2) % np.pi - np.pi / 2)
            weight = np.clip(1 - off / (1.5 * np.pi / DIRECTIONS), 0, None) * radius
            rows.append(np.where((radius >= low) & (radius < high), weight, 0).reshape(-1))
    matrix = np.array(rows)
    used = np.flatnonzero(matrix.any(axis=0))
    return _in_left_half(used, side), floats((matrix / matrix.sum(axis=1, keepdims=True))[:, used])


def _in_left_half(places: NDArray[np.int64], side: int) -> NDArray[np.int64]:
    """Places of the first half of the rows, among the first half of the columns, which has the opposite of each."""
    reach = side // 2 + 1
    y, x = np.divmod(places, side)
    opposite = x >= reach
    y, x = np.where(opposite, (side - y) % side, y), np.where(opposite, side - x, x)
    return np.asarray(y * reach + x, np.int64)


def noise(chip: FaceChip) -> float:
    """Deviation of the noise in levels of 0 to 255, where the face is smooth, in the file's own pixels."""
    return chip.noise


def blocks(chip: FaceChip) -> float | None:
    """How many levels luma jumps across a grid of 8 pixels, beyond what it does next to it; the trace of JPEG.

    None where the image was reduced while decoding, which takes the grid away.
    """
    if chip.portrait.reduction > 1.01:
        return None
    return max(0.0, (_grid(chip.native, 1) + _grid(chip.native, 0)) / 2)


def _grid(grey: Floats, axis: int) -> float:
    """Along an axis: the mean jump at the phase where it is largest, less that of the median phase."""
    before, after = (slice(None, -1), slice(1, None)) if axis == 0 else (np.s_[:, :-1], np.s_[:, 1:])
    step = cv2.absdiff(grey[after], grey[before])
    left, own, right = (np.s_[a:b] if axis == 0 else np.s_[:, a:b] for a, b in ((0, -2), (1, -1), (2, None)))
    jumps = cv2.subtract(step[own], cv2.addWeighted(step[left], 0.5, step[right], 0.5, 0))
    places = cv2.reduce(cv2.max(cv2.min(jumps, 16), -16), 1 - axis, cv2.REDUCE_AVG).reshape(-1)
    whole = len(places) // GRID * GRID
    phases = places[:whole].reshape(-1, GRID).mean(axis=0)
    return float(phases.max() - median(phases))


def sharpness_quality(value: float) -> float:
    """Ours: 50 for a face at the border of what recognizers read well (docs/log.md)."""
    return rising(value, -8.0, 1.5)


def motion_quality(value: float) -> float:
    """Ours."""
    return falling(value, 8.0, 1.0)


def noise_quality(value: float) -> float:
    """Ours: 50 at a deviation of 12 levels."""
    return falling(value, 12.0, 3.0)


def blocks_quality(value: float) -> float:
    """Ours: 50 at a jump of four levels."""
    return falling(value, 4.0, 0.8)
