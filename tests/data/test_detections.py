"""Detected faces in the formats of the field, and the data sets with boxes that mien reads, FDDB's and dlib's."""

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.data.annotated import read_annotated
from mien.data.detections import FORMATS, DetectedImage
from mien.data.sources import fddb, imglab
from mien.data.sources.registry import find_source
from mien.errors import ManifestError
from mien.evaluate.detectors.predictions import read_predictions
from mien.types import Box, Face, floats

POINTS = floats([(30, 30), (70, 30), (50, 50), (35, 75), (65, 75)])


@pytest.fixture
def found(tmp_path: Path) -> list[DetectedImage]:
    paths = [tmp_path / "0--Event" / f"{name}.png" for name in "ab"]
    paths[0].parent.mkdir()
    for path in paths:
        cv2.imwrite(str(path), np.zeros((120, 200, 3), np.uint8))
    faces = (Face(Box(20, 10, 80, 90), 0.875, POINTS), Face(Box(-5, 30, 25, 70), 0.5, POINTS / 2))
    return [DetectedImage(paths[0], 200, 120, faces), DetectedImage(paths[1], 200, 120, ())]


def test_the_csv_is_a_manifest_that_comes_back_as_it_was(found: list[DetectedImage], tmp_path: Path) -> None:
    FORMATS["csv"](tmp_path / "faces.csv", found)
    again = read_annotated(tmp_path / "faces.csv")
    assert not again.problems and [p.path for p in again.images] == [one.path for one in found]
    assert again.images[0].boxes.tolist() == [[20, 10, 80, 90], [-5, 30, 25, 70]]
    assert np.allclose(again.images[0].landmarks[1], POINTS / 2)
    assert again.images[0].known[0]["score"] == 0.875 and len(again.images[1].boxes) == 0


def test_coco_has_boxes_as_corner_and_size(found: list[DetectedImage], tmp_path: Path) -> None:
    FORMATS["coco"](tmp_path / "faces.json", found)
    content = json.loads((tmp_path / "faces.json").read_text())
    first, second = content["annotations"]
    assert first["bbox"] == [20, 10, 60, 80] and first["area"] == 4800 and second["bbox"] == [-5, 30, 30, 40]
    assert first["keypoints"][:6] == [30, 30, 2, 70, 30, 2] and first["num_keypoints"] == 5
    assert [image["width"] for image in content["images"]] == [200, 200]
    assert {one["image_id"] for one in content["annotations"]} == {content["images"][0]["id"]}


def test_yolo_has_shares_of_the_picture(found: list[DetectedImage], tmp_path: Path) -> None:
    FORMATS["yolo"](tmp_path / "out", found)
    values = [float(v) for v in (tmp_path / "out" / "labels" / "a.txt").read_text().splitlines()[0].split()]
    assert values[:5] == pytest.approx([0, 50 / 200, 50 / 120, 60 / 200, 80 / 120], abs=1e-6)
    assert values[5:7] == pytest.approx([30 / 200, 30 / 120], abs=1e-6) and len(values) == 15
    assert (tmp_path / "out" / "labels" / "b.txt").read_text() == ""


def test_wider_files_are_read_back_as_predictions(found: list[DetectedImage], tmp_path: Path) -> None:
    FORMATS["wider"](tmp_path / "out", found)
    again = read_predictions(tmp_path / "out").boxes
    assert again["0--Event", "a"].tolist() == [[20, 10, 60, 80, 0.875], [-5, 30, 30, 40, 0.5]]
    assert again["0--Event", "b"].shape == (0, 5)


def test_fddb_ellipses_become_the_boxes_around_them(tmp_path: Path) -> None:
    (tmp_path / "originalPics" / "2002").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "originalPics" / "2002" / "img_1.jpg"), np.zeros((300, 300, 3), np.uint8))
    (tmp_path / "FDDB-folds").mkdir()
    angle = 1.2
    text = f"2002/img_1\n1\n80 50 {angle} 150 140  1\n2002/img_2\n2\n1 1 0 1 1 1\n1 1 0 1 1 1\n"
    (tmp_path / "FDDB-folds" / "FDDB-fold-01-ellipseList.txt").write_text(text)
    name = find_source(tmp_path).name
    assert name == "fddb"
    annotated = read_annotated(tmp_path)
    turns = np.linspace(0, 2 * math.pi, 20_000)
    x = 150 + 80 * np.cos(turns) * math.cos(angle) - 50 * np.sin(turns) * math.sin(angle)
    y = 140 + 80 * np.cos(turns) * math.sin(angle) + 50 * np.sin(turns) * math.cos(angle)
    assert np.allclose(annotated.images[0].boxes, [[x.min(), y.min(), x.max(), y.max()]], atol=1e-2)
    assert len(annotated.problems) == 1 and "img_2.jpg is missing" in annotated.problems[0].reason
    assert not fddb.recognizes(tmp_path / "originalPics")


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
    with pytest.raises(ManifestError, match="declares entities"):
        list(imglab.read(path))
