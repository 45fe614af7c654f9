"""YOLO for faces, in the output layouts of its generations; only their ONNX files are read, none of their code.

- `yolov3`: three maps of raw outputs for three anchors per cell (Redmon and Farhadi, arXiv 1804.02767), or one table
  of decoded rows: centre x, centre y, width, height, objectness, class.
- `yolov5-face`: rows of 16: box, objectness, five points x, y, class.
- `yolov7-face`: rows of 21: box, objectness, class, five points x, y, confidence.
- `yolov8-face`: columns of 20: box, score, five points x, y, confidence; or of 5, without points.

Boxes and points of the decoded layouts are in pixels of the canvas; a score is objectness times class. The layout is
recognized by the widths of the outputs.
"""

from collections.abc import Callable, Sequence

import numpy as np

from mien.detect.boxes_only import BoxesOnlyFamily, without_landmarks
from mien.detect.detector import OutputShapes
from mien.detect.one_stage import OneStageFamily, has_widths
from mien.detect.schedule import Candidates, join
from mien.models.card import InputSpec
from mien.types import Floats, floats

ANCHORS = {
    8: ((10, 13), (16, 30), (33, 23)),
    16: ((30, 61), (62, 45), (59, 119)),
    32: ((116, 90), (156, 198), (373, 326)),
}
"""Width and height of YOLOv3's anchors at each stride, in pixels (arXiv 1804.02767, section 2.3)."""

SUPPRESSED = 0.45
"""IoU above which the worse of two boxes goes, as in all their code."""


def decode_v3(outputs: Sequence[Floats], width: int, height: int, threshold: float) -> Candidates:
    """YOLOv3: raw maps, or decoded rows.

    Args:
        outputs: three (1, 3 * (5 + classes), H, W) in any order, or one (1, N, 5 + classes).
        width: of the canvas in pixels.
        height: of the canvas in pixels.
        threshold: min score.
    """
    if len(outputs) == 1:
        rows = outputs[0].reshape(-1, outputs[0].shape[-1])
        return _rows(rows[:, :4], rows[:, 4] * rows[:, 5:].max(axis=1), threshold)
    return join([_map(output, width, threshold) for output in outputs])


def _map(output: Floats, width: int, threshold: float) -> Candidates:
    """One stride's raw map: box = (sigmoid(t) + cell) * stride, sides = anchor * e^t."""
    rows, columns = output.shape[2:]
    stride = width // columns
    cells = output.reshape(3, -1, rows, columns)
    score = _sigmoid(cells[:, 4]) * _sigmoid(cells[:, 5:]).max(axis=1)
    anchor, y, x = np.nonzero(score >= threshold)
    chosen = cells[anchor, :4, y, x]
    centres = (_sigmoid(chosen[:, :2]) + np.stack([x, y], axis=1)) * stride
    sides = np.exp(chosen[:, 2:]) * floats(ANCHORS[stride])[anchor]
    return _rows(np.concatenate([centres, sides], axis=1), score[anchor, y, x], threshold)


def _sigmoid(values: Floats) -> Floats:
    return floats(1 / (1 + np.exp(-np.clip(values, -60, 60))))


def _rows(boxes: Floats, scores: Floats, threshold: float, points: Floats | None = None) -> Candidates:
    """Candidates from centre x, centre y, width and height."""
    chosen = np.flatnonzero(scores >= threshold)
    box, score = boxes[chosen], floats(np.clip(scores[chosen], 0, 1))
    half = box[:, 2:4] / 2
    corners = floats(np.concatenate([box[:, :2] - half, box[:, :2] + half], axis=1))
    if points is None:
        return without_landmarks(corners, score)
    return Candidates(corners, score, floats(points[chosen]))


