"""The values that pass between rooms: boxes measure themselves, and a reduced photo knows by how much."""

import numpy as np
import pytest

from mien.types import Box, Photo, floats


def test_a_box_measures_itself_and_an_empty_one_has_no_area() -> None:
    box = Box(2, 3, 12, 8)
    assert (box.width, box.height, box.area, box.corners) == (10, 5, 50, (2, 3, 12, 8))
    assert Box(5, 5, 3, 9).area == Box(5, 9, 9, 5).area == Box(9, 9, 5, 5).area == 0


@pytest.mark.parametrize(("shape", "reduction"), [((30, 40), 4), ((120, 160), 1), ((15, 20), 8)])
def test_the_reduction_is_the_share_of_the_longer_sides(shape: tuple[int, int], reduction: float) -> None:
    assert Photo(np.zeros((*shape, 3), np.uint8), 160, 120).reduction == reduction
    assert Photo(np.zeros((*shape[::-1], 3), np.uint8), 120, 160).reduction == reduction


def test_floats_are_float32_and_not_copied_again() -> None:
    made = floats([[1, 2], [3, 4.5]])
    assert made.dtype == np.float32 and made.tolist() == [[1, 2], [3, 4.5]]
    assert floats(made) is made
