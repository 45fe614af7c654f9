"""Detectors that give boxes without landmarks: O-Net of MTCNN finds the five points in each box.

So a face from any family can be aligned. Decodes no network's outputs itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mien.detect.detector import Detector
from mien.detect.mtcnn import Mtcnn
from mien.detect.one_stage import OneStage, OneStageFamily
from mien.detect.schedule import Candidates
from mien.geometry import corners
from mien.models import store
from mien.models.options import EngineOptions
from mien.types import Faces, Floats, Image, floats

LANDMARKER = "mtcnn"
"""The model whose O-Net finds landmarks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxesOnlyFamily(OneStageFamily):
    """A kind of detector with one network, whose candidates have no landmarks."""

    def open(self, model: store.Model, options: EngineOptions, min_score: float | None = None) -> Detector:
        """Open a model of this family, and the network that finds landmarks."""
        return BoxesOnly(OneStage(model, self, options, min_score=min_score), open_landmarker(options))


class BoxesOnly:
    """A detector with one network, and O-Net for the landmarks."""

    def __init__(self, boxes: OneStage, landmarker: Mtcnn) -> None:
        """
        Args:
            boxes: finds faces without landmarks.
            landmarker: finds the landmarks in each box.
        """
        self.name, self.longest, self.min_score = boxes.name, boxes.longest, boxes.min_score
        self._boxes, self._landmarker = boxes, landmarker

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Faces of each image, best first; boxes and landmarks in pixels of that image."""
        found = self._boxes.detect(images)
        return [self._with_landmarks(image, faces) for image, faces in zip(images, found, strict=True)]

    def _with_landmarks(self, image: Image, faces: Faces) -> Faces:
        points = self._landmarker.landmarks(image, corners(face.box for face in faces))
        return tuple(replace(face, landmarks=own) for face, own in zip(faces, points, strict=True))


def open_landmarker(options: EngineOptions) -> Mtcnn:
    """The networks that find landmarks in the boxes of another detector."""
    return Mtcnn(store.load(LANDMARKER), options)


def without_landmarks(boxes: Floats, scores: Floats) -> Candidates:
    """Candidates whose landmarks are not known."""
    return Candidates(floats(boxes), floats(scores), np.full((len(boxes), 5, 2), np.nan, np.float32))
