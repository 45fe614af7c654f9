"""Tables of a detection report: recall by size and by attribute, and what could not be used."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mien.data.annotated import AnnotatedImage
from mien.data.sample import Problem, Value
from mien.evaluate.detectors.matching import Matched
from mien.evaluate.detectors.shares import in_words, measured_number, recall, share_of
from mien.evaluate.report import Table
from mien.evaluate.wording import message
from mien.messages import Text

SHOWN = 24
"""Rows of a list in the report."""

SIZES = (0, 16, 32, 64, 128, 256, 512, float("inf"))
"""Heights of faces in pixels that separate the rows of recall by size."""


MAX_VALUES = 8
"""A column with more values than this is not an attribute."""


NOT_ATTRIBUTES = ("split", "sha256", "height", "invalid", "blur_score")


def _by_group(
    title: Text, named: list[tuple[Text, NDArray[np.bool_]]], matched: Matched, found: NDArray[np.bool_]
) -> Table:
    rows = []
    for name, among in named:
        if among.any():
            rows.append(
                (
                    name,
                    int(among.sum()),
                    in_words(measured_number(recall(matched, 0.1, among))),
                    in_words(measured_number(share_of(matched, found, among))),
                )
            )
    columns = (
        message("detection.faces"),
        message("detection.count"),
        message("detection.found-at-tenth"),
        message("detection.found-at-own"),
    )
    return Table(title=title, columns=columns, rows=tuple(rows))


def by_size(matched: Matched, found: NDArray[np.bool_]) -> Table:
    """Recall by height of the faces."""
    named: list[tuple[Text, NDArray[np.bool_]]] = []
    for low, high in pairwise(SIZES):
        name = message("detection.from-pixels", low=low)
        if np.isfinite(high):
            name = message("detection.pixels", low=low, high=high)
        named.append((name, (matched.heights >= low) & (matched.heights < high)))
    return _by_group(message("detection.by-size"), named, matched, found)


def by_attribute(images: Sequence[AnnotatedImage], matched: Matched, found: NDArray[np.bool_]) -> Table | None:
    """Recall by the values of columns that are attributes; None where there are none."""
    known = [images[image].known[row] for image, row in zip(matched.faces, matched.rows, strict=True)]
    named: list[tuple[Text, NDArray[np.bool_]]] = []
    for name in sorted({key for one in known for key in one if key not in NOT_ATTRIBUTES}):
        values = np.array([_plain(one.get(name)) for one in known])
        distinct = sorted(set(values.tolist()) - {""})
        if 1 < len(distinct) <= MAX_VALUES:
            named += [(f"{name}: {value}", values == value) for value in distinct]
    return _by_group(message("detection.by-attribute"), named, matched, found) if named else None


def _plain(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def problem_table(problems: Sequence[Problem]) -> Table | None:
    """Rows and images that could not be used; None where all could."""
    if not problems:
        return None
    note = message("detection.more-problems", total=len(problems)) if len(problems) > SHOWN else ""
    rows = tuple((one.where, one.reason) for one in problems[:SHOWN])
    return Table(
        title=message("detection.problems"),
        columns=(message("detection.where"), message("detection.why")),
        rows=rows,
        note=note,
    )
