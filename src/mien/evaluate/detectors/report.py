"""The report of a detector on annotated images: figures, tables by size and attribute, misses and false boxes.

Takes what was detected; runs no detector.
"""

import numpy as np
from numpy.typing import NDArray

from mien.evaluate.detectors.exhibits import charts, exhibits
from mien.evaluate.detectors.figures import average_precision, coco_area, threshold_at, with_interval
from mien.evaluate.detectors.matching import Matched, match
from mien.evaluate.detectors.run import DetectedSet
from mien.evaluate.detectors.shares import (
    false_boxes_at_own,
    found_at_own,
    in_words,
    landmark_errors,
    measured_number,
    recall,
)
from mien.evaluate.detectors.tables import by_attribute, by_size, problem_table
from mien.evaluate.protocols.sections import made_with
from mien.evaluate.report import Evaluated, Number, Report
from mien.evaluate.wording import message
from mien.messages import Message

FALSE_BOXES = (0.01, 0.1, 1.0)
"""False boxes per image at which recall is reported."""
LARGE = 32
"""Height in pixels above which faces have a recall of their own."""
COCO = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""IoU of COCO's average precision."""
SEED = 1
"""Of the resampling of images."""


def detection_report(detected: DetectedSet) -> Report:
    """Everything about one detector on one set."""
    matched = match(detected.images, detected.faces, detected.min_iou)
    found = matched.found >= max(detected.own_threshold, 1e-9)
    numbers = _numbers(detected, matched, found)
    tables = (
        by_size(matched, found),
        by_attribute(detected.images, matched, found),
        problem_table(detected.problems),
    )
    return Report(
        protocol="detection",
        title=message("detection.title", detector=detected.detector, source=detected.source),
        about=_about(detected, len(matched.faces)),
        headline=_headline(numbers, detected.own_threshold),
        numbers=numbers,
        tables=tuple(table for table in tables if table),
        charts=charts(matched),
        galleries=exhibits(detected, matched, found),
        made_with=made_with(SEED),
    )


def _about(detected: DetectedSet, faces: int) -> Evaluated:
    return Evaluated(
        model=detected.detector,
        contract="",
        unit="score",
        source=detected.source,
        detector=detected.detector,
        samples=len(detected.images),
        subjects=0,
        not_embedded={},
        sentence=message(
            "detection.about",
            source=detected.source,
            images=len(detected.images),
            faces=faces,
            detector=detected.detector,
            scales=detected.scales,
            iou=detected.min_iou,
        ),
    )


def _numbers(detected: DetectedSet, matched: Matched, found: NDArray[np.bool_]) -> dict[str, Number]:
    everyone = np.ones(len(matched.faces), np.bool_)
    ap = with_interval(matched, lambda w: average_precision(matched, w), len(matched.faces), SEED)
    return {
        "ap": measured_number(ap),
        "ap coco": Number(value=_coco(detected)),
        **{f"recall@{n:g}": measured_number(recall(matched, n, everyone)) for n in FALSE_BOXES},
        f"recall above {LARGE} px@0.1": measured_number(recall(matched, 0.1, matched.heights > LARGE)),
        "recall at own threshold": measured_number(found_at_own(matched, found)),
        "false boxes at own threshold": measured_number(false_boxes_at_own(matched, detected.own_threshold)),
        "threshold@0.1": Number(value=threshold_at(matched, 0.1), unit="score"),
        "landmark error": measured_number(landmark_errors(matched, found)),
    }


def _coco(detected: DetectedSet) -> float:
    """Mean over IoU 0.5 to 0.95 of COCO's average precision."""
    each = [average_precision(match(detected.images, detected.faces, iou), read=coco_area) for iou in COCO]
    return float(np.mean(each))


def _headline(numbers: dict[str, Number], own_threshold: float) -> tuple[Message, ...]:
    lines = [
        message("detection.ap", ap=in_words(numbers["ap"])),
        message(
            "detection.at-tenth",
            all=in_words(numbers["recall@0.1"]),
            large=in_words(numbers[f"recall above {LARGE} px@0.1"]),
            pixels=LARGE,
        ),
        message(
            "detection.at-own",
            threshold=own_threshold,
            found=in_words(numbers["recall at own threshold"]),
            false_boxes=numbers["false boxes at own threshold"].value or 0.0,
        ),
    ]
    if numbers["landmark error"].value is not None:
        lines.append(message("detection.landmarks", error=in_words(numbers["landmark error"])))
    return tuple(lines)
