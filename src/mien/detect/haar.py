"""OpenCV's Haar cascade of frontal faces (Viola and Jones, CVPR 2001), which comes with opencv-python below 5.

It gives boxes without landmarks or probabilities: the landmarks come from MTCNN's O-Net, and the score is the
cascade's last stage value squashed to 0..1. It is here for comparison, not as a recommendation.
"""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import cv2
import numpy as np

from mien.detect.boxes_only import open_landmarker
from mien.detect.detector import BuiltInFamily
from mien.detect.mtcnn import Mtcnn
from mien.detect.schedule import shrink, to_faces
from mien.errors import ModelError
from mien.types import Faces, Image, floats

NEIGHBOURS = 5
STEP = 1.1
SMALLEST = 24
"""OpenCV's own example values; the cascade's window is 24 pixels."""


MIN_SCORE = 0.5
"""A stage value of 0, squashed: everything that the cascade finds."""


class Haar:
    """The frontal face cascade with landmarks by O-Net."""

    name = "haar"
    longest = 640
    min_score = MIN_SCORE

    def __init__(self, landmarker: Mtcnn, min_score: float | None = None) -> None:
        path = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"
        if not hasattr(cv2, "CascadeClassifier") or not path.is_file():
            raise ModelError("this OpenCV has no Haar cascades: pip install 'opencv-python-headless<5'")
        self._cascade = cv2.CascadeClassifier(str(path))
        # A cascade keeps buffers between calls and may not be shared by threads at the same time.
        self._lock = Lock()
        self._landmarker = landmarker
        self._min_score = 0.0 if min_score is None else min_score

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Faces of each image, best first; boxes and landmarks in pixels of that image."""
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: Image) -> Faces:
        small, scale = shrink(image, self.longest)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        # A margin of an eighth lets the window cover a face that fills the frame.
        margin = max(grey.shape) // 8
        grey = cv2.copyMakeBorder(grey, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
        with self._lock:
            found, _, weights = self._cascade.detectMultiScale3(
                grey, STEP, NEIGHBOURS, minSize=(SMALLEST, SMALLEST), outputRejectLevels=True
            )
        corners = (floats(found).reshape(-1, 4) - floats([margin, margin, 0, 0])) / scale
        boxes = np.concatenate([corners[:, :2], corners[:, :2] + corners[:, 2:]], axis=1)
        values = floats(weights).reshape(-1)
        order = np.argsort(-values, kind="stable")
        order = order[1 / (1 + np.exp(-values[order])) >= self._min_score]
        scores = floats(1 / (1 + np.exp(-values[order])))
        return to_faces(boxes[order], scores, self._landmarker.landmarks(image, boxes[order]))


HAAR = BuiltInFamily(
    name="haar",
    about="OpenCV's Haar cascade of frontal faces, landmarks by MTCNN's O-Net",
    min_score=MIN_SCORE,
    legacy=True,
    opener=lambda options, min_score: Haar(open_landmarker(options), min_score),
    weights="haarcascade_frontalface_default.xml of opencv-python-headless",
    licence="Intel licence (BSD-like)",
)
