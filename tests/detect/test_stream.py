"""A detector over frames: results in order whatever the workers, each face numbered by its track."""

import time
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from mien.detect.stream import follow, watch
from mien.detect.tracking import Tracker
from mien.types import Box, Face, Faces, Image
from mien.video import Frame


class Slow:
    """Finds one face at the place that the frame's first pixel says, slower in early frames."""

    name, longest, min_score = "slow", 640, 0.5

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        x = int(images[0][0, 0, 0])
        time.sleep(0.02 if x < 20 else 0)
        return [(Face(Box(x, 40, x + 60, 100), 0.9, np.zeros((5, 2), np.float32)),) if x else ()]


def frames(places: Sequence[int], taken: list[int] | None = None) -> Iterator[Frame]:
    for number, place in enumerate(places):
        if taken is not None:
            taken.append(number)
        yield Frame(number, number / 10, np.full((200, 200, 3), place, np.uint8))


@pytest.mark.parametrize("workers", [1, 4])
def test_frames_come_in_order_and_a_face_keeps_its_number(workers: int) -> None:
    places = [10, 14, 18, 22, 26, 0, 34, 38]
    seen = list(watch(Slow(), frames(places), Tracker(), workers))
    assert [one.frame.number for one in seen] == list(range(8))
    assert [one.faces[0].box.x1 if one.faces else 0 for one in seen] == places
    assert [one.numbers for one in seen] == [(1,)] * 5 + [()] + [(1,)] * 2


def test_only_the_near_future_is_detected_ahead() -> None:
    taken: list[int] = []
    seen = watch(Slow(), frames([30] * 50, taken), Tracker(), workers=2)
    next(seen)
    assert len(taken) <= 4
    seen.close()  # type: ignore[attr-defined]


def moving(count: int, step: int = 2, rate: float = 25.0) -> Iterator[Frame]:
    """A textured square that moves over a dark ground."""
    square = np.random.default_rng(1).integers(60, 255, (15, 15, 3), np.uint8).repeat(4, 0).repeat(4, 1)
    for number in range(count):
        image = np.zeros((200, 300, 3), np.uint8)
        image[40:100, 10 + step * number : 70 + step * number] = square
        yield Frame(number, number / rate, image)


class Square:
    """Finds the square by its pixels, and counts how often it was asked."""

    name, longest, min_score, asked = "square", 640, 0.5, 0

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        self.asked += 1
        columns = np.flatnonzero(images[0].any(axis=(0, 2)))
        if not len(columns):
            return [()]
        x = float(columns[0])
        return [(Face(Box(x, 40, x + 60, 100), 0.9, np.full((5, 2), x, np.float32)),)]


@pytest.mark.parametrize("ahead", [0, 6])
def test_faces_are_detected_on_schedule_and_carried_between(ahead: int) -> None:
    detector = Square()
    seen = list(follow(detector, moving(16), Tracker(), pause=5 / 25, ahead=ahead))
    assert [one.frame.number for one in seen if one.detected] == [0, 5, 10, 15] and detector.asked == 4
    assert [one.faces[0].box.x1 for one in seen] == pytest.approx([10 + 2 * n for n in range(16)], abs=1.0)
    assert {one.numbers for one in seen} == {(1,)}


def test_a_cut_is_detected_at_once_and_gives_a_new_number() -> None:
    def scenes() -> Iterator[Frame]:
        for frame in moving(10, step=0):
            yield frame if frame.number < 6 else Frame(frame.number, frame.seconds, 255 - frame.image)

    class Always(Square):
        def detect(self, images: Sequence[Image]) -> list[Faces]:
            return [(Face(Box(10, 40, 70, 100), 0.9, np.zeros((5, 2), np.float32)),)]

    seen = list(follow(Always(), scenes(), Tracker(), pause=10))
    assert [one.cut for one in seen] == [False] * 6 + [True] + [False] * 3
    assert [one.detected for one in seen] == [True] + [False] * 5 + [True] + [False] * 3
    assert [one.numbers for one in seen] == [(1,)] * 6 + [(2,)] * 4


def test_a_clock_that_jumps_back_does_not_stop_detections() -> None:
    def jumping() -> Iterator[Frame]:
        for frame in moving(8, step=0):
            yield Frame(frame.number, frame.seconds if frame.number < 4 else frame.seconds - 100, frame.image)

    seen = list(follow(Square(), jumping(), Tracker(), pause=10))
    assert [one.detected for one in seen] == [True, False, False, False, True, False, False, False]


def test_a_live_source_is_not_read_before_its_frame_was_given_out() -> None:
    taken = list[int]()
    for one in follow(Slow(), frames([30] * 5, taken), Tracker(), pause=0):
        assert taken[-1] == one.frame.number
