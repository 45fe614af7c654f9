"""OpenCV's SSD with a ResNet-10, as an ONNX file (Liu et al., ECCV 2016; opencv/samples/dnn/face_detector).

Decodes the output of a DetectionOutput layer: a row of seven for each box, number of the image, class, score, and
corners as shares of the input.
"""

from collections.abc import Sequence

import numpy as np

from mien.detect.boxes_only import BoxesOnlyFamily, without_landmarks
from mien.detect.one_stage import has_widths
from mien.detect.schedule import Candidates
from mien.models.card import InputSpec
from mien.types import Floats, floats

FACE = 1
"""The class of faces; 0 is the background."""


def decode(outputs: Sequence[Floats], width: int, height: int, threshold: float) -> Candidates:
    """Turn the network's output for one canvas into boxes.

    Args:
        outputs: (1, 1, N, 7) image, class, score, x1, y1, x2, y2 as shares; rows of no image fill it up.
        width: of the canvas in pixels.
        height: of the canvas in pixels.
        threshold: min score.
    """
    rows = outputs[0].reshape(-1, 7)
    chosen = rows[(rows[:, 0] >= 0) & (rows[:, 1] == FACE) & (rows[:, 2] >= threshold)]
    return without_landmarks(chosen[:, 3:] * floats([width, height, width, height]), np.minimum(chosen[:, 2], 1))


SSD = BoxesOnlyFamily(
    name="ssd",
    about="OpenCV's SSD with a ResNet-10, converted to ONNX",
    min_score=0.5,
    legacy=True,
    input=InputSpec(colour="BGR", mean=(104.0, 177.0, 123.0), scale=(1.0, 1.0, 1.0)),
    outputs=has_widths(7),
    decode=decode,
)
