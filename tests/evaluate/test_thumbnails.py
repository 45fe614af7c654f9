"""Small pictures of samples."""

from pathlib import Path

import cv2
import numpy as np

from mien.evaluate.report import Place
from mien.evaluate.thumbnails import place_thumbnail, sample_thumbnail
from mien.types import Image


def test_pictures_that_are_gone_do_not_stop_a_report(tmp_path: Path, collins: Image) -> None:
    assert sample_thumbnail(str(tmp_path / "gone.jpg"), -1) is None
    cv2.imwrite(str(tmp_path / "here.png"), collins)
    data = sample_thumbnail(str(tmp_path / "here.png"), -1)
    assert data is not None and cv2.imdecode(np.frombuffer(data, np.uint8), 1).shape == (140, 140, 3)
    assert place_thumbnail(Place(path=str(tmp_path / "gone.jpg"), box=None, words="")) is None
    assert place_thumbnail(Place(path=str(tmp_path / "here.png"), box=(10, 10, 60, 60), words="")) is not None
