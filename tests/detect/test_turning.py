"""The second look: turning the image turns the answer, and nothing else."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.detect.families import open_detector
from mien.detect.turning import (
    TURNS,
    detect_in_any_turn,
    look_upside_down,
    tilt,
    turn_back,
    turn_by_landmarks,
    turn_image,
)
from mien.types import Box, Face, Faces, Image, floats


@given(st.sampled_from([0, *TURNS]), st.integers(40, 90), st.integers(40, 90), st.integers(5, 30), st.integers(5, 30))
def test_boxes_and_landmarks_lead_back_to_the_pixels_that_they_are_of(
    turn: int, width: int, height: int, x: int, y: int
) -> None:
    """A white rectangle, found in the turned image by its pixels, is where it was drawn."""
    image = np.zeros((height, width, 3), np.uint8)
    image[y : y + 9, x : x + 6] = 255
    rows, columns = np.nonzero(turn_image(image, turn)[..., 0])
    box = Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    centres = floats([[columns.min(), rows.min()], [columns.max(), rows.max()]])
    back = turn_back(Face(box, 0.9, centres[[0, 1, 0, 1, 0]]), turn, width, height)
    assert back.box.corners == (x, y, x + 6, y + 9) and back.turn == turn and back.score == 0.9
    assert sorted(back.landmarks[:2, 0]) == [x, x + 5] and sorted(back.landmarks[:2, 1]) == [y, y + 8]


class Scripted:
    """Finds what its script says for images of each turn; the white corner of an image says its turn."""

    name, longest, min_score = "scripted", 640, 0.5

    def __init__(self, script: dict[int, list[Face]]) -> None:
        self.script, self.looks = script, list[int]()

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: Image) -> Faces:
        corners = [image[0, 0, 0], image[0, -1, 0], image[-1, -1, 0], image[-1, 0, 0]]
        turn = 90 * int(np.argmax(corners))
        self.looks.append(turn)
        return tuple(self.script.get(turn, ()))


def face(score: float, tilt: float = 0.0, side: float = 20.0) -> Face:
    """A face of 40 pixels that is tilted by so many degrees."""
    points = floats([[-10, -8], [10, -8], [0, 2], [-8, 10], [8, 10]])
    angle = np.radians(tilt)
    turned = points @ floats([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return Face(Box(0, 0, 2 * side, 2 * side), score, floats(turned + 20))


def marked() -> Image:
    """An image of 60x50 pixels with a white corner at the top left."""
    image = np.zeros((50, 60, 3), np.uint8)
    image[0, 0] = 255
    return image


def test_a_sure_upright_face_is_not_looked_for_again() -> None:
    detector = Scripted({0: [face(0.6), face(0.75)], 90: [face(0.99)]})
    (found,) = detect_in_any_turn(detector, [marked()])
    assert detector.looks == [0] and [one.score for one in found] == [0.6, 0.75]


@pytest.mark.parametrize(
    ("first", "other", "turns"),
    [
        ([], 0.75, {180}),
        ([], 0.74, set()),
        ([face(0.74)], 0.8, {180}),
        ([face(0.74)], 0.78, {0}),
        ([face(0.74), face(0.6)], 0.8, {180}),
        ([face(0.95, 60)], 0.76, {180}),
        ([face(0.95, 60)], 0.74, {0}),
        ([face(0.95, 44)], 0.99, {0}),
        ([face(0.74, 170)], 0.76, {180}),
    ],
)
def test_a_turn_is_taken_where_it_has_a_sure_upright_face_that_is_better(
    first: list[Face], other: float, turns: set[int]
) -> None:
    """Sure is 0.75, halfway from 0.5 to 1; an upright face of the first look counts 0.05 more."""
    detector = Scripted({0: first, 180: [face(other)], 270: [face(0.99, 100)]})
    (found,) = detect_in_any_turn(detector, [marked()])
    assert {one.turn for one in found} == turns


def test_only_the_images_without_a_sure_face_are_seen_again_and_nothing_stays_nothing() -> None:
    detector = Scripted({})
    assert detect_in_any_turn(detector, [marked()]) == [()]
    assert sorted(detector.looks) == [0, 90, 180, 270]
    assert detect_in_any_turn(detector, []) == []


def test_all_faces_of_an_image_are_of_one_turn() -> None:
    detector = Scripted({0: [face(0.6)], 90: [face(0.9), face(0.55)], 180: [face(0.8)]})
    (found,) = detect_in_any_turn(detector, [marked()])
    assert [(one.turn, one.score) for one in found] == [(90, 0.9), (90, 0.55)]


@pytest.mark.parametrize(("points", "degrees"), [(0, 0), (30, 30), (-100, 100), (180, 180)])
def test_the_tilt_is_the_angle_from_the_eyes_to_the_mouth(points: float, degrees: float) -> None:
    assert tilt(face(0.9, points)) == pytest.approx(degrees, abs=1e-3)


@pytest.mark.parametrize("detector", ["mtcnn", "mien-face"])
@pytest.mark.parametrize("turn", [90, 270])
@pytest.mark.parametrize("portrait", ["collins", "hopper"])
def test_turning_a_portrait_turns_the_answer(
    detector: str, turn: int, portrait: str, request: pytest.FixtureRequest
) -> None:
    """A portrait on its side has the face of the upright one, and its landmarks in the same order."""
    image: Image = request.getfixturevalue(portrait)
    height, width = image.shape[:2]
    opened = open_detector(detector)
    upright = detect_in_any_turn(opened, [image])[0][0]
    seen = detect_in_any_turn(opened, [turn_image(image, turn)])[0][0]
    assert upright.turn == 0 and seen.turn == 360 - turn
    back = turn_back(replace(seen, turn=0), turn, width, height)
    size = float(np.linalg.norm(upright.landmarks[0] - upright.landmarks[1]))
    assert np.linalg.norm(back.landmarks - upright.landmarks, axis=1).max() < 0.02 * size
    assert back.box.corners == pytest.approx(upright.box.corners, abs=0.02 * size)
    assert back.score == pytest.approx(upright.score, abs=0.01)


class FindsUpsideDown:
    """A detector that finds a face in any image, with a score by whether the image's first pixel is white."""

    name, longest, min_score = "made up", 640, 0.8

    def __init__(self, white: float, black: float) -> None:
        self.white, self.black, self.looks = white, black, 0

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        self.looks += len(images)
        points = floats([[10, 10], [20, 10], [15, 15], [11, 20], [19, 20]])
        return [(Face(Box(5, 5, 25, 25), self.white if image[0, 0, 0] else self.black, points),) for image in images]


