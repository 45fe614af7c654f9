"""Whether a network gives for several images at once what it gives for each alone. Knows no engine."""

from collections.abc import Callable, Sequence

import numpy as np

from mien.models.golden import golden_image
from mien.types import Floats, Image

FREE_SIZE = (64, 64)
"""Width and height of the images on which an engine tries a network of any size."""

CPU_BATCH, GPU_BATCH = 32, 256
"""Images that are worth being run together: more gain nothing on a CPU (docs/log.md), and a GPU is busy with less
than a share of this many crops."""

Run = Callable[[Image], Sequence[Floats]]
"""Runs (N, H, W, 3) uint8 RGB through a network."""


def batches_agree(run: Run, width: int, height: int, count: int = 2) -> bool:
    """Whether a batch of images equals its images alone; some graphs hold the batch of their export in a reshape.

    Args:
        run: gives the outputs for a batch; whatever it raises counts as no.
        width: of the images in pixels.
        height: of the images in pixels.
        count: images in the batch.
    """
    # Every other image is darker: images that are too much alike would hide that a graph mixes them.
    images = np.stack([golden_image(seed, width, height) >> (seed % 2) for seed in range(1, count + 1)])
    try:
        together = run(images)
        alone = [run(images[i : i + 1]) for i in range(count)]
    except Exception:  # noqa: BLE001 - engines raise what they like
        return False
    return all(_same(output, [single[place] for single in alone]) for place, output in enumerate(together))


def _same(together: Floats, alone: Sequence[Floats]) -> bool:
    """Whether an output holds the same numbers. A detector may give an image's candidates in another order."""
    parts = np.concatenate([single.ravel() for single in alone])
    if together.size != parts.size:
        return False
    if len(together) == len(alone) and len(alone[0]) == 1:
        return bool(np.allclose(together.ravel(), parts, rtol=1e-3, atol=1e-2))
    return bool(np.allclose(np.sort(together.ravel()), np.sort(parts), rtol=1e-3, atol=1e-2))
