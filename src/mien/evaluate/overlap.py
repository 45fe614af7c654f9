"""Who and what is in two sets at once: the work of `mien data overlap`.

Owns which rows and subjects are compared, the list of what was found, and the first set without it. How photographs
and faces are matched is in mien.data.overlap; embeddings come from mien.evaluate.embed. Decides nothing about people:
what is listed is a suspicion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mien.data.manifest import Manifest
from mien.data.manifest_io import OnProblem, read_manifest, write_manifest
from mien.data.overlap import KINDS, FaceVectors, Kind, Overlap, same_faces, same_photographs
from mien.data.phash import Fingerprint, fingerprint
from mien.data.workers import ordered
from mien.errors import ManifestError
from mien.evaluate.embed import embedded_set
from mien.evaluate.scorefile import Embedded
from mien.models import store
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.progress import OnProgress, no_progress, report_progress
from mien.settings import load_settings
from mien.spreadsheets import write_csv

COLUMNS = ("kind", "a_row", "a_path", "a_subject", "b_row", "b_path", "b_subject", "value")
FMR = 1e-4
"""Default false match rate; docs/log.md says what it finds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapReport:
    """What two sets have in common.

    Attributes:
        listed: the file with all pairs of rows.
        cleaned: the manifest of A without them.
        pairs: number of pairs of rows of each kind.
        subject_pairs: number of pairs of subjects of each kind.
        by_chance: how many pairs of subjects may have the same face by chance alone.
        removed: number of rows of A that are not in the cleaned manifest.
        unreadable: number of images that could not be read and were not compared.
    """

    listed: Path
    cleaned: Path
    pairs: dict[Kind, int]
    subject_pairs: dict[Kind, int]
    by_chance: float
    removed: int
    unreadable: int


def find_overlap(
    a: Path,
    b: Path,
    out: Path,
    *,
    faces: bool = True,
    fmr: float = FMR,
    detector: str | None = None,
    recognizer: str | None = None,
    engine: EngineOptions = DEFAULT_OPTIONS,
    workers: int = 1,
    on_problem: OnProblem | None = None,
    on_progress: OnProgress = no_progress,
) -> OverlapReport:
    """Find what is in both sets, list it, and write the first set without it.

    Args:
        a: the set that is cleaned, such as the training set: a manifest, or a folder of subjects.
        b: the set that must stay unseen, such as the test set.
        out: a folder for overlap.csv, cleaned.parquet and the embeddings of both sets.
        faces: whether faces are compared, or only photographs.
        fmr: subjects match at the threshold that the recognizer's card has for this false match rate.
        detector: a model's name or the path of its card; None takes the setting.
        recognizer: a model's name or the path of its card; None takes the setting.
        engine: how both networks run.
        workers: number of processes that read images.
        on_problem: called for each row of a set that is left out; None refuses a set with such a row.
        on_progress: called for every image.

    Raises:
        ManifestError: a set is empty or cannot be read.
        CardError: the recognizer's card has no threshold for this rate.

    Example:
        >>> found = mien.find_overlap(Path("portraits"), Path("parts/test.parquet"), Path("overlap"), faces=False)
        >>> found.pairs["exact"], found.cleaned.name
        (12, 'cleaned.parquet')
    """
    paths, sets = (a, b), [read_manifest(path, on_problem) for path in (a, b)]
    for manifest in sets:
        if not len(manifest):
            raise ManifestError(f"{manifest.name} has no rows; there is nothing to compare")
    marks = [_fingerprints(manifest, workers, on_progress) for manifest in sets]
    photographs = list(same_photographs(*marks))
    people: list[Overlap] = []
    by_chance = 0.0
    if faces:
        recognizer = recognizer or load_settings().recognizer
        threshold = store.load(recognizer).card.threshold(fmr).value
        embed = partial(
            embedded_set,
            detector=detector,
            recognizer=recognizer,
            engine=engine,
            # Rows that are left out have been named once already.
            on_problem=None if on_problem is None else lambda problem: None,
            on_progress=on_progress,
        )
        sides = [embed(path, out / f"embeddings-{letter}.parquet") for path, letter in zip(paths, "ab", strict=True)]
        people, pairs = _same_faces(sides, sets, threshold)
        by_chance = fmr * pairs
    unreadable = sum(isinstance(mark, str) for side in marks for mark in side)
    return _write(photographs, people, sets, out, by_chance, unreadable)


