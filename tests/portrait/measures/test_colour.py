"""Colour on chips whose colour is known, and on real skin."""

import math

import cv2
import numpy as np
import pytest

from mien.portrait.measures import colour
from mien.portrait.measures.face_chip import CHIP


@pytest.mark.parametrize(
    ("lab", "expected"),
    [((60, 15, 20), 0.0), ((60, 25, 35), 0.0), ((60, 35, 20), 10.0), ((60, -3, 39), math.hypot(8, 4))],
)
def test_skin_is_as_far_from_natural_as_its_lab_says(seen, lab: tuple, expected: float) -> None:
    pixel = cv2.cvtColor(np.array([[lab]], np.float32), cv2.COLOR_LAB2RGB)[0, 0]
    chip = np.broadcast_to(np.rint(pixel * 255).astype(np.uint8), (CHIP, CHIP, 3))
    assert colour.distance(seen(np.ascontiguousarray(chip))) == pytest.approx(expected, abs=0.7)


def test_a_grey_image_has_no_distance_from_skin(seen) -> None:
    two_sided = np.full((CHIP, CHIP, 3), 90, np.uint8)
    two_sided[:, CHIP // 2 :] = 160
    chip = seen(two_sided)
    assert colour.chroma(chip) < 1
    assert colour.distance(chip) is None


def test_real_skin_is_natural(hopper_examined, collins_examined) -> None:
    for one in (hopper_examined, collins_examined):
        assert one.measures["natural_colour"].value < 5
        assert one.measures["chroma"].value > 10


@pytest.mark.parametrize(("chroma", "is_grey"), [(2, True), (4, False)])
def test_what_jpeg_leaves_of_colour_in_a_grey_image_is_no_colour(seen, chroma: int, is_grey: bool) -> None:
    pixel = cv2.cvtColor(np.array([[(60, chroma, 0)]], np.float32), cv2.COLOR_LAB2RGB)[0, 0]
    chip = seen(np.ascontiguousarray(np.broadcast_to(np.rint(pixel * 255).astype(np.uint8), (CHIP, CHIP, 3))))
    assert colour.chroma(chip) == pytest.approx(chroma, abs=0.7)
    assert (colour.distance(chip) is None) is is_grey
