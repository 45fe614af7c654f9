"""Which detection finds which face, by hand."""

from pathlib import Path

import numpy as np
import pytest

from mien.data.annotated import AnnotatedImage
from mien.evaluate.detectors.matching import landmark_error, match
from mien.types import Box, Face, floats

POINTS = floats([(30, 30), (70, 30), (50, 50), (35, 75), (65, 75)])


def picture(boxes: list[list[float]], ignore: list[bool] | None = None) -> AnnotatedImage:
    count = len(boxes)
    return AnnotatedImage(
        Path("x.jpg"),
        floats(boxes).reshape(-1, 4),
        np.tile(POINTS, (count, 1, 1)),
        np.array(ignore or [False] * count, np.bool_),
        tuple({} for _ in boxes),
    )


def face(box: list[float], score: float) -> Face:
    return Face(Box(*box), score, POINTS + 2)


def test_each_face_is_found_once_by_the_best_that_overlaps_it_enough() -> None:
    truth = picture([[0, 0, 100, 100], [200, 0, 300, 100], [0, 200, 60, 260]], [False, False, True])
    found = (
        face([2, 0, 102, 100], 0.9),  # the first face
        face([0, 4, 100, 104], 0.8),  # the first face again: false
        face([230, 0, 330, 100], 0.7),  # the second face
        face([10, 205, 50, 255], 0.95),  # on the ignored one
        face([400, 400, 450, 450], 0.6),  # nothing
        face([260, 60, 340, 140], 0.5),  # overlaps too little
    )
    matched = match([truth], [found])
    assert matched.scores.tolist() == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5])
    assert matched.right.tolist() == [True, False, True, False, False]
    assert matched.found.tolist() == pytest.approx([0.9, 0.7])
    assert matched.heights.tolist() == [100, 100] and matched.places.tolist() == [0, 1, 2, 4, 5]
    # Two pixels to the right and down, of 40 between the eyes.
    assert matched.errors[0] == pytest.approx(np.hypot(2, 2) / 40)


def test_a_face_that_fills_an_ignored_crowd_is_neither() -> None:
    matched = match([picture([[0, 0, 400, 400]], [True])], [(face([100, 100, 140, 140], 0.9),)])
    assert len(matched.scores) == 0 and len(matched.found) == 0


def test_landmarks_that_are_not_known_have_no_error() -> None:
    assert np.isnan(landmark_error(POINTS * np.nan, POINTS))
    assert landmark_error(POINTS, POINTS) == 0
