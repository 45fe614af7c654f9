"""The picture's subject: large, central, surely a face."""

import numpy as np
import pytest

from mien.detect.prominence import most_prominent, prominence
from mien.types import Box, Face


def face(x: float, y: float, side: float, score: float = 1.0) -> Face:
    return Face(Box(x - side / 2, y - side / 2, x + side / 2, y + side / 2), score, np.zeros((5, 2), np.float32))


def test_the_larger_of_two_central_faces() -> None:
    assert most_prominent((face(45, 50, 20), face(55, 50, 40)), 100, 100) == (1, False)


def test_the_central_of_two_equal_faces() -> None:
    assert most_prominent((face(50, 50, 20), face(5, 5, 20)), 100, 100) == (0, False)


def test_twins_are_ambiguous() -> None:
    assert most_prominent((face(30, 50, 30), face(70, 50, 29)), 100, 100) == (0, True)


def test_a_pattern_in_the_middle_does_not_beat_a_sure_face_beside_it() -> None:
    assert most_prominent((face(50, 50, 24, 0.8), face(60, 30, 20, 0.999)), 100, 100)[0] == 1


def test_prominence_falls_with_distance() -> None:
    values = [prominence(face(50 + d, 50, 20), 100, 100) for d in (0, 10, 30, 60)]
    assert values == sorted(values, reverse=True) and values[0] == 20


@pytest.mark.parametrize(("share", "ambiguous"), [(0.62, True), (0.58, False)])
def test_a_second_face_of_six_tenths_makes_the_choice_ambiguous(share: float, ambiguous: bool) -> None:
    assert most_prominent((face(30, 50, 30), face(70, 50, 30 * share)), 100, 100) == (0, ambiguous)


@pytest.mark.parametrize(("side", "ambiguous"), [(17.8, False), (18.2, True)])
def test_a_rival_has_more_than_six_tenths_of_the_prominence(side: float, ambiguous: bool) -> None:
    """At the same distance from the centre, prominence goes with the side of the box."""
    assert most_prominent((face(40, 50, 30), face(60, 50, side)), 100, 100) == (0, ambiguous)
