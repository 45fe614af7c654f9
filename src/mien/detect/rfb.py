"""Ultra-Light-Fast-Generic-Face-Detector, slim and RFB (Linzaer, MIT): boxes and two probabilities per anchor.

Decodes the two outputs of its ONNX export: probabilities of background and face, and boxes as shares of the input,
already decoded in the graph.
"""

from collections.abc import Sequence

import numpy as np

from mien.detect.boxes_only import BoxesOnlyFamily, without_landmarks
from mien.detect.one_stage import has_widths
from mien.detect.schedule import Candidates
from mien.models.card import InputSpec
from mien.types import Floats, floats


def decode(outputs: Sequence[Floats], width: int, height: int, threshold: float) -> Candidates:
    """Turn the network's outputs for one canvas into boxes.

    Args:
        outputs: (1, A, 2) probabilities of background and face, (1, A, 4) x1, y1, x2, y2 as shares.
        width: of the canvas in pixels.
        height: of the canvas in pixels.
        threshold: min score.
    """
    scores = outputs[0].reshape(-1, 2)[:, 1]
    chosen = np.flatnonzero(scores >= threshold)
    boxes = outputs[1].reshape(-1, 4)[chosen] * floats([width, height, width, height])
    return without_landmarks(boxes, scores[chosen])


RFB = BoxesOnlyFamily(
    name="rfb",
    about="Ultra-Light-Fast-Generic-Face-Detector, slim and RFB",
    # The authors' own threshold.
    min_score=0.7,
    input=InputSpec(colour="RGB", mean=(127.0, 127.0, 127.0), scale=(128.0, 128.0, 128.0)),
    outputs=has_widths(2, 4),
    decode=decode,
)
