"""dlib's HOG detector: best first, a limit leaves the surest, and without dlib the command is named."""

import sys

import numpy as np
import pytest

from mien.detect.dlib_hog import DlibHog, load_dlib
from mien.errors import MissingExtraError
from mien.types import Image


def test_faces_are_best_first_and_a_limit_leaves_the_surest(collins: Image, hopper: Image) -> None:
    pytest.importorskip("dlib", reason="dlib is an extra")
    both = np.concatenate([collins, hopper[:512]], axis=1)
    (faces,) = DlibHog().detect([both])
    scores = [face.score for face in faces]
    assert len(faces) >= 2 and scores == sorted(scores, reverse=True) and 0.5 <= scores[-1] < scores[0] <= 1
    limit = (scores[0] + scores[1]) / 2
    (sure,) = DlibHog(limit).detect([both])
    assert [face.box for face in sure] == [faces[0].box]


@pytest.mark.slow
def test_boxes_and_landmarks_are_in_pixels_of_the_image_whatever_its_size(collins: Image) -> None:
    pytest.importorskip("dlib", reason="dlib is an extra")
    large = np.ascontiguousarray(collins.repeat(3, axis=0).repeat(3, axis=1))
    (one,), (three,) = (DlibHog().detect([image])[0][:1] for image in (collins, large))
    assert np.abs(three.landmarks / 3 - one.landmarks).max() < 6
    assert np.abs(np.array(three.box.corners) / 3 - one.box.corners).max() < 12


def test_without_dlib_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(MissingExtraError, match=r"dlib is not installed: pip install 'mien\[dlib\]'"):
        load_dlib()
