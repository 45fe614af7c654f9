"""SCRFD: anchor-free boxes and landmarks on three strides (Guo et al., arXiv 2105.04714).

Decodes the nine outputs of the InsightFace export: scores, then box distances, then landmark offsets, each for
strides 8, 16 and 32 with two anchors per cell. Centres are at (column * stride, row * stride).
"""

from collections.abc import Sequence

import numpy as np

from mien.detect.one_stage import OneStageFamily, has_widths
from mien.detect.schedule import Candidates, join
from mien.models.card import InputSpec
from mien.types import Floats

STRIDES = (8, 16, 32)
ANCHORS = 2


def decode(outputs: Sequence[Floats], width: int, height: int, threshold: float) -> Candidates:
    """Turn the network's outputs for one canvas into boxes.

    Args:
        outputs: nine arrays; per stride (cells * 2, 1) scores, (cells * 2, 4) distances left, top, right,
            bottom in strides, (cells * 2, 10) landmark offsets x, y in strides.
        width: of the canvas in pixels.
        height: of the canvas in pixels.
        threshold: min score.
    """
    parts = []
    for level, stride in enumerate(STRIDES):
        scores = outputs[level].reshape(-1)
        chosen = np.flatnonzero(scores >= threshold)
        columns = width // stride
        cells = chosen // ANCHORS
        centres = np.stack([cells % columns, cells // columns], axis=1).astype(np.float32) * stride
        sides = outputs[level + 3].reshape(-1, 4)[chosen] * stride
        points = outputs[level + 6].reshape(-1, 5, 2)[chosen] * stride
        boxes = np.concatenate([centres - sides[:, :2], centres + sides[:, 2:]], axis=1)
        parts.append(Candidates(boxes, scores[chosen], centres[:, None] + points))
    return join(parts)


SCRFD = OneStageFamily(
    name="scrfd",
    about="SCRFD, by InsightFace or `mien train`",
    min_score=0.5,
    input=InputSpec(colour="RGB", mean=(127.5, 127.5, 127.5), scale=(128.0, 128.0, 128.0)),
    outputs=has_widths(1, 1, 1, 4, 4, 4, 10, 10, 10),
    decode=decode,
)