def _fingerprints(manifest: Manifest, workers: int, on_progress: OnProgress) -> list[Fingerprint | str]:
    done = ordered(fingerprint, manifest.samples(), workers)
    return list(report_progress(done, f"reading {manifest.name}", len(manifest), on_progress))


def _same_faces(sides: Sequence[Embedded], sets: Sequence[Manifest], threshold: float) -> tuple[list[Overlap], int]:
    """Pairs of rows with the same face, and how many pairs of subjects were compared."""
    rows = [_rows(side, manifest) for side, manifest in zip(sides, sets, strict=True)]
    left, right = (_vectors(side, own) for side, own in zip(sides, rows, strict=True))
    found = [
        Overlap(one.kind, rows[0][one.a], rows[1][one.b], one.value)
        for one in same_faces(left, right, sides[0].origin.metric, threshold)
    ]
    return found, len(np.unique(left.subjects)) * len(np.unique(right.subjects))


def _rows(side: Embedded, manifest: Manifest) -> list[int]:
    """The row of the manifest of each embedding."""
    places = {
        (sample.path.resolve(), -1 if sample.record is None else sample.record): row
        for row, sample in enumerate(manifest.samples())
    }
    return [places[Path(file).resolve(), record] for file, record in zip(side.paths, side.records, strict=True)]


def _vectors(side: Embedded, rows: Sequence[int]) -> FaceVectors:
    """Embeddings with their subjects; a sample without a subject is a subject of its own."""
    names = [subject or f"\0{row}" for subject, row in zip(side.subjects, rows, strict=True)]
    return FaceVectors(side.embeddings, np.unique(names, return_inverse=True)[1].astype(np.int64))


def _write(
    photographs: Sequence[Overlap],
    faces: Sequence[Overlap],
    sets: Sequence[Manifest],
    out: Path,
    by_chance: float,
    unreadable: int,
) -> OverlapReport:
    """Write the list, and A without the listed rows and without the people whose faces are in B."""
    subjects = [manifest.subjects for manifest in sets]
    known = {(one.a, one.b) for one in photographs}
    found = [*photographs, *(one for one in faces if (one.a, one.b) not in known)]
    listed, cleaned = out / "overlap.csv", out / "cleaned.parquet"
    _write_list(found, sets, listed)
    rows = {one.a for one in found}
    # Also people whose most similar photographs are copies, and so are listed as copies.
    people = {subjects[0][one.a] for one in faces} - {""}
    kept = [row for row, subject in enumerate(subjects[0]) if row not in rows and subject not in people]
    write_manifest(sets[0].take(kept), cleaned)
    both = {kind: [(subjects[0][one.a], subjects[1][one.b]) for one in found if one.kind == kind] for kind in KINDS}
    return OverlapReport(
        listed=listed,
        cleaned=cleaned,
        pairs={kind: len(pairs) for kind, pairs in both.items()},
        subject_pairs={kind: len(set(pairs)) for kind, pairs in both.items()},
        by_chance=by_chance,
        removed=len(sets[0]) - len(kept),
        unreadable=unreadable,
    )


def _write_list(found: Sequence[Overlap], sets: Sequence[Manifest], path: Path) -> None:
    names = [
        list(zip(manifest.table.column("path").to_pylist(), manifest.subjects, strict=True)) for manifest in sets
    ]
    # Row numbers as in the file, where the header is row 1.
    rows = (
        (one.kind, one.a + 2, *names[0][one.a], one.b + 2, *names[1][one.b], round(one.value, 4)) for one in found
    )
    write_csv(path, COLUMNS, rows)
