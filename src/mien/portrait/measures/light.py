"""Light on a face and its tonal range, from luminance in linear light (ISO/IEC 29794-5).

The zones are squares of 0.3 IED on forehead, cheeks and chin as in ISO/IEC 39794-5, Annex D.1; the face is an oval
from the brows to the chin in the chip. OFIQ's hull follows 98 landmarks instead: the only deviation, with its
histogram of the cheeks, which here holds no pixels that were masked out.
"""

from math import pi, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.portrait.measures.face_chip import ZONE, FaceChip, zone
from mien.portrait.measures.scale import clamp, sigmoid
from mien.types import Floats, floats

BINS = 256
DARK, BRIGHT = 25, 247
"""Levels of luminance, 0 to 255 in linear light, up to which and from which on a pixel has no detail."""


def uniformity(chip: FaceChip) -> float:
    """Intersection of the luminance histograms of both cheeks, 0 to 1 (IlluminationUniformity)."""
    left, right = (_histogram(cheek) for cheek in chip.cheeks)
    return float(np.minimum(left, right).sum())


def _histogram(light: Floats) -> Floats:
    counts = _counts(light)
    return floats(counts / max(1, counts.sum()))


def _counts(light: Floats) -> NDArray[np.int64]:
    return np.bincount((light.reshape(-1) * (BINS - 1e-3)).astype(np.int64), minlength=BINS)


def four_zones(chip: FaceChip) -> float:
    """The darkest over the brightest of the four zones' mean levels, in the channel where it is smallest (ICAO)."""
    means = np.array([cv2.mean(zone(chip.pixels, centre, ZONE))[:3] for centre in chip.zones.values()])
    return float((means.min(axis=0) / np.maximum(means.max(axis=0), 1)).min())


def sides(chip: FaceChip) -> float:
    """How unequal the cheeks are lit: the darker one's mean luminance over the brighter one's, 0 to 1.

    The histograms of `uniformity` no longer meet once the cheeks differ by a few levels; this goes on.
    """
    means = [float(cheek.mean()) for cheek in chip.cheeks]
    return (min(means) + 1e-3) / (max(means) + 1e-3)


def mean(chip: FaceChip) -> float:
    """Mean luminance of the face, 0 to 1 (LuminanceMean)."""
    return float(chip.inside.mean())


def variance(chip: FaceChip) -> float:
    """Variance of the luminance of the face (LuminanceVariance)."""
    return float(chip.inside.var())


def dark_share(chip: FaceChip) -> float:
    """Share of the face whose luminance is at most 25 of 255 (UnderExposurePrevention)."""
    return float((chip.inside * 255 <= DARK).mean())


def bright_share(chip: FaceChip) -> float:
    """Share of the face whose luminance is at least 247 of 255 (OverExposurePrevention)."""
    return float((chip.inside * 255 >= BRIGHT).mean())


def dynamic_range(chip: FaceChip) -> float:
    """Entropy of the luminance of the face in bits, 0 to 8 (DynamicRange)."""
    counts = _counts(chip.inside)
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def uniformity_quality(value: float) -> float:
    """100 x^0.3."""
    return clamp(100 * max(0.0, value) ** 0.3)


def mean_quality(value: float) -> float:
    """100 S(0.2, 0.05) (1 - S(0.8, 0.05))."""
    return 100 * sigmoid(value, 0.2, 0.05) * (1 - sigmoid(value, 0.8, 0.05))


def variance_quality(value: float) -> float:
    """100 sin(pi 60 v / (60 v + 1))."""
    return clamp(100 * sin(pi * 60 * value / (60 * value + 1)))


def dark_quality(value: float) -> float:
    """120 (0.832 - S(0.92, 0.05))."""
    return clamp(120 * (0.832 - sigmoid(value, 0.92, 0.05)))


def bright_quality(value: float) -> float:
    """min(100, 1 / (x + 0.01))."""
    return clamp(1 / (value + 0.01))


def range_quality(value: float) -> float:
    """12.5 bits."""
    return clamp(12.5 * value)


def ratio_quality(value: float) -> float:
    """100 x: a ratio of 0.5, the minimum that ICAO allows for four zones, is 50."""
    return clamp(100 * value)
