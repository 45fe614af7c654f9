"""Maps native values to the 0 to 100 quality scale of ISO/IEC 29794-5. Owns the sigmoids and the median; knows no
measure."""

from math import exp
from typing import Any

import numpy as np
from numpy.typing import NDArray


def median(values: NDArray[Any]) -> float:
    """The median of numbers of which none is NaN.

    numpy's own looks for NaN; for that it imports numpy.ma, which takes a fortieth of the time of `mien compare`.
    """
    flat = values.reshape(-1)
    middle = len(flat) // 2
    if len(flat) % 2:
        return float(np.partition(flat, middle)[middle])
    low, high = np.partition(flat, (middle - 1, middle))[middle - 1 : middle + 1]
    return float((low + high) / 2) if np.issubdtype(flat.dtype, np.floating) else (int(low) + int(high)) / 2


def sigmoid(x: float, x0: float, w: float) -> float:
    """S(x; x0, w) = 1 / (1 + exp((x0 - x) / w)), ISO/IEC 29794-5:2025, as OFIQ 1.0.3 computes it."""
    z = (x0 - x) / w
    return 0.0 if z > 700 else 1 / (1 + exp(z))


def clamp(quality: float) -> float:
    """A quality within 0 to 100."""
    return min(100.0, max(0.0, quality))


def falling(x: float, middle: float, width: float) -> float:
    """100 far below the middle, 50 at it, 0 far above; for measures of which less is better."""
    return 100 * (1 - sigmoid(x, middle, width))


def rising(x: float, middle: float, width: float) -> float:
    """0 far below the middle, 50 at it, 100 far above; for measures of which more is better."""
    return 100 * sigmoid(x, middle, width)
