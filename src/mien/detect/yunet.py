"""YuNet: one box and five landmarks per cell on three strides (Wu, Peng and Yu, MIR 20, 2023).

Decodes the twelve outputs of libfacedetection's export: class and object scores, boxes (centre offset and log
size, in strides) and landmark offsets, each for strides 8, 16 and 32. A face's score is the geometric mean of its
class and object scores.
"""

from collections.abc import Sequence

import numpy as np

from mien.detect.one_stage import OneStageFamily, has_widths
from mien.detect.schedule import PASSES, Candidates, Pass, join
from mien.models.card import InputSpec
from mien.types import Floats

STRIDES = (8, 16, 32)


def decode(outputs: Sequence[Floats], width: int, height: int, threshold: float) -> Candidates:
    """Turn the network's outputs for one canvas into boxes.

    Args:
        outputs: twelve arrays; per stride (1, cells, 1) class and object scores, (1, cells, 4) boxes and
            (1, cells, 10) landmarks.
        width: of the canvas in pixels.
        height: of the canvas in pixels.
        threshold: min score.
    """
    parts = []
    for level, stride in enumerate(STRIDES):
        classes, objects = outputs[level].reshape(-1), outputs[level + 3].reshape(-1)
        scores = np.sqrt(np.clip(classes, 0, 1) * np.clip(objects, 0, 1))
        chosen = np.flatnonzero(scores >= threshold)
        columns = width // stride
        cells = np.stack([chosen % columns, chosen // columns], axis=1).astype(np.float32)
        box = outputs[level + 6].reshape(-1, 4)[chosen]
        centres, sizes = (cells + box[:, :2]) * stride, np.exp(box[:, 2:]) * stride
        points = (outputs[level + 9].reshape(-1, 5, 2)[chosen] + cells[:, None]) * stride
        boxes = np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)
        parts.append(Candidates(boxes, scores[chosen], points))
    return join(parts)


YUNET = OneStageFamily(
    name="yunet",
    about="YuNet, by OpenCV's model zoo",
    min_score=0.6,
    input=InputSpec(colour="BGR", mean=(0.0, 0.0, 0.0), scale=(1.0, 1.0, 1.0)),
    outputs=has_widths(*[1] * 6, *[4] * 3, *[10] * 3),
    decode=decode,
    # A larger first pass than SCRFD's: at 640 pixels it missed one in twenty faces of 5% of the height.
    passes=(Pass(longest=960), PASSES[1]),
)
