"""The report of a survey that was measured by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.data.sample import Problem
from mien.evaluate.detectors.identity import DetectorIdentity
from mien.evaluate.detectors.portraits import Central
from mien.evaluate.detectors.report import detection_report
from mien.evaluate.detectors.run import DetectedSet
from mien.evaluate.detectors.survey import Plan, Surveyed
from mien.evaluate.detectors.survey_report import survey_report
from mien.evaluate.detectors.timing import Timing
from mien.evaluate.report import Report, Table
from mien.evaluate.wording import message
from mien.rates import Estimate
from mien.types import Box, Face, floats

PLAN = Plan(shown=(Path("pictures/a.jpg"), Path("pictures/broken.jpg")), max_images=50)
FACE = Face(Box(1, 2, 3, 4), 0.9, floats(np.zeros((5, 2))))


def surveyed(name: str, detected: DetectedSet, milliseconds: float) -> Surveyed:
    report = detection_report(replace(detected, scales=message("detection.scales", longest=640)))
    return Surveyed(
        name=name,
        identity=DetectorIdentity(
            weights="w", licence="MIT", bytes=2_000_000, parameters=500_000, multiplications=10**9
        ),
        start=0.5,
        memory=120,
        timings=(Timing(640, 480, 1, milliseconds, 2 * milliseconds), Timing(640, 480, 8, 1.0, 2.0)),
        frames_per_second=12.5,
        reports={"scenes": report},
        filling={"scenes": Estimate(0.75, 0.5, 0.9, 12)},
        central=Central(Estimate(0.5, 0.2, 0.8, 6), 0.25),
        shown={"pictures/a.jpg": (FACE,)},
        problems=(Problem("pictures/broken.jpg", "pictures/broken.jpg is broken"),),
    )


@pytest.fixture
def report(detected: DetectedSet) -> Report:
    fault = Surveyed(name="nothere", identity=DetectorIdentity(weights="", licence=""), fault="it is not there")
    timings = (Timing(640, 480, 1, 50, 60), Timing(640, 480, 8, 50, 60))
    bare = Surveyed(name="haar", identity=DetectorIdentity(weights="h", licence="BSD"), timings=timings)
    some = [surveyed("slow", detected, 40), surveyed("fast", detected, 4), bare, fault]
    return survey_report(some, PLAN).in_language("en")


def table(report: Report, title: str) -> Table:
    (found,) = (one for one in report.tables if one.title == title)
    return found


def starting(report: Report, start: str) -> float | None:
    """The only number whose name starts so."""
    (name,) = (name for name in report.numbers if name.startswith(start))
    return report.numbers[name].value


def test_numbers_are_named_by_detector_and_set(report: Report) -> None:
    numbers = report.numbers
    assert numbers["slow/ms 640x480 batch 1"].value == 40 and numbers["slow/ms 640x480 batch 1"].high == 80
    assert numbers["fast/scenes/recall@0.1"].value == pytest.approx(1 / 3)
    assert numbers["fast/parameters"].value == 500_000 and numbers["fast/multiplications"].value == 10**9
    assert starting(report, "fast/frames") == 12.5 and numbers["fast/start seconds"].value == 0.5
    assert numbers["fast/scenes/portraits that fill the frame"].comparisons == 12
    assert numbers["fast/central face found"].value == 0.5 and starting(report, "fast/other boxes") == 0.25
    assert "haar/parameters" not in numbers and not any(name.startswith("nothere") for name in numbers)


def test_the_best_and_the_fastest_come_first(report: Report) -> None:
    best, fastest = report.headline
    assert str(best).startswith("Best average precision on scenes: slow"), "equal ones in their order"
    assert str(fastest) == "Fastest at 640x480: fast 4.0 ms, slow 40.0 ms, haar 50.0 ms."


def test_what_could_not_be_measured_is_a_warning(report: Report) -> None:
    assert report.warnings == ("nothere could not be measured: it is not there",)
    assert report.about.model == "slow, fast, haar" and "3 detectors" in str(report.about.sentence)
    nothing = survey_report([], Plan()).in_language("en")
    assert nothing.headline == ("None of them could be measured.",)


def test_a_detector_that_was_stopped_while_it_was_timed_costs_no_report(detected: DetectedSet) -> None:
    whole = surveyed("whole", detected, 4)
    stopped = Surveyed(
        name="stopped",
        identity=DetectorIdentity(weights="w", licence="MIT"),
        timings=(Timing(640, 480, 1, 900, 950),),
        unfinished="its process ended early",
    )
    report = survey_report([stopped, whole], PLAN).in_language("en")
    speeds = next(
        one for one in report.tables if one.title == "How fast, in milliseconds per image: median (95th percentile)"
    )
    row = {one[0]: one for one in speeds.rows}["stopped"]
    assert row[1] == "900.0 (950.0)" and row[2] is None
    assert "its process ended early" in str(report.warnings)


def test_tables_have_a_row_per_detector(report: Report) -> None:
    what = table(report, "What they are")
    assert [row[0] for row in what.rows] == ["slow", "fast", "haar"] and what.rows[2][3] == "not a network"
    quality = next(one for one in report.tables if "above" in str(one.columns))
    assert [row[0] for row in quality.rows] == ["slow", "slow", "fast", "fast"], "a set and the portraits each"
    assert quality.rows[0][2] == 2 and quality.rows[1][2] == 6


def test_recall_by_size_is_side_by_side(report: Report) -> None:
    sizes = next(one for one in report.tables if "64 to 128 pixels high" in one.columns)
    assert [row[0] for row in sizes.rows] == ["slow", "fast"] and len(sizes.columns) == 4
    assert all("to" not in str(cell) for cell in sizes.rows[0][1:]), "shares without their intervals"


def test_an_image_that_could_not_be_read_is_listed_once_and_not_shown(report: Report) -> None:
    problems = table(report, "Could not be used")
    assert problems.rows == (("pictures/broken.jpg", "pictures/broken.jpg is broken"),)
    (places,) = report.galleries
    assert [place.boxes for place in places.rows] == [((1, 2, 3, 4),), ((1, 2, 3, 4),), ()]
    assert "a.jpg" in str(places.title)


def test_families_that_were_not_surveyed_say_where_their_weights_are(report: Report, detected: DetectedSet) -> None:
    def missing(one: Report) -> list[object]:
        return [row[0] for row in table(one, message("survey.missing").text("en")).rows]

    assert "YOLOv5-face" in missing(report)
    other = survey_report([surveyed("my-yolov5", detected, 1)], PLAN).in_language("en")
    assert "YOLOv5-face" not in missing(other) and "dlib" in missing(other)
