"""Landmarks and boxes of others: what is wrong is named, and what is right is not refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.data.landmark_check import MIN_COMPARED, Agreement, agreement, wrong_box, wrong_landmarks
from mien.data.sources.celeba import read_wild
from mien.detect.families import open_detector
from mien.geometry import transform
from mien.image import read_image
from mien.templates import ARCFACE_112
from mien.types import Box, Face, Floats, floats

FACE = floats(ARCFACE_112 * 2 + 100)


@given(st.floats(-np.pi, np.pi), st.floats(0.3, 8), st.floats(-0.12, 0.12))
def test_faces_of_any_size_and_turn_are_right(angle: float, scale: float, noise: float) -> None:
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    turned = transform(floats(ARCFACE_112 - 56), np.array([[c, -s, 1000], [s, c, 1000]]))
    shifts = floats([[1, -1], [-1, 1], [0, 1], [1, 1], [-1, -1]]) * np.float32(noise * scale * 56)
    assert wrong_landmarks(floats(turned + shifts), 2000, 2000) == ""


@pytest.mark.parametrize(
    ("points", "why"),
    [
        (FACE[[1, 0, 2, 4, 3]], "left and right are exchanged"),
        (FACE[:, ::-1], "x and y are exchanged"),
        (floats(FACE.T.reshape(5, 2)), "all x come before all y"),
        (floats(FACE * [1, -1] + [0, 400]), "y grows upwards"),
        (FACE[[2, 0, 1, 3, 4]], "the nose comes first"),
        (floats(FACE / [640, 480]), "shares of the image's size, not pixels"),
        (FACE * 0, "its landmarks are all at 0, 0"),
        (FACE * 0 - 1, "its landmarks are all at -1, -1"),
        (FACE * 0 + 50, "its landmarks are all at 50, 50"),
        (floats(FACE * [1, np.nan]), "not finite"),
        (FACE * 4, "5 of its 5 landmarks are outside of the image of 640x480, as if of another size"),
        (FACE - floats([260, 0]), "landmarks are outside"),
        (floats([[10, 10], [20, 20], [30, 30], [40, 40], [50, 50]]), "are on one line"),
        (FACE[[3, 2, 0, 1, 4]], "do not have the shape of a face"),
    ],
)
def test_what_is_wrong_is_named(points: Floats, why: str) -> None:
    assert why in wrong_landmarks(floats(points), 640, 480)


def test_landmarks_are_held_against_their_box() -> None:
    assert wrong_landmarks(FACE, 640, 480, Box(120, 150, 300, 330)) == ""
    assert wrong_landmarks(FACE, 640, 480, Box(0, 0, 640, 480)) == ""
    assert wrong_landmarks(FACE, 640, 480, Box(400, 300, 500, 400)) == "its landmarks are not in its box"


@pytest.mark.parametrize(
    ("box", "why"),
    [
        (Box(1, 2, 30, 40), ""),
        (Box(-5, -5, 700, 500), ""),
        (Box(0.1, 0.2, 0.3, 0.4), "shares of the image's size"),
        (Box(30, 2, 30, 40), "is empty"),
        (Box(700, 2, 730, 40), "outside of the image of 640x480"),
        (Box(1, 2, float("nan"), 40), "not finite"),
    ],
)
def test_boxes_that_cannot_be_are_named(box: Box, why: str) -> None:
    found = wrong_box(box, 640, 480)
    assert why in found and bool(found) is bool(why)


def test_agreement_counts_pictures_in_which_a_face_is_found() -> None:
    face = Face(Box(0, 0, 1, 1), 1.0, FACE)
    found = agreement([FACE, FACE + 200, FACE], [(face,), (face,), ()])
    assert found == Agreement(1, 2) and found.share == 1, "two pictures say nothing"
    assert agreement([FACE / 2] * MIN_COMPARED, [(face,)] * MIN_COMPARED).share == 0


@pytest.mark.slow
def test_no_landmarks_of_real_photographs_are_refused(data: Path) -> None:
    detector = open_detector("mtcnn")
    count = 0
    for row in list(read_wild(data / "celeba"))[::11]:
        image = read_image(row.path)  # type: ignore[union-attr]
        for face in detector.detect([image])[0]:
            count += 1
            assert wrong_landmarks(face.landmarks, image.shape[1], image.shape[0], face.box) == ""
            for order in ([1, 0, 2, 4, 3],):
                assert wrong_landmarks(face.landmarks[order], image.shape[1], image.shape[0])
    assert count > 150
