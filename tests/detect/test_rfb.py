"""Ultra-Light's outputs: boxes as shares of the canvas."""

import numpy as np
import pytest

from mien.detect import rfb


def test_boxes_are_shares_of_the_canvas() -> None:
    scores = np.array([[[0.9, 0.1], [0.2, 0.8]]], np.float32)
    boxes = np.array([[[0, 0, 1, 1], [0.25, 0.5, 0.75, 1.0]]], np.float32)
    found = rfb.decode([scores, boxes], 320, 240, 0.7)
    assert found.boxes.tolist() == [[80, 120, 240, 240]] and found.scores.tolist() == [pytest.approx(0.8)]
