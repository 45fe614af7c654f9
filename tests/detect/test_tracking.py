"""Faces keep their numbers: when they cross, move fast, or are lost for a while."""

import numpy as np

from mien.detect.tracking import Tracker
from mien.types import Box, Face


def face(x: float, y: float, size: float = 40) -> Face:
    return Face(Box(x, y, x + size, y + size), 0.9, np.zeros((5, 2), np.float32))


def test_two_faces_that_cross_keep_their_numbers() -> None:
    tracker = Tracker(patience=30)
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


def test_a_face_that_becomes_fast_keeps_its_number() -> None:
    """From the 10th frame on, it moves further than its own width: only its velocity says where it is."""
    tracker, x = Tracker(patience=30), 0.0
    for frame in range(16):
        x += 4 * frame
        assert tracker.follow(frame, (face(x, 0),)) == (1,)


def test_a_fast_face_that_is_lost_for_some_frames_is_expected_where_it_has_gone() -> None:
    tracker = Tracker(patience=30)
    for frame in range(4):
        tracker.follow(frame, (face(15 * frame, 0),))
    assert tracker.follow(7, (face(15 * 7, 0),)) == (1,)


def test_velocity_is_smoothed() -> None:
    """After a move of 10 pixels and a stop, the face is expected 5 pixels on; 21 of 40 pixels further is too far."""
    for x, number in ((10 + 5 + 21, 1), (10 + 5 - 21, 1), (10 + 5 + 23, 2), (10 + 5 - 23, 2)):
        tracker = Tracker(patience=30)
        for frame, place in enumerate((0, 10, 10)):
            tracker.follow(frame, (face(place, 0),))
        assert tracker.follow(3, (face(x, 0),)) == (number,)


def test_an_overlap_below_three_tenths_is_another_face() -> None:
    """Shifted by s pixels, a box of 40 has an IoU of (40 - s) / (40 + s)."""
    for shift, number in ((21, 1), (22, 2)):
        tracker = Tracker(patience=30)
        tracker.follow(0, (face(0, 0),))
        assert tracker.follow(1, (face(shift, 0),)) == (number,)


def test_a_face_that_was_carried_by_the_image_is_found_where_it_was_carried_to() -> None:
    tracker = Tracker()
    assert tracker.follow(0, (face(0, 0),)) == (1,)
    tracker.carry(0.1, {1: face(50, 0).box, 9: face(0, 0).box})
    assert tracker.follow(0.2, (face(0, 0), face(52, 0))) == (2, 1)


def test_carrying_a_face_does_not_keep_it_longer_than_it_is_seen() -> None:
    tracker = Tracker(patience=1)
    tracker.follow(0, (face(0, 0),))
    tracker.carry(0.9, {1: face(0, 0).box})
    assert tracker.follow(1.1, (face(0, 0),)) == (2,)


def test_after_a_cut_a_face_at_the_same_place_is_somebody_else() -> None:
    tracker = Tracker()
    tracker.follow(0, (face(0, 0),))
    tracker.forget()
    assert tracker.follow(0.04, (face(0, 0),)) == (2,)
