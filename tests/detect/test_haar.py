"""OpenCV's cascade: scores are squashed stage values, best first, and a limit leaves the surest."""

import numpy as np
import pytest

from mien.detect.boxes_only import open_landmarker
from mien.detect.haar import HAAR, Haar
from mien.errors import ModelError
from mien.models.options import DEFAULT_OPTIONS
from mien.types import Image


def test_faces_are_best_first_and_a_limit_leaves_the_surest(collins: Image, hopper: Image) -> None:
    landmarker = open_landmarker(DEFAULT_OPTIONS)
    both = np.concatenate([collins, hopper[:512], collins[:, ::-1]], axis=1)
    (faces,) = Haar(landmarker).detect([both])
    scores = [face.score for face in faces]
    assert len(faces) >= 3 and scores == sorted(scores, reverse=True) and 0.5 < scores[-1] <= scores[0] <= 1
    limit = (scores[0] + scores[-1]) / 2
    (sure,) = Haar(landmarker, limit).detect([both])
    assert [face.box for face in sure] == [face.box for face in faces if face.score >= limit] != []
    assert len(sure) < len(faces)


def test_a_face_that_fills_the_frame_is_found_by_the_margin(hopper: Image) -> None:
    (whole,) = HAAR.opener(DEFAULT_OPTIONS, None).detect([hopper])
    x1, y1, x2, y2 = (round(side) for side in whole[0].box.corners)
    (filled,) = Haar(open_landmarker(DEFAULT_OPTIONS)).detect([np.ascontiguousarray(hopper[y1:y2, x1:x2])])
    assert filled and filled[0].box.area > 0.5 * (x2 - x1) * (y2 - y1)


def test_an_opencv_without_cascades_names_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("cv2.CascadeClassifier")
    with pytest.raises(ModelError, match="no Haar cascades: pip install 'opencv-python-headless<5'"):
        Haar(open_landmarker(DEFAULT_OPTIONS))
