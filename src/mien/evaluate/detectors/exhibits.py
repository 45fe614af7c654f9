"""Charts of a detection report, and the places that people should inspect: misses and false boxes."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mien.evaluate.detectors.figures import precision_recall
from mien.evaluate.detectors.matching import Matched
from mien.evaluate.detectors.run import DetectedSet
from mien.evaluate.detectors.tables import SHOWN
from mien.evaluate.report import Chart, Place, Places, Series, thin
from mien.evaluate.wording import message

MAX_FALSE = 2.0
"""False boxes per image up to which recall is drawn."""


def charts(matched: Matched) -> tuple[Chart, ...]:
    """Precision against recall, and recall against false boxes; none without detections."""
    if not len(matched.scores):
        return ()
    precision, recall = precision_recall(
        matched.scores, matched.right, len(matched.faces), np.ones(len(matched.scores))
    )
    false = np.cumsum(~matched.right) / max(1, matched.images)
    hits = np.cumsum(matched.right) / max(1, len(matched.faces))
    first, second = thin(recall.tolist()), thin(false[false <= MAX_FALSE].tolist())
    return (
        Chart(
            name="precision-recall",
            title=message("detection.precision-recall"),
            kind="line",
            x_label=message("detection.recall"),
            y_label=message("detection.precision"),
            series=(_line(recall[first], precision[first]),),
        ),
        Chart(
            name="false-boxes",
            title=message("detection.recall-false"),
            kind="line",
            x_label=message("detection.false-boxes"),
            y_label=message("detection.recall"),
            series=(_line(false[second], hits[second]),),
        ),
    )


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> Series:
    return Series(name=message("detection.all-faces"), x=tuple(x.tolist()), y=tuple(y.tolist()))


def exhibits(detected: DetectedSet, matched: Matched, found: NDArray[np.bool_]) -> tuple[Places, ...]:
    """The largest faces that were missed, and the surest boxes without a face."""
    shown = (
        Places(
            title=message("detection.misses"),
            rows=tuple(_misses(detected, matched, found)),
            note=message("detection.misses-note"),
        ),
        Places(
            title=message("detection.false"),
            rows=tuple(_false_boxes(detected, matched)),
            note=message("detection.false-note"),
        ),
    )
    return tuple(places for places in shown if places.rows)


def _misses(detected: DetectedSet, matched: Matched, found: NDArray[np.bool_]) -> Iterator[Place]:
    missed = np.flatnonzero(~found)
    for face in missed[np.argsort(-matched.heights[missed], kind="stable")][:SHOWN].tolist():
        image = detected.images[matched.faces[face]]
        x1, y1, x2, y2 = image.boxes[matched.rows[face]].tolist()
        score = float(matched.found[face])
        seen = message("detection.score", score=score) if score else message("detection.not-seen")
        words = message("detection.missed-face", height=float(matched.heights[face]), seen=seen)
        yield Place(path=str(image.path), box=(x1, y1, x2, y2), words=words)


def _false_boxes(detected: DetectedSet, matched: Matched) -> Iterator[Place]:
    for one in np.flatnonzero(~matched.right)[:SHOWN].tolist():
        owner = int(matched.owners[one])
        image = detected.images[owner]
        yield Place(
            path=str(image.path),
            box=detected.faces[owner][int(matched.places[one])].box.corners,
            words=message("detection.score", score=float(matched.scores[one])),
            boxes=tuple((float(b[0]), float(b[1]), float(b[2]), float(b[3])) for b in image.boxes),
        )
