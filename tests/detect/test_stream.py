"""A detector over frames: results in order whatever the workers, each face numbered by its track."""

import time
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from mien.detect.stream import watch
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
