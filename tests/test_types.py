"""The values that pass between rooms: boxes measure themselves, and a reduced photo knows by how much."""

from dataclasses import replace

import numpy as np
import pytest

from mien.types import Box, Photo, Threshold, floats


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


def test_the_worst_group_is_the_one_within_which_most_strangers_pass() -> None:
    strata = {
        "asian | asian": (0.14, 0.11, 0.18),
        "asian | other": (0.9, 0.8, 1.0),
        "other | other": (0.001, 0.0005, 0.002),
    }
    known = Threshold(
        value=0.5, unit="cosine", contract="c", fmr=1e-3, fmr_interval=None, protocol="p", strata=strata
    )
    assert known.worst_group == ("asian", 0.14), "pairs of two groups are not a group"
    assert replace(known, strata={}).worst_group is None
    assert known.within("asian") == (0.14, 0.11, 0.18) and known.within("child") is None
    assert known.failing_group == "asian"
    assert replace(known, fmr=0.12).failing_group is None, "the promised rate is within the interval"
    assert replace(known, strata={}).failing_group is None
