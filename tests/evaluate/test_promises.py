"""Defaults and limits that reports, cards and the guide promise; a change of one is a change of what numbers mean."""

import inspect
from pathlib import Path

from mien.data.annotated import AnnotatedSet
from mien.evaluate.detectors import figures, matching, portraits, report, run, survey, wider
from mien.evaluate.detectors.timing import Timing
from mien.evaluate.mated_rates import MAX_SAMPLES
from mien.evaluate.protocols import PROTOCOLS
from mien.evaluate.protocols.rate_tables import STRATA_RATE
from mien.evaluate.protocols.shown_pairs import SHOWN_PAIRS
from mien.evaluate.searches import RANKS
from mien.evaluate.thresholds import RATES
from mien.pairwise.operating_points import SHOWN_BY
from mien.pairwise.strata import SPREAD


def test_rates_are_shown_from_10_expected_errors() -> None:
    assert SHOWN_BY == 10 and RATES == (1e-2, 1e-3, 1e-4) and STRATA_RATE == 1e-4


def test_defaults_of_the_protocols() -> None:
    defaults = {name: {one.name: one.default for one in protocol.options()} for name, protocol in PROTOCOLS.items()}
    assert defaults["mated"] == {"max_samples": 20, "seed": 0} and MAX_SAMPLES == 20
    assert defaults["robustness"] == {"fmr": 1e-3, "max_images": 200, "seed": 0}
    assert defaults["identification"] == {
        "distractors": None,
        "templates": 1,
        "probes": 5,
        "sizes": None,
        "seed": 0,
    }
    assert defaults["verification"] == {"pairs": None, "published_grid": False}
    assert RANKS == (1, 2, 3, 5, 10, 20, 50) and SHOWN_PAIRS == 24


def test_strata_without_known_matches_have_wider_intervals() -> None:
    assert SPREAD == 0.25


def test_a_minimum_iou_reaches_the_matching() -> None:
    class Finder:
        name, longest, min_score = "finder", 640, 0.5

    found = run.detect_set(Finder(), AnnotatedSet((), ()), Path("x"), min_iou=0.7)  # type: ignore[arg-type]
    assert found.min_iou == 0.7 and run.DetectedSet.__dataclass_fields__["min_iou"].default == 0.5


def test_what_counts_as_a_match_of_boxes() -> None:
    assert matching.MIN_IOU == wider.MIN_IOU == 0.5, "WIDER FACE and PASCAL VOC"
    assert matching.COVERED == 0.5 and run.MIN_SCORE == 0.02 and wider.THRESHOLDS == 1000
    assert report.COCO == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95) and report.LARGE == 32
    assert portraits.FILLED == (0.6, 0.8, 1.0) and portraits.FOUND == 0.4


def test_intervals_are_of_95_percent_and_repeatable() -> None:
    assert figures.TAILS == (0.025, 0.975) and figures.RESAMPLED == wider.RESAMPLED == 200
    assert inspect.signature(figures.with_interval).parameters["seed"].default == report.SEED == 1


def test_a_slow_detector_still_sees_20_images() -> None:
    def timed(milliseconds: float) -> tuple[Timing, ...]:
        return (Timing(640, 480, 1, milliseconds, milliseconds),)

    assert survey.affordable(200, timed(10)) == 200
    assert survey.affordable(200, timed(900)) == 100, "90 seconds per set"
    assert survey.affordable(200, timed(90_000)) == 20
