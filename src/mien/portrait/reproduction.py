"""Pictures of pictures: enlarged ones, printed and scanned ones, photographs of screens, paper borders, stamps.

Printers and screens repeat themselves, so they leave peaks in the spectrum, where nature leaves a slope; enlarging adds
no detail, so the spectrum ends early. Looks at the file's own pixels, since resampling takes these traces away.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.portrait.scale import clamp, falling
from mien.portrait.spectrum import BANDS, by_band, layout
from mien.portrait.view import Picture, View
from mien.types import Floats, Image, floats

ROUNDING = 1 / 12
"""Power of what rounding to whole levels adds to every frequency, for a window of mean square 1."""
FITTED = (4, 16)
"""Rings in which the fall of the spectrum is fitted: up to a quarter of the highest frequency."""
SLOPES = (-3.5, -2.0)
"""How steeply the power of a photograph may fall, in powers of the frequency."""
LASTING = 4
"""Rings in a row that must lack detail."""
MISSING = 8.0
"""Decibels below the line at which detail counts as missing."""
LOWEST, HIGHEST = 0.16, 0.97
"""Where periodic patterns are looked for, as shares of the highest frequency."""
LEAST = 64
"""Pixels along a side of the spectrum below which patterns are not looked for."""
AXIS = 15.0
"""Degrees from the rows and columns of the picture within which a pattern is a screen's, beyond a printer's."""


def enlargement(view: View) -> float:
    """By how much the picture could be shrunk around the face without losing anything, 1 and more.

    Spectra of photographs fall as a power of the frequency. The line is fitted where every enlarged picture still has
    its detail; where the spectrum leaves it downwards for good, detail ends. A soft picture could be shrunk, too: that
    it was enlarged is one explanation, that it is out of focus another.
    """
    level = 10 * np.log10(by_band(view.spectrum) + ROUNDING / 10)
    frequency = 10 * np.log10((np.arange(BANDS) + 0.5) / BANDS)
    low, high = FITTED
    slope, height = np.polyfit(frequency[low:high] - frequency[low], level[low:high], 1)
    expected = height + np.clip(slope, *SLOPES) * (frequency - frequency[low])
    missing = cv2.blur((expected - level).astype(np.float32)[:, None], (1, 3))[:, 0] - MISSING
    gone = np.convolve(missing[low:] > 0, np.ones(LASTING), "valid") == LASTING
    if not gone.any():
        return 1.0
    first = int(np.argmax(gone)) + low
    if first == low:
        return BANDS / low
    step = float(missing[first - 1] / (missing[first - 1] - missing[first]))
    return max(1.0, BANDS / (first - 0.5 + min(1.0, max(0.0, step))))


def patterns(view: View) -> tuple[float, float] | None:
    """The highest peak of the spectrum over its surroundings, in decibels: of a printer's dots, of a screen's lines.

    None where the face has too few pixels for a spectrum.
    """
    if len(view.spectrum) < LEAST:
        return None
    rings = layout(len(view.spectrum))
    power = cv2.blur(np.fft.fftshift(view.spectrum), (3, 3))
    wide, near = (cv2.boxFilter(power, -1, (side, side), normalize=False) for side in (25, 7))
    surroundings = (wide - near) / np.float32(25 * 25 - 7 * 7)
    ratio = np.fft.ifftshift(power / (np.maximum(surroundings, 0) + np.float32(2 * ROUNDING)))
    looked = (rings.band >= LOWEST * BANDS) & (rings.band < HIGHEST * BANDS) & ~rings.grid
    dots = float(ratio.max(initial=1e-3, where=looked & (rings.angle > AXIS)))
    lines = float(ratio.max(initial=1e-3, where=looked & (rings.angle <= AXIS)))
    return 10 * float(np.log10(dots)), 10 * float(np.log10(lines))


SMALL = 192
"""Pixels along the longer side at which borders and stamps are looked for."""


def _small(image: Image) -> Image:
    scale = SMALL / max(image.shape[:2])
    if scale >= 1:
        return image
    size = max(8, round(image.shape[1] * scale)), max(8, round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def border(picture: Picture) -> float:
    """Share of the picture that is an even frame: paper or the scanner's lid around a photograph.

    A portrait before a plain wall has an even upper edge and sides, but a body at its lower edge; so a frame counts
    when the lower edge is even, too, and at least one of the sides.
    """
    small = _small(picture.image).astype(np.float32)
    top, bottom = _even(small), _even(small[::-1])
    left, right = _even(small.transpose(1, 0, 2)), _even(small.transpose(1, 0, 2)[::-1])
    if not bottom or not (left or right):
        return 0.0
    height, width = small.shape[:2]
    return 1 - max(0, height - top - bottom) * max(0, width - left - right) / (height * width)


def _even(rows: Floats) -> int:
    """How many of the first rows, up to two fifths of all, have one colour."""
    most = len(rows) * 2 // 5
    inner = rows[:most, rows.shape[1] // 50 : -(rows.shape[1] // 50) or None]
    uneven = (inner.std(axis=1).max(axis=1) > 6) | (np.abs(inner.mean(axis=1) - inner[0].mean(axis=0)).max(axis=1) > 12)
    return int(np.argmax(uneven)) if uneven.any() else most


def stamp(picture: Picture) -> float:
    """Share of a circle, as large as a stamp, that is drawn in red or blue ink on the picture, 0 to 1.

    A ring of ink, so what lies just inside and outside of it counts against it: red clothes are no stamp.
    """
    image = _small(picture.image)
    colours = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.int16)
    a, b = colours[..., 1] - 128, colours[..., 2] - 128
    best = 0.0
    for ink in ((a > 28) & (b < a + 12), (b < -18)):
        share = float(ink.mean())
        if 0.002 < share < 0.25:
            best = max(best, _ring(ink))
    return best


def _ring(ink: NDArray[np.bool_]) -> float:
    """The best circle's covered share, less what covers the circles beside it."""
    canvas = cv2.GaussianBlur(ink.astype(np.uint8) * np.uint8(255), (0, 0), 1.0)
    shorter = min(ink.shape)
    found = cv2.HoughCircles(
        canvas, cv2.HOUGH_GRADIENT, 2, shorter / 8, None, 120, 12, round(shorter * 0.08), round(shorter * 0.35)
    )
    if found is None:
        return 0.0
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    best = 0.0
    for x, y, radius in found.reshape(-1, 3)[:6]:
        on, inside, outside = (
            _covered(ink, float(x), float(y), float(radius) * share, angles, 1 if share == 1 else 0)
            for share in (1.0, 0.8, 1.25)
        )
        best = max(best, on - max(inside, outside))
    return best


