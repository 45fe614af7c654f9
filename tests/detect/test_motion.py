"""Faces move with what is seen in the image; cuts are noticed, movements are not taken for cuts."""

import cv2
import numpy as np
import pytest

from mien.detect.motion import WIDTH, carry_faces, is_cut, make_grey, touching
from mien.types import Box, Face, Image, floats


def texture(width: int = 320, height: int = 200) -> Image:
    noise = np.random.default_rng(3).integers(0, 255, (height, width, 3), np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 3), np.uint8)


def moved(image: Image, dx: float, dy: float, scale: float = 1.0) -> Image:
    matrix = np.array([[scale, 0, dx], [0, scale, dy]], np.float64)
    return np.asarray(cv2.warpAffine(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REFLECT), np.uint8)


def face(x: float, y: float, side: float = 60) -> Face:
    points = floats([(x + 20, y + 20), (x + 40, y + 20), (x + 30, y + 30), (x + 22, y + 45), (x + 38, y + 45)])
    return Face(Box(x, y, x + side, y + side), 0.9, points)


def test_a_face_and_its_landmarks_move_with_the_image() -> None:
    image, one = texture(), face(100, 70)
    (found,) = carry_faces(make_grey(image), make_grey(moved(image, 7, -4)), [one])
    assert found is not None
    assert found.box.corners == pytest.approx((107, 66, 167, 126), abs=0.5)
    assert found.landmarks == pytest.approx(one.landmarks + np.array((7, -4)), abs=0.5)


def test_a_face_that_comes_nearer_grows() -> None:
    image = texture()
    (found,) = carry_faces(make_grey(image), make_grey(moved(image, 0, 0, 1.06)), [face(100, 70)])
    assert found is not None
    assert found.box.width == pytest.approx(63.6, abs=0.8)
    assert found.box.x1 == pytest.approx(106, abs=1) and found.box.y1 == pytest.approx(74.2, abs=1)


def test_large_frames_are_shrunk_and_boxes_stay_in_pixels_of_the_frame() -> None:
    image = texture(1600, 900)
    image = np.asarray(cv2.GaussianBlur(image, (0, 0), 6), np.uint8)
    before = make_grey(image)
    assert before.pixels.shape == (360, WIDTH) and before.scale == pytest.approx(0.4)
    (found,) = carry_faces(before, make_grey(moved(image, 20, 10)), [face(500, 300, 200)])
    assert found is not None and found.box.corners == pytest.approx((520, 310, 720, 510), abs=2)


def test_a_face_whose_points_do_not_come_back_is_not_carried() -> None:
    image = texture()
    other = np.random.default_rng(9).integers(0, 255, image.shape, np.uint8)
    assert carry_faces(make_grey(image), make_grey(np.asarray(other, np.uint8)), [face(100, 70)]) == [None]


def test_a_camera_that_changes_its_size_carries_nothing_and_is_a_cut() -> None:
    before, now = make_grey(texture()), make_grey(texture(200, 320))
    assert carry_faces(before, now, [face(10, 10)]) == [None] and is_cut(before, now)


def test_a_cut_is_noticed_and_a_pan_is_none() -> None:
    dark, bright = np.full((90, 160, 3), 30, np.uint8), np.full((90, 160, 3), 90, np.uint8)
    assert is_cut(make_grey(dark), make_grey(bright))
    image = texture()
    assert not is_cut(make_grey(image), make_grey(moved(image, 12, 3)))


def test_faces_that_overlap_touch_and_others_do_not() -> None:
    assert touching([face(0, 0), face(40, 0), face(200, 0)], 0.05) == {0, 1}
    assert touching([face(0, 0)], 0.05) == set() and touching([], 0.05) == set()
