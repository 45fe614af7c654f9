"""The scope of a face: plain portraits are inside; masked, tiny, blurred, grey and turned ones are outside."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from mien.align import cut_out
from mien.detect.families import open_detector
from mien.evaluate.corruptions import corrupt
from mien.pipeline import array_item, open_pipeline
from mien.scope import Scope, find_scope, find_scopes
from mien.scope.aspects import ASPECTS
from mien.types import Box, Face, Image, floats

Turned = Callable[..., Face]


@pytest.fixture(scope="module")
def faces(collins: Image, hopper: Image) -> list[tuple[Image, Face]]:
    found = open_detector().detect([collins, hopper])
    return [(collins, found[0][0]), (hopper, found[1][0])]


def scope_of(image: Image, face: Face) -> Scope:
    return find_scope(cut_out(image, face), face)


def grey(image: Image) -> Image:
    return np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


def shrunk(image: Image, face: Face, side: float) -> tuple[Image, Face]:
    scale = side / max(face.box.width, face.box.height)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    box = Box(*(edge * scale for edge in face.box.corners))
    return np.asarray(small, np.uint8), Face(box, face.score, face.landmarks * np.float32(scale))


def test_ordinary_portraits_are_inside_with_all_values(faces: list[tuple[Image, Face]]) -> None:
    for image, face in faces:
        scope = scope_of(image, face)
        of_portraits = {code for code, one in ASPECTS.items() if one.of_portraits}
        assert scope.outside == () and set(scope.values) == set(ASPECTS) - of_portraits
        enrolled = find_scope(cut_out(image, face), face, portrait=True)
        assert enrolled.outside == () and set(enrolled.values) == set(ASPECTS) and of_portraits
        assert scope.values["size"] == pytest.approx(max(face.box.width, face.box.height))


def test_each_fault_is_found_and_named(faces: list[tuple[Image, Face]]) -> None:
    for image, face in faces:
        assert scope_of(corrupt(image, face.landmarks, "mask", 3, 1), face).outside == ("mask",)
        assert scope_of(grey(image), face).outside == ("grey",)
        assert "sharpness" in scope_of(corrupt(image, face.landmarks, "blur", 5, 1), face).outside
        small = scope_of(*shrunk(image, face, 20)).outside
        assert "size" in small and "sharpness" not in small, "few pixels are not sharp, which size includes"


def test_poor_portraits_are_named_where_somebody_is_enrolled(faces: list[tuple[Image, Face]]) -> None:
    for image, face in faces:
        dark = (image * 0.05).astype(np.uint8)
        bright = np.clip(image.astype(np.float32) * 3 + 60, 0, 255).astype(np.uint8)
        spectacled = image.copy()
        radius = int(0.3 * abs(face.landmarks[1, 0] - face.landmarks[0, 0]))
        for eye in face.landmarks[:2]:
            cv2.circle(spectacled, (int(eye[0]), int(eye[1])), radius, (8, 8, 8), -1)
        for code, poor in (("tones", dark), ("burnt-out", bright), ("dark-lenses", spectacled)):
            assert code in find_scope(cut_out(poor, face), face, portrait=True).outside
            assert code not in scope_of(poor, face).outside


def test_a_turned_face_is_outside(turned: Turned, collins: Image) -> None:
    assert "pose" in scope_of(collins, turned(75)).outside
    assert "pose" not in scope_of(collins, turned(15)).outside


def test_landmarks_without_a_pose_leave_the_size_alone(collins: Image) -> None:
    face = Face(Box(10, 10, 40, 60), 1.0, floats([[25, 30]] * 5))
    assert scope_of(collins, face) == Scope({"size": 50.0}, ("pose",))
    tiny = Face(Box(10, 10, 25, 30), 1.0, face.landmarks)
    assert scope_of(collins, tiny) == Scope({"size": 20.0}, ("size", "pose"))


def test_a_cutout_that_the_border_cuts_is_measured(faces: list[tuple[Image, Face]]) -> None:
    image, face = faces[0]
    edge = int(face.box.y1 + 0.3 * face.box.height)
    moved = Face(face.box, face.score, face.landmarks - floats([0, edge]))
    scope = find_scope(cut_out(image[edge:], moved), moved)
    assert all(np.isfinite(value) for value in scope.values.values())


def test_noise_without_a_face_is_measured_without_an_error(turned: Turned) -> None:
    rubbish = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    scope = scope_of(rubbish, turned(0))
    assert all(np.isfinite(value) for value in scope.values.values())


def test_all_faces_of_an_analysis_are_measured_in_order(collins: Image, hopper: Image) -> None:
    both = np.concatenate([collins[:512], hopper[:512]], axis=1)
    analysis = open_pipeline("mtcnn", None).analyse_chunk([array_item("both", both)], cutouts=True)[0]
    scopes = find_scopes(analysis)
    longer = [max(face.box.width, face.box.height) for face in analysis.faces]
    assert [scope.values["size"] for scope in scopes] == pytest.approx(longer) and len(longer) == 2
