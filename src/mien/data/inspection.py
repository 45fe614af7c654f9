"""What a data set is: counts of images, subjects and what is known of them, and its problems. Opens no image."""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mien.data.importing import ProblemCount
from mien.data.sample import Problem, Sample
from mien.data.sources.registry import find_source
from mien.progress import OnProgress, no_progress, report_progress

FREQUENT = 4
"""Values of a column that are kept, the most frequent ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What was seen of a data set.

    Attributes:
        source: the name of its source.
        summary: what that source is, in a few words.
        rows: number of samples, which are faces in detection sets.
        images: number of different images.
        subjects: number of subjects.
        rows_per_subject: minimum, median and maximum; None where no subject is known.
        single: subjects with one row, which make no mated pair.
        with_box: rows with a box.
        with_landmarks: rows with landmarks.
        columns: for each further column, how many rows have it, and its most frequent values with their counts.
        problems: number of rows that cannot be used.
        shown: the first of these problems.
    """

    source: str
    summary: str
    rows: int
    images: int
    subjects: int
    rows_per_subject: tuple[int, float, int] | None
    single: int
    with_box: int
    with_landmarks: int
    columns: dict[str, tuple[int, dict[str, int]]]
    problems: int
    shown: tuple[Problem, ...]


def inspect_set(path: Path, *, source: str | None = None, on_progress: OnProgress = no_progress) -> Inspection:
    """Count what a data set holds.

    Args:
        path: a folder or file of a data set.
        source: a name in SOURCES; None to take the first source that recognizes the path.
        on_progress: called for every row.

    Raises:
        ManifestError: the set cannot be read, or is not recognized.

    Example:
        >>> found = mien.inspect_set(Path("portraits.csv"))
        >>> found.images, found.rows_per_subject
        (32, (2, 2.0, 2))
    """
    found = find_source(path, source)
    problems, tally = ProblemCount(), _Tally()
    for sample in problems.samples(report_progress(found.read(path), "reading", None, on_progress)):
        tally.add(sample)
    counts = np.array(list(tally.subjects.values()) or [0])
    span = (int(counts.min()), float(np.median(counts)), int(counts.max()))
    return Inspection(
        source=found.name,
        summary=found.summary,
        rows=tally.rows,
        images=len(np.unique(np.frombuffer(tally.images, np.int64))) if tally.rows else 0,
        subjects=len(tally.subjects),
        rows_per_subject=span if tally.subjects else None,
        single=int((counts == 1).sum()),
        with_box=tally.boxes,
        with_landmarks=tally.landmarks,
        columns={name: (each.total(), dict(each.most_common(FREQUENT))) for name, each in tally.columns.items()},
        problems=problems.count,
        shown=problems.shown,
    )


@dataclass(slots=True)
class _Tally:
    """Counts of samples."""

    rows: int = 0
    boxes: int = 0
    landmarks: int = 0
    subjects: Counter[str] = field(default_factory=Counter)
    images: "array[int]" = field(default_factory=lambda: array("q"))
    """A hash of each row's image: 8 bytes, where the names of 42 million images would take 20 GB."""
    columns: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, sample: Sample) -> None:
        self.rows += 1
        self.images.append(hash((sample.path, sample.record)))
        self.boxes += sample.box is not None
        self.landmarks += sample.landmarks is not None
        if sample.subject:
            self.subjects[sample.subject] += 1
        for column, value in sample.known.items():
            self.columns.setdefault(column, Counter())[str(value)] += 1
