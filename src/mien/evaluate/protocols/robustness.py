"""The robustness protocol ("intra by augmentation"): images against corrupted copies of themselves."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mien.data.encoded import read_encoded
from mien.data.sample import Sample
from mien.detect.detector import Detector
from mien.errors import ImageError, ManifestError
from mien.evaluate.all_pairs import Indices, PairStatistics
from mien.evaluate.corruptions import SEVERITIES
from mien.evaluate.curve import OperatingPoint
from mien.evaluate.protocols import sections
from mien.evaluate.report import Chart, Number, Report, Series, Table, describe, number, share
from mien.evaluate.scorefile import Embedded
from mien.evaluate.trials import CAVEAT, Original, RobustnessCell, Trials, cells, meant
from mien.image import decode
from mien.scores import UNIT_OF

LONGEST = 1024
"""Photographs are shrunk to this longer side before they are degraded; severities follow the face, not the file."""


def choose(embedded: Embedded, most: int, seed: int = 0) -> Indices:
    """Which photographs are degraded: one a subject, at most so many, drawn at random.

    Raises:
        ManifestError: the set holds crops, not photographs.
    """
    if not embedded.origin.detector:
        raise ManifestError(
            f"{embedded.origin.source} holds crops, and transforms are applied before detection: embed the "
            "folder or the manifest of the photographs"
        )
    generator = np.random.default_rng(seed)
    numbers = sections.subject_numbers(embedded, least=1)
    shuffled = generator.permutation(len(numbers))
    _, first = np.unique(numbers[shuffled], return_index=True)
    return np.sort(generator.permutation(shuffled[first])[:most])


def load(embedded: Embedded, chosen: Indices, detector: Detector) -> Iterator[Original]:
    """The chosen photographs with their landmarks; one that has no face any more is left out."""
    numbers = sections.subject_numbers(embedded, least=1)
    for index in chosen.tolist():
        record = embedded.records[index]
        sample = Sample(Path(embedded.paths[index]), "", record=None if record < 0 else record)
        try:
            image = decode(read_encoded(sample), sample.name, longest=LONGEST).image
        except ImageError:
            continue
        face = meant(detector.detect([image])[0], image)
        if face is not None:
            yield Original(image, face.landmarks, embedded.embeddings[index], int(numbers[index]))


def robustness(
    embedded: Embedded, impostors: PairStatistics, point: OperatingPoint, trials: Trials, seed: int = 0
) -> Report:
    """Evaluate degraded copies at the threshold that the impostor protocol chose.

    Args:
        embedded: the set.
        impostors: all comparisons of it.
        point: of the impostor protocol, whose threshold decides.
        trials: see mien.evaluate.trials.
        seed: of the trials.

    Raises:
        ManifestError: no photograph could be degraded.
    """
    if not len(trials.subjects):
        raise ManifestError(f"{embedded.origin.source}: no photograph with a face could be read again")
    unit = UNIT_OF[embedded.origin.metric]
    found = cells(trials, impostors.similarity(point.threshold))
    worst = sorted(found, key=lambda cell: -cell.fnmr.value)[:3]
    mildest = {cell.transform: cell for cell in found if cell.severity == 1}
    numbers = {
        "photographs": Number(value=len(trials.subjects)),
        "threshold": Number(value=point.threshold, unit=unit),
    }
    for cell in found:
        numbers[f"fnmr {cell.transform} {cell.severity}"] = number(cell.fnmr)
        numbers[f"not detected {cell.transform} {cell.severity}"] = number(cell.not_detected)
    return Report(
        protocol="robustness",
        title=f"Robustness bound: {embedded.origin.source}",
        about=sections.about(embedded),
        headline=(
            f"{len(trials.subjects)} photographs, {len(trials.names)} transforms in {len(SEVERITIES)} severities, at "
            f"the threshold for FMR {point.wanted:g} on this set ({unit} {point.threshold:.4f}).",
            f"Mildest severity: {_mean(list(mildest.values()))} of the copies do not match; severest: "
            f"{_mean([cell for cell in found if cell.severity == SEVERITIES[-1]])}.",
            "Hardest: " + ", ".join(f"{c.transform} {c.severity} ({share(c.fnmr.value)})" for c in worst) + ".",
        ),
        numbers=numbers,
        tables=(_table(found, trials),),
        charts=(
            _grid("robustness", "Copies that do not match", found, trials, detected=False),
            _grid("detection", "Copies in which no face is found", found, trials, detected=True),
        ),
        warnings=(CAVEAT, *sections.duplicate_warnings(embedded)),
        made_with=sections.made_with(seed),
    )


def _mean(chosen: list[RobustnessCell]) -> str:
    return share(float(np.mean([cell.fnmr.value for cell in chosen])))


def _table(found: list[RobustnessCell], trials: Trials) -> Table:
    of = {(cell.transform, cell.severity): cell for cell in found}
    return Table(
        title="FNMR by transform and severity (robustness bound)",
        columns=("transform", *(f"severity {severity}" for severity in SEVERITIES)),
        rows=tuple((name, *(describe(of[name, severity].fnmr) for severity in SEVERITIES)) for name in trials.names),
        note="A copy without a face counts as a non-match. " + CAVEAT,
    )


def _grid(name: str, title: str, found: list[RobustnessCell], trials: Trials, *, detected: bool) -> Chart:
    of = {(c.transform, c.severity): (c.not_detected if detected else c.fnmr).value for c in found}
    x = tuple(float(severity) for severity in SEVERITIES)
    return Chart(
        name=name,
        title=f"{title} (robustness bound)",
        kind="grid",
        x_label="severity",
        y_label="",
        series=tuple(
            Series(name=transform, x=x, y=tuple(of[transform, severity] for severity in SEVERITIES))
            for transform in trials.names
        ),
    )
