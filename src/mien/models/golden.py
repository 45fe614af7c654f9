"""Golden vectors: a made picture and what a network must answer to it. Knows no engine and no store."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mien.models.card import Golden
from mien.types import Floats, Image

AGREEMENT = 0.999
"""Least cosine between a golden vector and its repetition, on another engine or in another precision."""

SAMPLE = 256
"""How many numbers of each output a golden vector keeps, evenly spaced."""


def golden_image(seed: int, width: int, height: int) -> Image:
    """A smooth coloured pattern with some noise, the same on every machine.

    Only integer arithmetic: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014, figure 17) gives a grid of 9x9
    colours and the noise, and the grid is interpolated in integers.

    Returns:
        (height, width, 3) uint8.
    """
    grid = _random_bytes(seed, 9 * 9 * 3).reshape(9, 9, 3).astype(np.int64)
    y, x = np.arange(height) * 8 * 256 // height, np.arange(width) * 8 * 256 // width
    row, column = y >> 8, x >> 8
    v, u = (y & 255)[:, None, None], (x & 255)[None, :, None]
    top = grid[row][:, column] * (256 - u) + grid[row][:, column + 1] * u
    bottom = grid[row + 1][:, column] * (256 - u) + grid[row + 1][:, column + 1] * u
    smooth = (top * (256 - v) + bottom * v) >> 16
    noise = _random_bytes(seed + 1, height * width * 3).reshape(height, width, 3).astype(np.int64)
    return np.asarray((smooth * 3 + noise) >> 2, np.uint8)


def _random_bytes(seed: int, count: int) -> NDArray[np.uint64]:
    mixed = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (mixed ^ (mixed >> np.uint64(31))) >> np.uint64(56)


def sample(outputs: Sequence[Floats]) -> Floats:
    """At most SAMPLE evenly spaced numbers of each output, end to end."""
    parts = []
    for output in outputs:
        flat = np.asarray(output, np.float32).reshape(-1)
        parts.append(flat[np.linspace(0, flat.size - 1, min(SAMPLE, flat.size)).astype(int)])
    return np.concatenate(parts)


def measure(run: Callable[[Image], Sequence[Floats]], seed: int, width: int, height: int) -> Golden:
    """Run the network on the golden image and keep the answer."""
    output = sample(run(golden_image(seed, width, height)))
    return Golden(seed=seed, width=width, height=height, output=tuple(float(f"{v:.6g}") for v in output))


def agreement(golden: Golden, run: Callable[[Image], Sequence[Floats]]) -> float:
    """Cosine between the golden vector and what the network answers now; 0 if the sizes differ."""
    now = sample(run(golden_image(golden.seed, golden.width, golden.height)))
    then = np.asarray(golden.output, np.float32)
    if now.shape != then.shape or not np.isfinite(now).all():
        return 0.0
    return float(now @ then / max(1e-12, float(np.linalg.norm(now) * np.linalg.norm(then))))
