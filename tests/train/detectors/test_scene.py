"""Faces at the edges of an image."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.detectors.scene import Scene, ignore_small, keep_inside  # noqa: E402


def test_a_face_whose_centre_is_outside_is_ignored_and_small_ones_as_well() -> None:
    box = np.array([[-30, 10, 20, 60], [50, 50, 90, 100], [10, 90, 14, 95]], np.float32)
    scene = Scene(np.zeros((120, 120, 3), np.uint8), box, np.zeros((3, 5, 2), np.float32), np.zeros(3, np.bool_))
    kept = ignore_small(keep_inside(scene), 6)
    assert kept.ignore.tolist() == [True, False, True]
    assert kept.boxes[0].tolist() == [0, 10, 20, 60]


def test_a_box_is_whole_or_cut_and_one_that_is_ignored_is_cut() -> None:
    box = np.array([[-30, 10, 20, 60], [-10, 50, 40, 150]], np.float32)
    scene = Scene(np.zeros((120, 120, 3), np.uint8), box, np.zeros((2, 5, 2), np.float32), np.zeros(2, np.bool_))
    assert keep_inside(scene).boxes.tolist() == [[0, 10, 20, 60], [0, 50, 40, 120]]
    assert keep_inside(scene, clip=False).boxes.tolist() == [[0, 10, 20, 60], [-10, 50, 40, 150]]
    assert keep_inside(scene, clip=False).ignore.tolist() == [True, False]


def test_faces_without_their_image_are_the_same_faces() -> None:
    box = np.array([[10, 10, 20, 60]], np.float32)
    scene = Scene(np.zeros((120, 120, 3), np.uint8), box, np.ones((1, 5, 2), np.float32), np.zeros(1, np.bool_))
    bare = scene.without_image()
    assert bare.image.size == 0 and bare.boxes is scene.boxes and bare.landmarks is scene.landmarks
