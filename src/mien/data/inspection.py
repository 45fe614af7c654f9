"""What a data set is: counts of images, subjects and what is known of them, and its problems. Opens no image."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.data.sample import Problem, Sample
from mien.data.sources import table, verification_bin
from mien.data.sources.known import Source

SHOWN = 40
"""Problems that are kept for showing; all are counted."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was seen of a data set.

    Attributes:
        rows: samples, which are faces in detection sets.
        images: different images.
        subjects: how many.
        images_each: least, median and most rows of a subject; None where no subject is known.
        single: subjects with one row, which make no mated pair.
        with_box: rows with a box.
        with_landmarks: rows with landmarks.
        columns: of each further column, how many rows have it and its most frequent values with their counts.
        problems: how many.
        shown: the first of them.
    """

    rows: int
    images: int
    subjects: int
    images_each: tuple[int, float, int] | None
    single: int
    with_box: int
    with_landmarks: int
    columns: dict[str, tuple[int, dict[str, int]]]
    problems: int
    shown: tuple[Problem, ...]


def read_source(
    path: Path, name: str, source: Source, out: Path, columns: dict[str, str]
) -> Iterator[Sample | Problem]:
    """The rows of a source for a manifest at `out`; tables take column names, and `.bin` files are taken apart."""
    if name == "table":
        return table.read(path, columns)
    if name == "bin":
        return verification_bin.extract(path, out)
    return source.read(path)


def inspect(rows: Iterable[Sample | Problem]) -> Inspection:
    """Count a source's rows."""
    subjects: Counter[str] = Counter()
    images: set[tuple[Path, int | None]] = set()
    boxes = landmarks = total = problems = 0
    shown: list[Problem] = []
    known: dict[str, Counter[str]] = {}
    for row in rows:
        if isinstance(row, Problem):
            problems += 1
            if len(shown) < SHOWN:
                shown.append(row)
            continue
        total += 1
        images.add((row.path, row.record))
        boxes += row.box is not None
        landmarks += row.landmarks is not None
        if row.subject:
            subjects[row.subject] += 1
        for column, value in row.known.items():
            known.setdefault(column, Counter())[str(value)] += 1
    counts = np.array(list(subjects.values()) or [0])
    return Inspection(
        rows=total,
        images=len(images),
        subjects=len(subjects),
        images_each=(int(counts.min()), float(np.median(counts)), int(counts.max())) if subjects else None,
        single=int((counts == 1).sum()),
        with_box=boxes,
        with_landmarks=landmarks,
        columns={name: (counter.total(), dict(counter.most_common(4))) for name, counter in known.items()},
        problems=problems,
        shown=tuple(shown),
    )
