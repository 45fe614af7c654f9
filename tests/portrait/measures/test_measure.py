"""Taking a measure gives a value, a value with its deviation, or the reason why there is none."""

from collections.abc import Callable

import numpy as np

from mien.messages import Message
from mien.portrait.measures.face_chip import FaceChip, PortraitImage
from mien.portrait.measures.measure import NO_FACE, Measure, Measured
from mien.portrait.measures.pose import Angle
from mien.types import Image

WALL = PortraitImage(image=np.zeros((60, 80, 3), np.uint8), width=80, height=60)
ABSENT = Message("reason.grey")


def test_a_measure_of_the_image_needs_no_face() -> None:
    one = Measure(of_image=lambda portrait: portrait.width / 3, quality=lambda value: value + 0.123)
    assert one.take(WALL, None) == Measured(80 / 3, 0.0, 26.79)
    assert Measure(of_image=lambda _: None, absent=ABSENT).take(WALL, None) == Measured(None, reason=ABSENT)


def test_a_measure_of_the_face_has_a_reason_without_one(seen: Callable[[Image], FaceChip], grain: Image) -> None:
    chip = seen(grain)
    one = Measure(of_face=lambda face: float(face.pixels.shape[0]), absent=ABSENT)
    assert one.take(chip.portrait, chip) == Measured(224.0) and one.take(WALL, None) == Measured(None, reason=NO_FACE)
    nothing = Measure(of_face=lambda _: None, absent=ABSENT, quality=lambda _: 50)
    assert nothing.take(chip.portrait, chip) == Measured(None, reason=ABSENT)


def test_an_angle_brings_its_deviation(seen: Callable[[Image], FaceChip], grain: Image) -> None:
    chip = seen(grain)
    found = Measure(of_face=lambda _: Angle(12.5, 4.0), quality=lambda value: 2 * value).take(chip.portrait, chip)
    assert found == Measured(12.5, 4.0, 25.0)
