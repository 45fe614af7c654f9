"""The report of a detector on annotated pictures: figures, tables by size and attribute, misses and false boxes.

Takes what was matched; detects nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.data.annotated import AnnotatedImage
from mien.data.sample import Problem, Value
from mien.evaluate.detectors.figures import (
    average_precision,
    coco_area,
    precision_recall,
    recall_at,
    threshold_at,
    with_interval,
)
from mien.evaluate.detectors.matching import Matched, match
from mien.evaluate.protocols.sections import made_with
from mien.evaluate.report import Chart, Gallery, GalleryRow, Number, Report, Series, Subject, Table, share, thin
from mien.rates import Estimate
from mien.types import Faces

FALSE_BOXES = (0.01, 0.1, 1.0)
"""False boxes a picture at which recall is told."""
SIZES = (0, 16, 32, 64, 128, 256, 512, float("inf"))
"""Heights of faces in pixels between which recall is told apart."""
COCO = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
MOST_VALUES = 8
"""A column with more values than this is no attribute."""
MOST_FALSE = 2.0
"""False boxes a picture up to which recall is drawn."""
SHOWN = 24
"""Misses and false boxes in the report."""
NOT_ATTRIBUTES = ("split", "sha256", "height", "invalid", "blur_score")


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A detector's answers to annotated pictures.

    Attributes:
        detector: its name.
        source: the data set's.
        protocol: at which scale pictures were looked at, in words.
        own: the detector's own least score.
        pictures: that could be read.
        faces: found in each, down to a low score.
        problems: rows and pictures that could not be used.
        overlap: IoU from which a face is found.
    """

    detector: str
    source: str
    protocol: str
    own: float
    pictures: tuple[AnnotatedImage, ...]
    faces: tuple[Faces, ...]
    problems: tuple[Problem, ...]
    overlap: float = 0.5


def detection_report(judged: Judged) -> Report:
    """Everything about one detector on one set."""
    matched = match(judged.pictures, judged.faces, judged.overlap)
    everyone = np.ones(len(matched.faces), np.bool_)
    ap = with_interval(matched, lambda w: average_precision(matched, w), len(matched.faces))
    found = matched.found >= max(judged.own, 1e-9)
    numbers = {
        "ap": _number(ap),
        "ap coco": Number(value=_coco(judged)),
        **{f"recall@{n:g}": _number(_recall(matched, n, everyone)) for n in FALSE_BOXES},
        "recall above 32 px@0.1": _number(_recall(matched, 0.1, matched.heights > 32)),
        "recall at own threshold": _number(_at_own(matched, found)),
        "false boxes at own threshold": _number(_false_at_own(matched, judged.own)),
        "threshold@0.1": Number(value=threshold_at(matched, 0.1), unit="score"),
        "landmark error": _number(_landmarks(matched, found)),
    }
    tables = (_by_size(matched, found), _by_attribute(judged.pictures, matched, found), _problems(judged.problems))
    return Report(
        protocol="detection",
        title=f"Detection: {judged.detector} on {judged.source}",
        about=Subject(
            model=judged.detector,
            contract="",
            unit="score",
            source=judged.source,
            detector=judged.detector,
            samples=len(judged.pictures),
            subjects=0,
            not_embedded={},
            sentence=(
                f"{judged.source}: {len(judged.pictures):,} pictures with {len(matched.faces):,} faces that count. "
                f"{judged.detector}, {judged.protocol}; a face is found at an IoU of {judged.overlap:g}. "
                "Intervals of 95% by picture."
            ),
        ),
        headline=_headline(numbers, judged),
        numbers=numbers,
        tables=tuple(table for table in tables if table),
        charts=_charts(matched),
        galleries=_galleries(judged, matched, found),
        made_with=made_with(1),
    )


