"""Detectors without landmarks: O-Net finds the five points in each box, and nothing else of a face changes."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from mien.detect.boxes_only import BoxesOnly, open_landmarker, without_landmarks
from mien.detect.families import open_detector
from mien.models.options import DEFAULT_OPTIONS
from mien.types import Faces, Floats, Image, floats


class Boxes:
    """Finds what another detector finds, without landmarks."""

    name, longest, min_score = "boxes", 320, 0.25

    def __init__(self, *found: Faces) -> None:
        self.found = found

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        nowhere = np.full((5, 2), np.nan, np.float32)
        return [tuple(replace(face, landmarks=nowhere) for face in faces) for faces in self.found[: len(images)]]


def test_the_landmarks_are_near_those_of_a_detector_that_has_its_own(collins: Image, hopper: Image) -> None:
    whole = open_detector().detect([collins, hopper])
    opened = BoxesOnly(Boxes(*whole), open_landmarker(DEFAULT_OPTIONS))  # type: ignore[arg-type]
    assert (opened.name, opened.longest, opened.min_score) == ("boxes", 320, 0.25)
    for faces, expected in zip(opened.detect([collins, hopper]), whole, strict=True):
        assert [(face.box, face.score) for face in faces] == [(face.box, face.score) for face in expected]
        between = np.linalg.norm(expected[0].landmarks[1] - expected[0].landmarks[0])
        assert np.abs(faces[0].landmarks - expected[0].landmarks).max() < 0.12 * between


def test_each_image_keeps_its_own_faces_and_one_without_has_none(collins: Image) -> None:
    asked: list[tuple[int, int]] = []

    def landmarks(image: Image, boxes: Floats) -> Floats:
        asked.append((image.shape[1], len(boxes)))
        return floats(np.arange(len(boxes))[:, None, None] + np.zeros((1, 5, 2)))

    (found,) = open_detector().detect([collins])
    opened = BoxesOnly(Boxes((found[0], found[0]), ()), SimpleNamespace(landmarks=landmarks))  # type: ignore[arg-type]
    two, none = opened.detect([collins, collins[:, :100]])
    assert asked == [(512, 2), (100, 0)] and none == ()
    assert [float(face.landmarks.max()) for face in two] == [0, 1]


def test_candidates_without_landmarks_say_so() -> None:
    made = without_landmarks(np.array([[1, 2, 3, 4]], np.float64), np.array([0.5]))
    assert made.boxes.dtype == made.scores.dtype == np.float32 and made.boxes.tolist() == [[1, 2, 3, 4]]
    assert made.landmarks.shape == (1, 5, 2) and np.isnan(made.landmarks).all()
