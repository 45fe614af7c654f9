"""Framing on faces whose geometry is known."""

import numpy as np
import pytest

from mien.portrait.measures import framing
from mien.portrait.measures.catalogue import place
from mien.portrait.measures.face_chip import CHIN, CHIP_POSE, IED, PortraitImage, make_face_chip
from mien.types import Box, Face, floats


def framed(width: int = 300, height: int = 400, file: int = 1, left: float = 40.0, top: float = 60.0):
    """A face with eyes 64 apart whose chip begins at (left, top) of a picture; the file is `file` times as large."""
    points = floats(CHIP_POSE.points + np.array([left, top], np.float32))
    face = Face(Box(left + 50, top + 30, left + 174, top + 210), 0.9, points)
    other = Face(Box(0, 0, 62, 90), 0.9, points)
    image = np.full((height, width, 3), 128, np.uint8)
    return make_face_chip(
        PortraitImage(image=image, width=width * file, height=height * file, faces=(other, face), chosen=1)
    )


def test_sizes_are_in_pixels_of_the_file() -> None:
    assert framing.face_side(framed()) == pytest.approx(124)
    assert framing.face_side(framed(file=3)) == pytest.approx(372)
    assert framing.inter_eye(framed(file=3)) == pytest.approx(3 * IED, rel=0.03)


def test_the_share_counts_what_lies_in_the_picture() -> None:
    assert framing.face_share(framed()) == pytest.approx(124 * 180 / (300 * 400))
    cut = framed(left=-112.0)
    assert framing.face_share(cut) == pytest.approx(62 * 180 / (300 * 400))


def test_a_second_face_is_told_by_its_area() -> None:
    portrait = framed().portrait
    assert framing.second_face(portrait) == pytest.approx(62 * 90 / (124 * 180))
    assert framing.faces(portrait) == 2


def test_places_and_margins() -> None:
    one = framed()
    points = one.portrait.face.landmarks
    t = CHIN * np.linalg.norm(points[3:].mean(axis=0) - points[:2].mean(axis=0))
    assert framing.head_size(one) == pytest.approx(t / 400)
    assert framing.centre_x(one) == pytest.approx(152 / 300, abs=0.005)
    assert framing.eye_line(one) == pytest.approx(148 / 400, abs=0.005)
    assert framing.margin_left(one) == pytest.approx(points[0, 0] / np.linalg.norm(points[1] - points[0]))
    assert framing.margin_right(one) == pytest.approx((300 - points[1, 0]) / np.linalg.norm(points[1] - points[0]))
    assert framing.margin_above(one) == pytest.approx(points[:2, 1].mean() / t)
    assert framing.margin_below(one) == pytest.approx((400 - points[:2, 1].mean()) / t)


def test_a_measures_place_lies_around_what_it_looks_at() -> None:
    points = framed().portrait.face.landmarks
    eyes = place(points, "glasses")
    assert eyes.x1 < points[0, 0] < points[1, 0] < eyes.x2
    assert eyes.y1 < points[0, 1] < eyes.y2 < points[3, 1]
    lower = place(points * 2, "mask")
    assert lower.y1 < 2 * points[3, 1] < lower.y2
    assert place(points, "width") is None
    assert place(None, "mask") is None
    assert place(np.zeros((5, 2), np.float32), "mask") is None


def test_the_eyes_distance_of_a_turned_head_is_made_up_for(hopper_examined) -> None:
    seen = hopper_examined.chip
    plain = np.linalg.norm(hopper_examined.landmarks[1] - hopper_examined.landmarks[0])
    assert framing.inter_eye(seen) >= plain


def test_the_chin_is_where_it_was_measured() -> None:
    assert CHIN == 1.83, "from between the eyes, in distances from there to the mouth (docs/log.md)"
