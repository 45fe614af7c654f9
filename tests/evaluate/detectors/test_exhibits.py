"""What a detection report draws, and which places it shows, by hand."""

import numpy as np
import pytest

from mien.evaluate.detectors import exhibits
from mien.evaluate.detectors.matching import Matched, match
from mien.evaluate.detectors.run import DetectedSet
from mien.messages import text_of


def test_curves_are_of_all_detections_the_best_first(matched: Matched) -> None:
    """Right at 0.9, wrong at 0.6, right at 0.3; three faces, two images."""
    precision, false = exhibits.charts(matched)
    assert precision.name == "precision-recall" and false.name == "false-boxes"
    assert precision.series[0].x == pytest.approx((1 / 3, 1 / 3, 2 / 3))
    assert precision.series[0].y == pytest.approx((1, 1 / 2, 2 / 3))
    assert false.series[0].x == pytest.approx((0, 0.5, 0.5)) and false.series[0].y == pytest.approx(
        (1 / 3, 1 / 3, 2 / 3)
    )


def test_nothing_is_drawn_of_no_detections() -> None:
    assert exhibits.charts(match([], [])) == ()


def test_misses_come_largest_first_and_say_whether_they_were_seen(
    detected: DetectedSet, matched: Matched, found: np.ndarray
) -> None:
    misses, false = exhibits.exhibits(detected, matched, found)
    assert [(place.path, text_of(place.words, "en")) for place in misses.rows] == [
        ("second.jpg", "40 pixels, not seen"),
        ("first.jpg", "20 pixels, score 0.30"),
    ]
    assert misses.rows[1].box == (200, 0, 220, 20)
    (place,) = false.rows
    assert place.path == "first.jpg" and place.box == (400, 400, 450, 450)
    assert place.boxes == ((0, 0, 100, 100), (200, 0, 220, 20)), "the annotated faces are drawn as well"


def test_a_list_is_as_long_as_is_shown_and_absent_where_it_is_empty(
    detected: DetectedSet, matched: Matched, found: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exhibits, "SHOWN", 1)
    misses, _ = exhibits.exhibits(detected, matched, found)
    assert [place.path for place in misses.rows] == ["second.jpg"]
    (only,) = exhibits.exhibits(detected, matched, np.ones(3, np.bool_))
    assert text_of(only.title, "en").startswith("Boxes without a face")
