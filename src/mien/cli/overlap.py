"""mien data overlap: who and what is in two sets at once."""

import csv
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from mien.cli import options
from mien.cli.embed import embeddings
from mien.cli.tables import Table
from mien.cli.terminal import PARTLY, emit, err, fail, out, plural, show, track
from mien.data import overlap as overlapping
from mien.data.manifest import Manifest
from mien.data.manifest_io import read_manifest, write_manifest
from mien.data.phash import fingerprint
from mien.data.workers import ordered
from mien.evaluate.scorefile import Embedded
from mien.models import store
from mien.models.engines import usable_cores


def overlap(
    a: Annotated[Path, typer.Argument(metavar="A", help="The set that is cleaned, such as the training set.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The set that must stay unseen, such as the test set.")],
    target: Annotated[Path, typer.Option("--out", help="A folder for the list and the cleaned manifest.")],
    fmr: Annotated[float, typer.Option("--fmr", help="Faces match at the card's threshold for this rate.")] = 1e-4,
    detector: options.Detector = None,
    recognizer: options.Recognizer = None,
    faces: Annotated[bool, typer.Option("--faces/--no-faces", help="Whether to compare faces, too.")] = True,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes; one a core.", show_default=False)
    ] = None,
    json: options.Json = False,
) -> int:
    """Find who and what is in both sets: the same photographs, nearly the same ones, the same faces.

    Writes overlap.csv, and cleaned.parquet: A without the photographs that are in B, and without the people of whom
    half of all comparisons with somebody in B match.

    Example:

      mien data overlap celeba.parquet lfw.parquet --out overlap/
    """
    sets = [read_manifest(path) for path in (a, b)]
    for manifest in sets:
        if not len(manifest):
            fail(f"{manifest.name} has no rows; there is nothing to compare")
    marks = []
    for manifest in sets:
        done = ordered(fingerprint, manifest.samples(), workers or usable_cores())
        marks.append(list(track(done, len(manifest), f"reading {manifest.name}")))
    found = list(overlapping.same_photographs(marks[0], marks[1]))
    expected = 0.0
    if faces:
        more, expected = _same_faces(
            (a, b), sets, target, fmr, options.detector(detector), options.recognizer(recognizer)
        )
        seen = {(one.a, one.b) for one in found}
        found += [one for one in more if (one.a, one.b) not in seen]
    target.mkdir(parents=True, exist_ok=True)
    _write_overlap(found, sets, target / "overlap.csv")
    subjects = sets[0].subjects
    gone = {one.a for one in found}
    people = {subjects[one.a] for one in found if one.kind == "same face"} - {""}
    kept = [row for row, subject in enumerate(subjects) if row not in gone and subject not in people]
    write_manifest(sets[0].take(kept), target / "cleaned.parquet")
    broken = sum(isinstance(mark, str) for side in marks for mark in side)
    _tell_overlap(found, sets, (len(subjects) - len(kept), broken), expected, target, json)
    return PARTLY if broken else 0


def _same_faces(
    paths: tuple[Path, Path],
    sets: list[Manifest],
    target: Path,
    fmr: float,
    detector: str,
    recognizer: str,
) -> tuple[list[overlapping.Overlap], float]:
    """Pairs of subjects with the same face, and how many of them chance alone may make."""
    card = store.load(recognizer).card
    threshold = card.threshold(fmr)
    sides = []
    for path, manifest, letter in zip(paths, sets, "ab", strict=True):
        side = embeddings(path, target / f"embeddings-{letter}.parquet", detector, recognizer)
        rows = {
            (str((manifest.folder / sample.path).resolve()), -1 if sample.record is None else sample.record): row
            for row, sample in enumerate(manifest.samples())
        }
        places = [
            rows[str(Path(file).resolve()), record] for file, record in zip(side.paths, side.records, strict=True)
        ]
        sides.append((side, places))
    (one, rows_a), (two, rows_b) = sides
    left, right = _people(one, rows_a), _people(two, rows_b)
    pairs = overlapping.same_faces(left, right, one.origin.metric, threshold.value)
    found = [overlapping.Overlap(p.kind, rows_a[p.a], rows_b[p.b], p.value) for p in pairs]
    return found, fmr * len(set(left.subjects.tolist())) * len(set(right.subjects.tolist()))


def _people(side: Embedded, rows: list[int]) -> overlapping.FaceVectors:
    """Embedded samples with their subjects; a sample without a subject is one of its own."""
    names = [subject or f"\0{row}" for subject, row in zip(side.subjects, rows, strict=True)]
    return overlapping.FaceVectors(side.embeddings, np.unique(names, return_inverse=True)[1].astype(np.int64))


def _write_overlap(found: list[overlapping.Overlap], sets: list[Manifest], path: Path) -> None:
    subjects = [manifest.subjects for manifest in sets]
    files = [manifest.table.column("path").to_pylist() for manifest in sets]
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(("kind", "a_row", "a_path", "a_subject", "b_row", "b_path", "b_subject", "value"))
        for one in found:
            table.writerow(
                (
                    one.kind,
                    *(one.a + 2, files[0][one.a], subjects[0][one.a]),
                    *(one.b + 2, files[1][one.b], subjects[1][one.b]),
                    round(one.value, 4),
                )
            )


def _tell_overlap(
    found: list[overlapping.Overlap],
    sets: list[Manifest],
    lost: tuple[int, int],
    expected: float,
    target: Path,
    json: bool,
) -> None:
    gone, broken = lost
    counts = {kind: sum(one.kind == kind for one in found) for kind in ("exact", "near", "same face")}
    if json:
        emit({**counts, "by_chance_at_most": round(expected, 1), "rows_removed": gone, "unreadable": broken})
        return
    subjects = [manifest.subjects for manifest in sets]
    table = Table("what is in both", "pairs of rows", "pairs of subjects")
    for kind, count in counts.items():
        people = {(subjects[0][one.a], subjects[1][one.b]) for one in found if one.kind == kind}
        table.add_row(kind, f"{count:,}", f"{len(people):,}")
    show(table)
    if expected:
        out.print(
            f"of the subjects with the same face, chance alone may make up to {expected:,.0f}; look at the list"
        )
    out.print(f"{target / 'overlap.csv'}; {target / 'cleaned.parquet'} is A without {plural(gone, 'row')}")
    if broken:
        err.print(f"mien: {plural(broken, 'image')} could not be read and were not compared")
