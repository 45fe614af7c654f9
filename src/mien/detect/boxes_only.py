"""Detectors that give boxes without landmarks: O-Net of MTCNN finds the five points in each box.

So a face from any family can be aligned. Decodes no network's outputs itself.
"""

from dataclasses import replace

import numpy as np

from mien.detect.mtcnn import Mtcnn
from mien.detect.one_stage import OneStage
from mien.detect.schedule import Candidates
from mien.geometry import corners
from mien.models import store
from mien.models.options import EngineOptions
from mien.types import Faces, Floats, Image, floats

LANDMARKER = "mtcnn"


class BoxesOnly(OneStage):
    """A one-stage detector whose candidates have no landmarks."""

    def __init__(self, model: store.Model, options: EngineOptions, *, min_score: float | None = None) -> None:
        super().__init__(model, options, min_score=min_score)
        self._landmarker = Mtcnn(store.load(LANDMARKER), options)

    def _detect_one(self, image: Image) -> Faces:
        faces = super()._detect_one(image)
        boxes = corners(face.box for face in faces)
        points = self._landmarker.landmarks(image, boxes)
        return tuple(replace(face, landmarks=own) for face, own in zip(faces, points, strict=True))


def without_landmarks(boxes: Floats, scores: Floats) -> Candidates:
    """Candidates whose landmarks are not known."""
    return Candidates(floats(boxes), floats(scores), np.full((len(boxes), 5, 2), np.nan, np.float32))