def _covered(ink: NDArray[np.bool_], x: float, y: float, radius: float, angles: NDArray[np.float64], reach: int) -> float:
    """Share of the points of a circle that are ink, or have ink within so many pixels along the radius."""
    hit = np.zeros(len(angles), bool)
    for shift in range(-reach, reach + 1):
        columns = np.rint(x + (radius + shift) * np.cos(angles)).astype(int)
        rows = np.rint(y + (radius + shift) * np.sin(angles)).astype(int)
        inside = (columns >= 0) & (rows >= 0) & (columns < ink.shape[1]) & (rows < ink.shape[0])
        hit |= inside & ink[np.clip(rows, 0, ink.shape[0] - 1), np.clip(columns, 0, ink.shape[1] - 1)]
    return float(hit.mean())


def enlargement_quality(value: float) -> float:
    """Ours: 50 for a picture that was enlarged to twice its size."""
    return falling(value, 2.0, 0.2)


def pattern_quality(value: float) -> float:
    """Ours: 50 at a peak of 11 decibels."""
    return falling(value, 11.0, 1.0)


def border_quality(value: float) -> float:
    """100 (1 - x)."""
    return clamp(100 * (1 - value))


def stamp_quality(value: float) -> float:
    """Ours."""
    return falling(value, 0.5, 0.1)
