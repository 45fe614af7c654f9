"""Boxes in dlib's XML."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.data.annotated import read_annotated
from mien.data.sources import imglab
from mien.errors import ManifestError
from mien.types import floats

POINTS = floats([(30, 30), (70, 30), (50, 50), (35, 75), (65, 75)])


def test_dlib_boxes_with_those_to_ignore_and_landmarks(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((100, 100, 3), np.uint8))
    parts = "".join(f"<part name='{n:02d}' x='{n}' y='{2 * n}'/>" for n in range(68))
    rows = (
        f"<image file='a.jpg'><box top='5' left='6' width='30' height='40'>{parts}</box>"
        "<box top='1' left='2' width='3' height='4' ignore='1'/><box top='1' left='2' width='3'/></image>"
        "<image file='b.jpg'><box top='1' left='2' width='3' height='4'/></image>"
    )
    path = tmp_path / "faces.xml"
    path.write_text(f"<?xml version='1.0'?><dataset><images>{rows}</images></dataset>")
    assert imglab.recognizes(path)
    annotated = read_annotated(path)
    (picture,) = annotated.images
    assert picture.boxes.tolist() == [[6, 5, 36, 45], [2, 1, 5, 5]] and picture.ignore.tolist() == [False, True]
    assert picture.landmarks[0].tolist() == [[38.5, 77], [44.5, 89], [30, 60], [48, 96], [54, 108]]
    assert np.isnan(picture.landmarks[1]).all() and len(annotated.problems) == 2


def test_xml_with_entities_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xml"
    path.write_text("<?xml version='1.0'?><!DOCTYPE dataset [<!ENTITY a 'b'>]><dataset>&a;</dataset>")
    with pytest.raises(ManifestError, match="declares XML entities"):
        list(imglab.read(path))
