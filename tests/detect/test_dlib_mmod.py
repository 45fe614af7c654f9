"""dlib's CNN detector: the same promises as the HOG detector, on a small image, since it is slow."""

import numpy as np
import pytest

from mien.detect.dlib_mmod import DlibMmod
from mien.types import Image


@pytest.mark.slow
def test_a_portrait_is_found_with_its_landmarks_and_a_limit_is_kept(collins: Image) -> None:
    pytest.importorskip("dlib", reason="dlib is an extra")
    image = np.ascontiguousarray(collins[40:200, 140:300])
    detector = DlibMmod()
    (faces,) = detector.detect([image])
    (nobody,) = detector.detect([np.full((80, 80, 3), 120, np.uint8)])
    best = faces[0]
    assert nobody == () and 0.5 <= best.score <= 1
    eyes = best.landmarks[:2] + np.array([140, 40])
    assert np.abs(eyes - [[203.5, 101.5], [246, 103.5]]).max() < 6
    assert DlibMmod(min(0.9999, best.score + 1e-4)).detect([image]) == [()]


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (3, 9), (12, 16)])
def test_a_picture_smaller_than_the_networks_filters_shows_nobody(shape: tuple[int, int]) -> None:
    pytest.importorskip("dlib", reason="dlib is an extra")
    assert DlibMmod().detect([np.full((*shape, 3), 120, np.uint8)]) == [()]