def _number(rate: Estimate) -> Number:
    nan = rate.value != rate.value
    return Number(
        value=None if nan else rate.value,
        low=None if nan else rate.low,
        high=None if nan else rate.high,
        comparisons=rate.count,
    )


def _coco(judged: Judged) -> float:
    """Mean over IoU 0.5 to 0.95 of COCO's average precision."""
    return float(
        np.mean([average_precision(match(judged.pictures, judged.faces, iou), read=coco_area) for iou in COCO])
    )


def _recall(matched: Matched, false_boxes: float, among: NDArray[np.bool_]) -> Estimate:
    return with_interval(matched, lambda w: recall_at(matched, false_boxes, among, w), int(among.sum()))


def _share_of(matched: Matched, found: NDArray[np.bool_], among: NDArray[np.bool_]) -> Estimate:
    def figure(weights: NDArray[np.float64]) -> float:
        own = weights[matched.faces] * among
        return float((own * found).sum() / own.sum()) if own.sum() else float("nan")

    return with_interval(matched, figure, int(among.sum()))


def _at_own(matched: Matched, found: NDArray[np.bool_]) -> Estimate:
    return _share_of(matched, found, np.ones(len(found), np.bool_))


def _false_at_own(matched: Matched, own: float) -> Estimate:
    wrong = ~matched.right & (matched.scores >= own)
    counts = np.bincount(matched.owners[wrong], minlength=matched.pictures)
    return with_interval(matched, lambda w: float((w * counts).sum() / max(w.sum(), 1e-12)), matched.pictures)


def _landmarks(matched: Matched, found: NDArray[np.bool_]) -> Estimate:
    known = np.isfinite(matched.errors) & found
    errors = np.where(known, matched.errors, 0)

    def figure(weights: NDArray[np.float64]) -> float:
        own = weights[matched.faces] * known
        return float((own * errors).sum() / own.sum()) if own.sum() else float("nan")

    return with_interval(matched, figure, int(known.sum()))


def in_words(number: Number) -> str:
    """A share with its interval."""
    if number.value is None or number.low is None or number.high is None:
        return "not measured"
    return f"{share(number.value)} ({share(number.low, number.value)} to {share(number.high, number.value)})"


def _headline(numbers: dict[str, Number], judged: Judged) -> tuple[str, ...]:
    false = numbers["false boxes at own threshold"]
    lines = [
        f"Average precision {in_words(numbers['ap'])}.",
        f"At 0.1 false boxes a picture it finds {in_words(numbers['recall@0.1'])} of all faces, and "
        f"{in_words(numbers['recall above 32 px@0.1'])} of those above 32 pixels.",
        f"At its own threshold of {judged.own:g} it finds {in_words(numbers['recall at own threshold'])}, with "
        f"{false.value:.3f} false boxes a picture.",
    ]
    error = numbers["landmark error"]
    if error.value is not None:
        lines.append(f"Landmarks are off by {in_words(error)} of the distance between the eyes on average.")
    return tuple(lines)


def _strata(
    title: str, named: list[tuple[str, NDArray[np.bool_]]], matched: Matched, found: NDArray[np.bool_]
) -> Table:
    rows = []
    for name, among in named:
        if among.any():
            rows.append(
                (
                    name,
                    int(among.sum()),
                    in_words(_number(_recall(matched, 0.1, among))),
                    in_words(_number(_share_of(matched, found, among))),
                )
            )
    columns = ("faces", "count", "found at 0.1 false boxes a picture", "found at its own threshold")
    return Table(title=title, columns=columns, rows=tuple(rows))


def _by_size(matched: Matched, found: NDArray[np.bool_]) -> Table:
    named = []
    for low, high in pairwise(SIZES):
        name = f"{low:g} to {high:g} pixels high" if np.isfinite(high) else f"from {low:g} pixels"
        named.append((name, (matched.heights >= low) & (matched.heights < high)))
    return _strata("By size", named, matched, found)


