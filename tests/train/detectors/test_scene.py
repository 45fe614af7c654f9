"""Faces at the edges of an image."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.detectors.scene import Scene, clipped, ignore_small  # noqa: E402


def test_a_face_whose_centre_is_outside_is_ignored_and_small_ones_as_well() -> None:
    box = np.array([[-30, 10, 20, 60], [50, 50, 90, 100], [10, 90, 14, 95]], np.float32)
    scene = Scene(np.zeros((120, 120, 3), np.uint8), box, np.zeros((3, 5, 2), np.float32), np.zeros(3, np.bool_))
    kept = ignore_small(clipped(scene), 6)
    assert kept.ignore.tolist() == [True, False, True]
    assert kept.boxes[0].tolist() == [0, 10, 20, 60]
