"""Golden vectors: a drawn image and what a network must answer to it. Knows no engine and no store."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mien.errors import CardError
from mien.models.card import Golden
from mien.types import Floats, Image

AGREEMENT = 0.999
"""Min cosine between a golden vector and its repetition, on another engine or in another precision."""

SEED = 7
"""Of the golden image of a network that gets its card here."""

FREE_SIDE = 128
"""Width and height of the golden image where the network takes any size."""

NOT_FINITE = "its answer has numbers that are not finite"
ALL_ZERO = "its answer is all zeros"
"""What is wrong with an answer that is not a golden vector, as a part of a sentence."""

SAMPLE = 256
"""How many numbers of each output a golden vector keeps, evenly spaced."""


def golden_image(seed: int, width: int, height: int) -> Image:
    """A drawn face under noise, the same on every machine.

    A network is exact in low precision only on inputs of the usual kind, so the golden image resembles what the
    network will see: ellipses for hair, head, eyes, brows, nose and mouth in the ArcFace pose, lit from one
    side, three parts to one part of noise (SplitMix64: Steele, Lea and Flood, OOPSLA 2014, figure 17).

    Returns:
        (height, width, 3) uint8.
    """
    face = _drawn_face(width, height).astype(np.int64)
    noise = _random_bytes(seed, height * width * 3).reshape(height, width, 3).astype(np.int64)
    return np.asarray((face * 3 + noise) >> 2, np.uint8)


ELLIPSES = (
    (56, 40, 48, 50, (60, 40, 30)),
    (56, 66, 40, 52, (205, 160, 135)),
    *((x, 52, 9, 5, (240, 235, 230)) for x in (38, 74)),
    *((x, 52, 4, 4, (60, 40, 30)) for x in (38, 74)),
    *((x, 42, 11, 3, (70, 50, 40)) for x in (38, 74)),
    (56, 66, 5, 9, (190, 145, 120)),
    (56, 92, 15, 5, (170, 80, 80)),
)
"""Centre and half axes in pixels of a 112x112 face, and the colour: drawn in this order."""


def _drawn_face(width: int, height: int) -> Image:
    y = (np.arange(height)[:, None] * 112) / height
    x = (np.arange(width)[None, :] * 112) / width
    drawn = np.empty((height, width, 3))
    drawn[:] = (90, 100, 120)
    for centre_x, centre_y, half_width, half_height, colour in ELLIPSES:
        inside = ((x - centre_x) / half_width) ** 2 + ((y - centre_y) / half_height) ** 2 <= 1
        drawn[inside] = colour
    light = 0.75 + 0.5 * x / 112
    return np.asarray(np.clip(drawn * light[..., None], 0, 255), np.uint8)


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
    """Run the network on the golden image and keep the answer.

    Raises:
        CardError: it has numbers that are NaN or infinite, or is all zeros: nothing could ever agree with it.
    """
    output = sample(run(golden_image(seed, width, height)))
    if not np.isfinite(output).all():
        raise CardError(NOT_FINITE)
    if not output.any():
        raise CardError(ALL_ZERO)
    return Golden(seed=seed, width=width, height=height, output=tuple(float(f"{v:.6g}") for v in output))


def agreement(golden: Golden, run: Callable[[Image], Sequence[Floats]]) -> float:
    """Cosine between the golden vector and what the network answers now; 0 if the sizes differ."""
    return _cosine(sample(run(golden_image(golden.seed, golden.width, golden.height))), golden)


def cosine(one: Golden, other: Golden) -> float:
    """Cosine between two golden vectors; 0 if they answer different images or their sizes differ."""
    if (one.seed, one.width, one.height) != (other.seed, other.width, other.height):
        return 0.0
    return _cosine(np.asarray(other.output, np.float32), one)


def _cosine(now: Floats, golden: Golden) -> float:
    # In double precision: the products of large answers overflow in single, and NaN would be compared.
    wide, then = np.asarray(now, np.float64), np.asarray(golden.output, np.float64)
    if wide.shape != then.shape or not np.isfinite(wide).all() or not np.isfinite(then).all():
        return 0.0
    return float(wide @ then / max(1e-12, float(np.linalg.norm(wide) * np.linalg.norm(then))))