def _by_attribute(pictures: Sequence[AnnotatedImage], matched: Matched, found: NDArray[np.bool_]) -> Table | None:
    known = [pictures[picture].known[row] for picture, row in zip(matched.faces, matched.rows, strict=True)]
    named = []
    for name in sorted({key for one in known for key in one if key not in NOT_ATTRIBUTES}):
        values = np.array([_plain(one.get(name)) for one in known])
        distinct = sorted(set(values.tolist()) - {""})
        if 1 < len(distinct) <= MOST_VALUES:
            named += [(f"{name}: {value}", values == value) for value in distinct]
    return _strata("By attribute", named, matched, found) if named else None


def _plain(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _problems(problems: Sequence[Problem]) -> Table | None:
    if not problems:
        return None
    note = f"{len(problems):,} in all; the first are listed." if len(problems) > SHOWN else ""
    rows = tuple((one.where, one.reason) for one in problems[:SHOWN])
    return Table(title="Could not be used", columns=("where", "why"), rows=rows, note=note)


def _charts(matched: Matched) -> tuple[Chart, ...]:
    if not len(matched.scores):
        return ()
    precision, recall = precision_recall(
        matched.scores, matched.right, len(matched.faces), np.ones(len(matched.scores))
    )
    false = np.cumsum(~matched.right) / max(1, matched.pictures)
    hits = np.cumsum(matched.right) / max(1, len(matched.faces))
    first, second = thin(recall.tolist()), thin(false[false <= MOST_FALSE].tolist())
    return (
        Chart(
            name="precision-recall",
            title="Precision and recall",
            kind="line",
            x_label="recall",
            y_label="precision",
            series=(Series(name="all faces", x=tuple(recall[first].tolist()), y=tuple(precision[first].tolist())),),
        ),
        Chart(
            name="false-boxes",
            title="Recall against false boxes a picture",
            kind="line",
            x_label="false boxes a picture",
            y_label="recall",
            series=(Series(name="all faces", x=tuple(false[second].tolist()), y=tuple(hits[second].tolist())),),
        ),
    )


def _galleries(judged: Judged, matched: Matched, found: NDArray[np.bool_]) -> tuple[Gallery, ...]:
    """The largest faces that were missed, and the surest boxes without a face."""
    missed = np.flatnonzero(~found)
    missed = missed[np.argsort(-matched.heights[missed], kind="stable")][:SHOWN]
    misses = []
    for face in missed.tolist():
        picture = judged.pictures[matched.faces[face]]
        x1, y1, x2, y2 = picture.boxes[matched.rows[face]].tolist()
        score = float(matched.found[face])
        words = f"{matched.heights[face]:.0f} pixels, " + (f"score {score:.2f}" if score else "not seen")
        misses.append(GalleryRow(path=str(picture.path), box=(x1, y1, x2, y2), words=words))
    false = np.flatnonzero(~matched.right)[:SHOWN]
    wrong = []
    for one in false.tolist():
        owner = int(matched.owners[one])
        box = judged.faces[owner][int(matched.places[one])].box
        known = tuple((float(b[0]), float(b[1]), float(b[2]), float(b[3])) for b in judged.pictures[owner].boxes)
        wrong.append(
            GalleryRow(
                path=str(judged.pictures[owner].path),
                box=box.corners,
                words=f"score {matched.scores[one]:.2f}",
                boxes=known,
            )
        )
    galleries = (
        Gallery(title="Faces that were missed, the largest first", rows=tuple(misses), note="At its own threshold."),
        Gallery(
            title="Boxes without a face, the surest first",
            rows=tuple(wrong),
            note="Green boxes are annotated faces; a box on one that overlaps it too little is here as well.",
        ),
    )
    return tuple(gallery for gallery in galleries if gallery.rows)


def name_of(path: Path) -> str:
    """What to call a data set in a report."""
    return path.name if path.suffix == "" or path.stem != "manifest" else path.parent.name
