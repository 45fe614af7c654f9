"""Thresholds as a report."""

from collections.abc import Callable

from mien.evaluate.protocols.calibration import calibrate
from mien.evaluate.scorefile import Embedded
from mien.models.card import ThresholdRow

Make = Callable[..., Embedded]


def test_calibration_writes_what_a_card_takes(make_embedded: Make) -> None:
    report = calibrate(make_embedded(subjects=300)).in_language("en")
    assert report.thresholds and all(isinstance(row, ThresholdRow) for row in report.thresholds)
    assert report.numbers["threshold@1e-02"].value == report.thresholds[0].value
    assert "made-set" in report.thresholds[0].protocol and "detector mtcnn" in report.thresholds[0].protocol
    assert any("cannot be shown" in str(warning) for warning in report.warnings)
