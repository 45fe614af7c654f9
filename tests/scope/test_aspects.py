"""Aspects: each has its texts, follows what it is named for, and has a limit that ordinary portraits keep."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.messages import has_message
from mien.portrait.measures.face_chip import FaceChip, PortraitImage, make_face_chip
from mien.scope.aspects import ASPECTS, Aspect, turn
from mien.types import Box, Face, Image

Turned = Callable[..., Face]


def chip_of(face: Face, image: Image) -> FaceChip:
    height, width = image.shape[:2]
    return make_face_chip(PortraitImage(image=image, width=width, height=height, faces=(face,), chosen=0))


@pytest.mark.parametrize("code", list(ASPECTS))
def test_each_aspect_has_its_texts(code: str) -> None:
    assert has_message(f"scope.{code}.name") and has_message(f"scope.{code}.is")


def test_a_value_at_the_limit_is_inside() -> None:
    above, below = (Aspect(of_face=lambda _: 0.0, limit=5.0, above=side) for side in (True, False))
    assert [above.is_outside(value) for value in (4.9, 5.0, 5.1)] == [False, False, True]
    assert [below.is_outside(value) for value in (4.9, 5.0, 5.1)] == [True, False, False]


def test_turn_joins_yaw_and_pitch(turned: Turned, collins: Image) -> None:
    image = np.ascontiguousarray(collins[:300, :300])
    ahead, aside, both = (turn(chip_of(face, image)) for face in (turned(0), turned(50), turned(50, 25)))
    assert ahead < 12 < aside < both
    assert turn(chip_of(turned(-50), image)) == pytest.approx(aside, abs=1)


def test_size_is_the_longer_side_in_pixels_of_the_file(turned: Turned, collins: Image) -> None:
    face = Face(Box(10, 10, 40, 60), 1.0, turned(0).landmarks)
    small = PortraitImage(image=collins, width=1024, height=1024, faces=(face,), chosen=0)
    assert ASPECTS["size"].of_face(make_face_chip(small)) == pytest.approx(100)


@pytest.mark.parametrize("above", [True, False])
def test_a_value_that_is_no_number_is_not_known_to_be_inside(above: bool) -> None:
    aspect = Aspect(of_face=lambda chip: float("nan"), limit=0.5, above=above)
    assert aspect.is_outside(float("nan")) and not aspect.is_outside(0.5)
    assert aspect.is_outside(0.6) == above and aspect.is_outside(0.4) != above