@pytest.mark.parametrize(
    ("upright", "upside_down", "turn", "looks"),
    [(0.99, 0.999, 0, 1), (0.97, 0.999, 180, 2), (0.97, 0.975, 0, 2), (0.9, 0.85, 0, 2), (0.97, 0.5, 0, 2)],
)
def test_a_face_that_is_clearly_better_upside_down_is_upside_down(
    upright: float, upside_down: float, turn: int, looks: int
) -> None:
    """Up to a sixth of the portraits that were upside down was taken for upright."""
    image = np.zeros((60, 40, 3), np.uint8)
    image[0, 0] = 255
    detector = FindsUpsideDown(upright, upside_down)
    (face,) = look_upside_down(detector, image, detector.detect([image])[0])
    assert face.turn == turn and detector.looks == looks
    assert face.landmarks[0].tolist() == ([29, 49] if turn else [10, 10])


def test_nobody_is_not_looked_for_upside_down_again() -> None:
    detector = FindsUpsideDown(0.9, 0.999)
    assert look_upside_down(detector, np.zeros((60, 40, 3), np.uint8), ()) == () and detector.looks == 0


@pytest.mark.parametrize(("degrees", "turn"), [(0, 0), (45, 0), (-55, 0), (65, 90), (95, 90), (-90, 270), (170, 180)])
def test_landmarks_tell_a_turned_picture_from_a_tilted_head(degrees: float, turn: int) -> None:
    """Turned counterclockwise by 90 degrees, the picture has to be turned clockwise by 90."""
    angle = np.radians(degrees)
    points = floats([[-1, -1], [1, -1], [0, 0], [-0.8, 1], [0.8, 1]]) * 20
    turned = points @ floats([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert turn_by_landmarks(Face(Box(0, 0, 9, 9), 0.9, floats(turned))) == turn
