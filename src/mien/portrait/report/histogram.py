"""The bars and limits of a histogram, in pixels, for the page's template. Draws nothing itself."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.types import Floats

BINS = 40
WIDTH, HEIGHT = 320, 90
"""Of the bars, in pixels."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its left edge, top and height in pixels, and whether most of its values are outside of the limits."""

    x: float
    y: float
    height: float
    is_outside: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """A histogram.

    Attributes:
        title: what is shown.
        low: the value at the left end.
        high: the value at the right end.
        bars: from left to right; without empty ones.
        marks: the limits: place in pixels, value.
    """

    title: str
    low: float
    high: float
    bars: tuple[Bar, ...]
    marks: tuple[tuple[float, float], ...]

    @property
    def bar_width(self) -> float:
        """The width of a bar in pixels, without the gap."""
        return WIDTH / BINS - 0.6


def histogram(title: str, values: Floats, min_: float | None, max_: float | None) -> Histogram:
    """The histogram of values.

    Args:
        title: what is shown.
        values: (N,) of which NaN is left out; the outermost half percent at each end is put into the last bars.
        min_: the lower limit, or None.
        max_: the upper limit, or None.
    """
    known = values[np.isfinite(values)]
    limits = [limit for limit in (min_, max_) if limit is not None]
    low, high = _ends(known, limits)
    counts, outside = (_count(part, low, high) for part in (known, known[_outside(known, min_, max_)]))
    bars = []
    for index, (count, beyond) in enumerate(zip(counts, outside, strict=True)):
        if count:
            height = HEIGHT * count / max(counts)
            bars.append(Bar(index * WIDTH / BINS, HEIGHT - height, height, 2 * beyond > count))
    marks = tuple(((limit - low) / (high - low) * WIDTH, limit) for limit in limits)
    return Histogram(title=title, low=low, high=high, bars=tuple(bars), marks=marks)


def _outside(values: Floats, min_: float | None, max_: float | None) -> NDArray[np.bool_]:
    return (values < (-np.inf if min_ is None else min_)) | (values > (np.inf if max_ is None else max_))


def _count(values: Floats, low: float, high: float) -> list[int]:
    """How many values are in each bin."""
    return [int(count) for count in np.histogram(np.clip(values, low, high), BINS, (low, high))[0]]


def _ends(known: Floats, limits: Sequence[float]) -> tuple[float, float]:
    """The values at both ends: nearly all values and all limits, with a margin."""
    ends = [*np.percentile(known, [0.5, 99.5]).tolist(), *limits]
    low, high = min(ends), max(ends)
    margin = 0.5 if high - low < 1e-9 else 0.02 * (high - low)
    return low - margin, high + margin
