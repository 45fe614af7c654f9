"""Work in another process: heard as it goes, stopped in time, and its end noticed."""

import os
import time
from collections.abc import Callable

import pytest

from mien.evaluate.detectors.spoken import Stopped, spoken_by


def count(say: Callable[[int], None], numbers: int, pause: float, end: bool) -> None:
    for number in range(numbers):
        say(number)
    time.sleep(pause)
    if end:
        os._exit(1)


@pytest.mark.slow
def test_what_a_process_says_is_heard_and_its_end_is_noticed() -> None:
    assert list(spoken_by(count, (3, 0.0, False), 60)) == [0, 1, 2]
    assert list(spoken_by(count, (2, 0.0, True), 60)) == [0, 1]
    began = time.monotonic()
    *said, last = spoken_by(count, (2, 60.0, False), 8)
    assert said == [0, 1] and isinstance(last, Stopped) and time.monotonic() - began < 30
