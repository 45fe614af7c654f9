"""The background around a head that a mesh outlines: plain walls, patterns, hair, and heads that are tilted."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien.portrait.examine import Examined
from mien.portrait.measures import mesh, surroundings
from mien.portrait.measures.catalogue import MEASURES
from mien.portrait.measures.face_chip import FaceChip, make_face_chip
from mien.portrait.measures.measure import Measured
from mien.types import Floats, Image, floats

EYES, T = np.array([300.0, 260.0]), 90.0


def made_mesh(angle: float = 0.0, scale: float = 1.0) -> Floats:
    """A mesh whose outline is an ellipse of 0.85 T by 1.25 T around the nose, and whose eyes are 0.9 T apart."""
    points = np.zeros((468, 2))
    for number, index in enumerate(mesh.OVAL):
        turn = 2 * np.pi * number / len(mesh.OVAL)
        points[index] = (0.85 * np.sin(turn), 0.1 - 0.9 * np.cos(turn))
    points[list(mesh.FIVE[0])], points[list(mesh.FIVE[1])] = (-0.45, 0), (0.45, 0)
    points[mesh.CHIN] = (0, 1)
    along = np.array([np.cos(angle), np.sin(angle)])
    turned = T * (points[:, :1] * along + points[:, 1:] * np.array([-along[1], along[0]]))
    return floats(np.column_stack([scale * (turned + EYES), np.zeros(468)]))


def picture(amplitude: float) -> Image:
    """Stripes of a contrast behind a head and shoulders that are striped strongly in any case."""
    rows, columns = np.mgrid[0:600, 0:600]
    stripes = np.sign(np.sin(columns / 6.0))
    head = ((columns - EYES[0]) / (0.95 * T)) ** 2 + ((rows - EYES[1] - 0.1 * T) / (1.2 * T)) ** 2 < 1
    body = (rows > EYES[1] + 1.0 * T) | head
    level = 128 + np.where(body, 100, amplitude) * stripes
    return np.repeat(np.clip(level, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.fixture(scope="module")
def chip(hopper_examined: Examined) -> FaceChip:
    return make_face_chip(hopper_examined.portrait)


def value(chip: FaceChip, image: Image, points: Floats) -> object:
    portrait = replace(chip.portrait, image=image, width=image.shape[1], height=image.shape[0])
    return surroundings.unevenness(replace(chip, portrait=portrait, extra={"mesh": points}))


def test_a_plain_wall_behind_a_patterned_coat_is_plain_and_patterns_are_not(chip: FaceChip) -> None:
    found = [value(chip, picture(amplitude), made_mesh()) for amplitude in (0, 5, 60)]
    assert found[0] == 0 and found[2] > 0.5
    assert found == sorted(found)


def test_a_tilted_head_has_the_background_of_an_upright_one(chip: FaceChip) -> None:
    angle = np.radians(20)
    turn = cv2.getRotationMatrix2D(tuple(EYES), -20, 1)
    image = cv2.warpAffine(picture(0), turn, (600, 600), borderMode=cv2.BORDER_REPLICATE)
    assert value(chip, image, made_mesh(float(angle))) < 0.03


def test_the_same_scene_at_another_size_has_the_same_value(chip: FaceChip) -> None:
    image = picture(40)
    large = cv2.resize(image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    assert value(chip, large, made_mesh(scale=3.0)) == pytest.approx(value(chip, image, made_mesh()), abs=0.06)


def test_a_face_that_fills_its_image_says_that_too_little_of_the_background_is_visible(chip: FaceChip) -> None:
    points = made_mesh()
    tight = picture(60)[180:370, 220:380]
    moved = points - floats([220, 180, 0])
    assert value(chip, tight, moved) == surroundings.TOO_LITTLE
    portrait = replace(chip.portrait, image=tight, width=160, height=190)
    taken = MEASURES["surroundings"].take(portrait, replace(chip, portrait=portrait, extra={"mesh": moved}))
    assert taken == Measured(None, reason=surroundings.TOO_LITTLE)


def test_nothing_that_the_head_or_the_shoulders_cover_counts(chip: FaceChip) -> None:
    _, outside = surroundings.surroundings(picture(0), made_mesh()[:, :2])
    rows, columns = np.nonzero(outside)
    x = (columns - surroundings.ACROSS / 2) / surroundings.HEAD
    y = (rows - surroundings.EYES_AT) / surroundings.HEAD
    assert y.max() < 0.2 and len(x) > surroundings.HEAD**2
    assert ((np.abs(x) > 0.85 + 0.3) | (y < -0.8 - 0.5)).all()


def test_without_a_mesh_there_is_no_value(chip: FaceChip) -> None:
    assert surroundings.unevenness(replace(chip, extra={})) is None
    assert MEASURES["surroundings"].take(chip.portrait, chip).reason == MEASURES["surroundings"].absent