def decode_v5(outputs: Sequence[Floats], width: int, height: int, threshold: float) -> Candidates:
    """YOLOv5-face: (1, N, 16); see decode_v3 for the arguments."""
    rows = outputs[0].reshape(-1, 16)
    return _rows(rows[:, :4], rows[:, 4] * rows[:, 15], threshold, rows[:, 5:15].reshape(-1, 5, 2))


def decode_v7(outputs: Sequence[Floats], width: int, height: int, threshold: float) -> Candidates:
    """YOLOv7-face: (1, N, 21); see decode_v3 for the arguments."""
    rows = outputs[0].reshape(-1, 21)
    return _rows(rows[:, :4], rows[:, 4] * rows[:, 5], threshold, rows[:, 6:].reshape(-1, 5, 3)[..., :2])


def decode_v8(outputs: Sequence[Floats], width: int, height: int, threshold: float) -> Candidates:
    """YOLOv8-face: (1, 20, N); see decode_v3 for the arguments."""
    rows = outputs[0].reshape(20, -1).T
    return _rows(rows[:, :4], rows[:, 4], threshold, rows[:, 5:].reshape(-1, 5, 3)[..., :2])


def decode_v8_boxes(outputs: Sequence[Floats], width: int, height: int, threshold: float) -> Candidates:
    """YOLOv8 without points: (1, 5, N); see decode_v3 for the arguments."""
    rows = outputs[0].reshape(5, -1).T
    return _rows(rows[:, :4], rows[:, 4], threshold)


def _is_raw(outputs: OutputShapes) -> bool:
    """Three maps of three anchors with a box, objectness and a few classes each."""
    return len(outputs) == 3 and all(
        len(shape) == 4 and (channels := shape[1]) is not None and channels % 3 == 0 and 18 <= channels <= 30
        for shape in outputs
    )


def _has_columns(rows: int) -> Callable[[OutputShapes], bool]:
    """Recognizes one table that has a row for each number and a column for each candidate."""

    def recognizes(outputs: OutputShapes) -> bool:
        return (
            len(outputs) == 1
            and len(outputs[0]) == 3
            and outputs[0][1] == rows
            and (outputs[0][2] or CANDIDATES) > MIN_CANDIDATES
        )

    return recognizes


CANDIDATES, MIN_CANDIDATES = 8400, 32
"""Columns of YOLOv8's table at 640 pixels, taken where the file leaves them open; and fewer than any input gives."""

INPUT = InputSpec(colour="RGB", mean=(0.0, 0.0, 0.0), scale=(255.0, 255.0, 255.0))

YOLO_V3 = BoxesOnlyFamily(
    name="yolov3",
    about="YOLOv3 trained on faces, converted from Darknet",
    min_score=0.5,
    legacy=True,
    input=INPUT,
    outputs=lambda outputs: has_widths(6)(outputs) or _is_raw(outputs),
    decode=decode_v3,
    overlap=SUPPRESSED,
)
YOLO_V5_FACE = OneStageFamily(
    name="yolov5-face",
    about="YOLOv5-face",
    min_score=0.5,
    input=INPUT,
    outputs=has_widths(16),
    decode=decode_v5,
    overlap=SUPPRESSED,
)
YOLO_V7_FACE = OneStageFamily(
    name="yolov7-face",
    about="YOLOv7-face",
    min_score=0.5,
    input=INPUT,
    outputs=has_widths(21),
    decode=decode_v7,
    overlap=SUPPRESSED,
)
YOLO_V8_FACE = OneStageFamily(
    name="yolov8-face",
    about="YOLOv8-face with landmarks",
    min_score=0.5,
    input=INPUT,
    outputs=_has_columns(20),
    decode=decode_v8,
    overlap=SUPPRESSED,
)
YOLO_V8_BOXES = BoxesOnlyFamily(
    name="yolov8-boxes",
    about="YOLOv8 trained on faces, without landmarks",
    min_score=0.5,
    input=INPUT,
    outputs=_has_columns(5),
    decode=decode_v8_boxes,
    overlap=SUPPRESSED,
)
