"""The report of a detector on a set whose figures are known by hand."""

from dataclasses import replace

import pytest

from mien.data.sample import Problem
from mien.evaluate.detectors.report import detection_report
from mien.evaluate.detectors.run import DetectedSet
from mien.evaluate.wording import message
from mien.types import floats


@pytest.fixture
def whole(detected: DetectedSet) -> DetectedSet:
    return replace(detected, scales=message("detection.scales", longest=640))


def test_figures_of_a_small_set(whole: DetectedSet) -> None:
    report = detection_report(whole).in_language("en")
    numbers = report.numbers
    assert numbers["ap"].value == pytest.approx(1 / 3 + 1 / 3 * 2 / 3)
    assert numbers["recall@0.1"].value == pytest.approx(1 / 3) and numbers["recall@1"].value == pytest.approx(2 / 3)
    assert numbers["recall above 32 px@0.1"].value == pytest.approx(1 / 2)
    assert numbers["recall at own threshold"].value == pytest.approx(1 / 3)
    assert numbers["false boxes at own threshold"].value == pytest.approx(1 / 2)
    assert numbers["threshold@0.1"].value == pytest.approx(0.9) and numbers["threshold@0.1"].unit == "score"
    assert numbers["landmark error"].value == pytest.approx(5 / 40)
    assert report.protocol == "detection" and report.title == "Detection: a-detector on two-images"
    assert report.about.samples == 2 and "2 images with 3 faces" in str(report.about.sentence)
    assert len(report.charts) == 2 and len(report.galleries) == 2 and len(report.headline) == 4


def test_coco_asks_for_tighter_boxes(whole: DetectedSet) -> None:
    """The first box has an IoU of 98/102, above all ten limits; the third is exact."""
    ap = detection_report(whole).numbers
    assert ap["ap coco"].value is not None and ap["ap"].value is not None
    points = [2 / 3 if k <= 66 else 0 for k in range(101)]
    points[:34] = [1.0] * 34
    assert ap["ap coco"].value == pytest.approx(sum(points) / 101)


def test_what_is_not_known_is_left_out(whole: DetectedSet) -> None:
    images = tuple(
        replace(image, landmarks=image.landmarks * floats(float("nan")), known=({},) * len(image.boxes))
        for image in whole.images
    )
    report = detection_report(replace(whole, images=images, problems=(Problem("x.jpg", "is empty"),)))
    assert report.numbers["landmark error"].value is None and len(report.headline) == 3
    titles = [str(table.title) for table in report.in_language("en").tables]
    assert titles == ["By size", "Could not be used"]
