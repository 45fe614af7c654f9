"""The SSD's output: boxes as shares of the canvas, of faces alone."""

import numpy as np

from mien.detect import ssd


def test_boxes_are_shares_of_the_canvas_and_other_classes_are_left_out() -> None:
    rows = np.array([[0, 1, 0.9, 0.1, 0.2, 0.5, 0.6], [0, 0, 0.9, 0, 0, 1, 1], [-1, 0, 0, 0, 0, 0, 0]], np.float32)
    found = ssd.decode([rows[None, None]], 300, 300, 0.5)
    assert np.allclose(found.boxes, [[30, 60, 150, 180]]) and np.isnan(found.landmarks).all()
