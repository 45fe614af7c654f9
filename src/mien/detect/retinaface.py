"""RetinaFace: boxes and landmarks on two square anchors per cell of three strides (Deng et al., CVPR 2020).

Decodes the three outputs of biubug6's Pytorch_Retinaface: boxes, probabilities of background and face, landmarks.
Anchors are at the cells' centres; a box is its anchor moved by a tenth of the anchor's sides and grown by e to a
fifth of what the network gives, a landmark is the anchor's centre moved in the same way.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from mien.detect.one_stage import OneStageFamily, has_widths
from mien.detect.schedule import Candidates
from mien.models.card import InputSpec
from mien.types import Floats, floats

STRIDES = (8, 16, 32)
SIDES = ((16, 32), (64, 128), (256, 512))
"""Of the anchors of each stride, in pixels."""
MOVE, GROW = 0.1, 0.2
"""The variances of the layout."""


@lru_cache(maxsize=64)
def anchors(width: int, height: int) -> Floats:
    """(A, 3) centre x, centre y and side of the anchors of a canvas, in pixels."""
    levels = []
    for stride, sides in zip(STRIDES, SIDES, strict=True):
        rows, columns = -(-height // stride), -(-width // stride)
        y, x = np.mgrid[:rows, :columns]
        cells = np.stack([x, y], axis=2).reshape(-1, 1, 2)
        centres = np.broadcast_to((cells + 0.5) * stride, (rows * columns, len(sides), 2))
        wide = np.broadcast_to(floats(sides)[None, :, None], (rows * columns, len(sides), 1))
        levels.append(np.concatenate([centres, wide], axis=2).reshape(-1, 3))
    return floats(np.concatenate(levels))


def decode(outputs: Sequence[Floats], width: int, height: int, threshold: float) -> Candidates:
    """Turn the network's outputs for one canvas into boxes.

    Args:
        outputs: (1, A, 4) boxes, (1, A, 2) probabilities of background and face, (1, A, 10) landmarks.
        width: of the canvas in pixels.
        height: of the canvas in pixels.
        threshold: min score.
    """
    scores = outputs[1].reshape(-1, 2)[:, 1]
    chosen = np.flatnonzero(scores >= threshold)
    own = anchors(width, height)[chosen]
    centres, sides = own[:, :2], own[:, 2:]
    box = outputs[0].reshape(-1, 4)[chosen]
    middles = centres + box[:, :2] * MOVE * sides
    half = sides * np.exp(box[:, 2:] * GROW) / 2
    points = centres[:, None] + outputs[2].reshape(-1, 5, 2)[chosen] * MOVE * sides[:, None]
    return Candidates(np.concatenate([middles - half, middles + half], axis=1), scores[chosen], points)


RETINAFACE = OneStageFamily(
    name="retinaface",
    about="RetinaFace in biubug6's layout, by `mien export` or `mien train`",
    min_score=0.6,
    input=InputSpec(colour="BGR", mean=(104.0, 117.0, 123.0), scale=(1.0, 1.0, 1.0)),
    outputs=has_widths(4, 2, 10),
    decode=decode,
)
