"""Detected faces in the formats of the field."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.data.annotated import read_annotated
from mien.data.detections import FORMATS, DetectedImage
from mien.errors import OutputError
from mien.evaluate.detectors.predictions import read_predictions
from mien.output_names import OutputGuard, output_names
from mien.types import Box, Face, floats

POINTS = floats([(30, 30), (70, 30), (50, 50), (35, 75), (65, 75)])


@pytest.fixture
def found(tmp_path: Path) -> list[DetectedImage]:
    paths = [tmp_path / "0--Event" / f"{name}.png" for name in "ab"]
    paths[0].parent.mkdir()
    for path in paths:
        cv2.imwrite(str(path), np.zeros((120, 200, 3), np.uint8))
    faces = (Face(Box(20, 10, 80, 90), 0.875, POINTS), Face(Box(-5, 30, 25, 70), 0.5, POINTS / 2))
    names = output_names(paths)
    return [DetectedImage(names[0], 200, 120, faces), DetectedImage(names[1], 200, 120, ())]


def test_the_csv_is_a_manifest_that_comes_back_as_it_was(found: list[DetectedImage], tmp_path: Path) -> None:
    FORMATS["csv"].write(tmp_path / "faces.csv", found, OutputGuard())
    again = read_annotated(tmp_path / "faces.csv")
    assert not again.problems and [p.path for p in again.images] == [one.path for one in found]
    assert again.images[0].boxes.tolist() == [[20, 10, 80, 90], [-5, 30, 25, 70]]
    assert np.allclose(again.images[0].landmarks[1], POINTS / 2)
    assert again.images[0].known[0]["score"] == 0.875 and len(again.images[1].boxes) == 0


def test_coco_has_boxes_as_corner_and_size(found: list[DetectedImage], tmp_path: Path) -> None:
    FORMATS["coco"].write(tmp_path / "faces.json", found, OutputGuard())
    content = json.loads((tmp_path / "faces.json").read_text())
    first, second = content["annotations"]
    assert first["bbox"] == [20, 10, 60, 80] and first["area"] == 4800 and second["bbox"] == [-5, 30, 30, 40]
    assert first["keypoints"][:6] == [30, 30, 2, 70, 30, 2] and first["num_keypoints"] == 5
    assert [image["width"] for image in content["images"]] == [200, 200]
    assert {one["image_id"] for one in content["annotations"]} == {content["images"][0]["id"]}


def test_yolo_has_shares_of_the_picture(found: list[DetectedImage], tmp_path: Path) -> None:
    FORMATS["yolo"].write(tmp_path / "out", found, OutputGuard())
    values = [float(v) for v in (tmp_path / "out" / "labels" / "a.txt").read_text().splitlines()[0].split()]
    assert values[:5] == pytest.approx([0, 50 / 200, 50 / 120, 60 / 200, 80 / 120], abs=1e-6)
    assert values[5:7] == pytest.approx([30 / 200, 30 / 120], abs=1e-6) and len(values) == 15
    assert (tmp_path / "out" / "labels" / "b.txt").read_text() == ""
    cut = [float(v) for v in (tmp_path / "out" / "labels" / "a.txt").read_text().splitlines()[1].split()]
    assert cut[1:5] == pytest.approx([12.5 / 200, 50 / 120, 25 / 200, 40 / 120], abs=1e-6), "5 pixels are outside"
    assert all(0 <= value <= 1 for value in cut)


def test_yolo_has_no_face_that_is_outside_of_the_picture(tmp_path: Path) -> None:
    (name,) = output_names(["a.jpg"])
    gone = Face(Box(-50, 10, -2, 90), 0.9, POINTS)
    FORMATS["yolo"].write(tmp_path, [DetectedImage(name, 200, 120, (gone,))], OutputGuard())
    assert (tmp_path / "labels" / "a.txt").read_text() == ""


@pytest.mark.parametrize("form", ["coco", "wider", "yolo"])
def test_names_that_are_not_utf8_are_written(form: str, tmp_path: Path) -> None:
    source = os.fsdecode(b"caf\xe9.jpg")
    FORMATS[form].write(tmp_path / "out", images(source), OutputGuard())
    if form == "coco":
        content = json.loads((tmp_path / "out").read_text(encoding="utf-8"))
        assert content["images"][0]["file_name"] == source
    else:
        (written,) = (tmp_path / "out").rglob("*.txt")
        written.read_text(encoding="utf-8")


def test_wider_files_are_read_back_as_predictions(found: list[DetectedImage], tmp_path: Path) -> None:
    FORMATS["wider"].write(tmp_path / "out", found, OutputGuard())
    again = read_predictions(tmp_path / "out").boxes
    assert again["0--Event", "a"].tolist() == [[20, 10, 60, 80, 0.875], [-5, 30, 30, 40, 0.5]]
    assert again["0--Event", "b"].shape == (0, 5)


def images(*sources: str) -> list[DetectedImage]:
    """Images with one face each."""
    face = Face(Box(20, 10, 80, 90), 0.875, POINTS)
    return [DetectedImage(name, 200, 120, (face,)) for name in output_names(sources)]


@pytest.mark.parametrize("form", ["yolo", "wider"])
def test_three_images_of_equal_names_are_three_files_where_they_were_announced(form: str, tmp_path: Path) -> None:
    found = images("a/x.jpg", "b/x.jpg", "c/x-2.jpg", "p/a/x.jpg")
    places = FORMATS[form].places(tmp_path, [one.name for one in found])
    FORMATS[form].write(tmp_path, found, OutputGuard())
    written = set(tmp_path.rglob("*.txt"))
    assert set(places) == written and len(written) == 4
    if form == "wider":
        assert set(read_predictions(tmp_path).boxes) == {("a", "x"), ("b", "x"), ("c", "x-2"), ("a", "x-2")}
    else:
        assert tmp_path / "labels" / "p" / "a" / "x.txt" in written


@pytest.mark.parametrize("form", list(FORMATS))
def test_no_format_writes_outside_of_its_folder(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    target = Path("out") / ("faces.csv" if form in ("csv", "coco") else "")
    FORMATS[form].write(target, images("../p.jpg", "p.jpg"), OutputGuard())
    assert [path.name for path in tmp_path.iterdir()] == ["here"]
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["out"]


@pytest.mark.parametrize("form", list(FORMATS))
def test_a_file_that_mien_did_not_make_is_not_replaced(form: str, tmp_path: Path) -> None:
    found = images("a/x.jpg")
    target = tmp_path / "faces.csv" if form in ("csv", "coco") else tmp_path
    (place,) = FORMATS[form].places(target, [one.name for one in found])
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("labelled by hand")
    with pytest.raises(OutputError, match="was not made by mien"):
        FORMATS[form].write(target, found, OutputGuard())
    assert place.read_text() == "labelled by hand"
    for _ in range(2):
        FORMATS[form].write(target, found, OutputGuard(overwrite=True))
    FORMATS[form].write(target, found, OutputGuard())
