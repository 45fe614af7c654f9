"""Faces keep their numbers, and covered faces are covered."""

import numpy as np
import pytest

from mien.detect.redaction import cut, redact
from mien.detect.tracking import Tracker
from mien.types import Box, Face


def face(x: float, y: float, size: float = 40) -> Face:
    return Face(Box(x, y, x + size, y + size), 0.9, np.zeros((5, 2), np.float32))


def test_two_faces_that_cross_keep_their_numbers() -> None:
    tracker = Tracker()
    for frame in range(40):
        left, right = face(10 + 6 * frame, 10), face(250 - 6 * frame, 30)
        order = (left, right) if frame % 2 else (right, left)
        numbers = tracker.follow(frame, order)
        by_face = dict(zip((id(one) for one in order), numbers, strict=True))
        if frame == 0:
            first = by_face[id(left)], by_face[id(right)]
        assert (by_face[id(left)], by_face[id(right)]) == first
    assert tracker.count == 2


def test_a_face_that_is_lost_for_a_while_keeps_its_number_and_later_gets_a_new_one() -> None:
    tracker = Tracker(patience=5)
    assert tracker.follow(0, (face(0, 0),)) == (1,)
    assert tracker.follow(1, ()) == ()
    assert tracker.follow(4, (face(2, 0),)) == (1,)
    assert tracker.follow(10, (face(2, 0),)) == (2,)


def test_what_is_covered_cannot_be_told_apart_and_the_rest_is_untouched() -> None:
    generator = np.random.default_rng(0)
    image = generator.integers(0, 256, (120, 160, 3)).astype(np.uint8)
    covered = redact(image, (face(60, 40),))
    inside, outside = np.zeros((120, 160), bool), np.ones((120, 160), bool)
    inside[45:75, 65:95] = True
    outside[30:95, 50:110] = False
    assert (covered[outside] == image[outside]).all()
    assert covered[inside].std() < 0.35 * image[inside].std()
    assert (image == np.random.default_rng(0).integers(0, 256, (120, 160, 3)).astype(np.uint8)).all()


@pytest.mark.parametrize("x", [-60.0, 150.0, 400.0])
def test_faces_at_and_beyond_the_edge_harm_nothing(x: float) -> None:
    image = np.zeros((100, 160, 3), np.uint8)
    assert redact(image, (face(x, 50),)).shape == image.shape
    part = cut(image, face(x, 50).box)
    assert part.shape[0] <= 100 and part.shape[1] <= 160
