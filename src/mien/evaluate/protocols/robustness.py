"""The robustness protocol ("intra by augmentation"): images against corrupted copies of themselves."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from mien.data.encoded import read_encoded
from mien.data.sample import Sample
from mien.detect.detector import Detector
from mien.detect.families import open_detector
from mien.errors import ManifestError, ModelError
from mien.evaluate.corruptions import SEVERITIES
from mien.evaluate.origins import model_of
from mien.evaluate.protocols import sections
from mien.evaluate.protocols.impostor import compare_subjects
from mien.evaluate.protocols.protocol import Option, Protocol
from mien.evaluate.report import Chart, Number, Report, Series, Table, number
from mien.evaluate.scorefile import Embedded
from mien.evaluate.trials import Original, RobustnessCell, Trials, cells, probe_with, run_trials
from mien.evaluate.wording import describe, joined, message, share, too_few
from mien.image import decode
from mien.messages import Message, Text, has_message
from mien.models.engines import usable_cores
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.operating_points import OperatingPoint, can_show, operating_point, subjects_needed
from mien.pipeline import Policy, Refused
from mien.pipeline import choose as choose_face
from mien.progress import OnProgress, no_progress
from mien.rates import Indices
from mien.recognize.recognizer import Recognizer
from mien.units import unit_text

LONGEST = 1024
"""Images are shrunk to this longer side before they are corrupted; severities follow the face, not the file."""


def robustness(
    embedded: Embedded,
    *,
    fmr: Annotated[float, Option(help="False match rate of the threshold, on this set.", flags=("--fmr",))] = 1e-3,
    max_images: Annotated[
        int, Option(help="Maximum number of images, one per subject.", min=1, flags=("--max-images", "--most"))
    ] = 200,
    seed: Annotated[int, Option(help="Seed for choosing the images and for the corruptions.")] = 0,
    recognizer: str | None = None,
    engine: EngineOptions = DEFAULT_OPTIONS,
    on_progress: OnProgress = no_progress,
) -> Report:
    """Compare images with corrupted copies of themselves, at a threshold that the set itself gives.

    Args:
        embedded: a set of images, not of crops, that were embedded with a model of the store.
        fmr: false match rate for which the threshold is chosen.
        max_images: images that are corrupted, at most; one per subject.
        seed: of their choice, and of the corruptions.
        recognizer: a name or the path of the card of the model that embedded the set, if its name does not say it.
        engine: how detector and recognizer run.
        on_progress: called after each image.

    Raises:
        ManifestError: the set cannot show that false match rate, holds crops, or its images cannot be read again.
        CardError: the recognizer is not the one that embedded the set.

    Example:
        >>> embedded = mien.read_embedded(Path("portraits.parquet"))
        >>> report = mien.evaluate_robustness(embedded, fmr=0.1, max_images=1)
        >>> "fnmr jpeg 3" in report.numbers
        True
    """
    compared = compare_subjects(embedded)
    if not can_show(compared, fmr):
        needed = too_few(fmr, compared.nonmated, subjects_needed(compared, fmr)).text("en")
        raise ManifestError(f"{embedded.origin.source}: {needed}")
    point = operating_point(compared, fmr)
    chosen = choose(embedded, max_images, seed)
    options = replace(engine, streams=usable_cores())
    finder = open_detector(embedded.origin.detector, options)
    network = Recognizer(model_of(embedded.origin, recognizer), options)
    trials = run_trials(
        load(embedded, chosen, finder),
        probe_with(finder, network),
        embedded.origin.metric,
        seed=seed,
        total=len(chosen),
        on_progress=on_progress,
    )
    return robustness_report(embedded, compared, point, trials, seed)


def choose(embedded: Embedded, max_images: int, seed: int = 0) -> Indices:
    """Which images are corrupted: one per subject, at most so many, drawn at random.

    Raises:
        ManifestError: the set holds crops, not whole images.
    """
    if not embedded.origin.detector:
        raise ManifestError(
            f"{embedded.origin.source} holds crops, and images are corrupted before detection: embed the folder or "
            "the manifest of the whole images"
        )
    generator = np.random.default_rng(seed)
    numbers = sections.subject_numbers(embedded, min_subjects=1)
    shuffled = generator.permutation(len(numbers))
    _, first = np.unique(numbers[shuffled], return_index=True)
    return np.sort(generator.permutation(shuffled[first])[:max_images])


def load(embedded: Embedded, chosen: Indices, detector: Detector) -> Iterator[Original]:
    """The chosen images with their landmarks; one in which no face is found any more is left out."""
    numbers = sections.subject_numbers(embedded, min_subjects=1)
    for index in chosen.tolist():
        record = embedded.records[index]
        sample = Sample(Path(embedded.paths[index]), "", record=None if record < 0 else record)
        try:
            image = decode(read_encoded(sample), sample.name, longest=LONGEST).image
            faces = detector.detect([image])[0]
        except ModelError:
            raise
        except Exception:  # noqa: BLE001, S112 - one image's fault, whatever it is
            continue
        best = choose_face(faces, image.shape[1], image.shape[0], Policy())
        if not isinstance(best, Refused):
            yield Original(image, faces[best].landmarks, embedded.embeddings[index], int(numbers[index]))


def robustness_report(
    embedded: Embedded, compared: PairStatistics, point: OperatingPoint, trials: Trials, seed: int = 0
) -> Report:
    """The report of corrupted copies.

    Args:
        embedded: the set.
        compared: all comparisons of it.
        point: whose threshold decides.
        trials: see mien.evaluate.trials.
        seed: of the trials.

    Raises:
        ManifestError: no image could be corrupted.
    """
    if not len(trials.subjects):
        raise ManifestError(f"{embedded.origin.source}: no image with a face could be read again")
    unit = unit_text(embedded.origin.metric)
    found = cells(trials, compared.similarity(point.threshold))
    worst = sorted(found, key=lambda cell: -cell.fnmr.value)[:3]
    numbers = {
        "photographs": Number(value=len(trials.subjects)),
        "threshold": Number(value=point.threshold, unit=unit),
    }
    for cell in found:
        numbers[f"fnmr {cell.corruption} {cell.severity}"] = number(cell.fnmr)
        numbers[f"not detected {cell.corruption} {cell.severity}"] = number(cell.not_detected)
    return Report(
        protocol="robustness",
        title=message("robustness.title", source=embedded.origin.source),
        about=sections.about(embedded),
        headline=(
            message(
                "robustness.tried",
                images=len(trials.subjects),
                corruptions=len(trials.names),
                severities=len(SEVERITIES),
                rate=point.wanted,
                unit=unit,
                threshold=point.threshold,
            ),
            message(
                "robustness.ends",
                mildest=_mean([cell for cell in found if cell.severity == SEVERITIES[0]]),
                severest=_mean([cell for cell in found if cell.severity == SEVERITIES[-1]]),
            ),
            message("robustness.hardest", cells=joined([_cell_text(cell) for cell in worst], "comma")),
        ),
        numbers=numbers,
        tables=(_table(found, trials),),
        charts=(
            _grid("robustness", message("robustness.not-matched"), found, trials, detected=False),
            _grid("detection", message("robustness.not-detected"), found, trials, detected=True),
        ),
        warnings=(message("robustness.caveat"), *sections.duplicate_warnings(embedded)),
        made_with=sections.made_with(seed),
    )


def _cell_text(cell: RobustnessCell) -> Message:
    name = corruption_text(cell.corruption)
    return message("robustness.cell", name=name, severity=cell.severity, share=share(cell.fnmr.value))


def corruption_text(name: str) -> Text:
    """What a corruption is called."""
    code = f"evaluate.corruption.{name.replace(' ', '-')}"
    return Message(code) if has_message(code) else name


def _mean(chosen: list[RobustnessCell]) -> Text:
    return share(float(np.mean([cell.fnmr.value for cell in chosen])))


def _table(found: list[RobustnessCell], trials: Trials) -> Table:
    of = {(cell.corruption, cell.severity): cell for cell in found}
    return Table(
        title=message("robustness.table"),
        columns=(
            message("robustness.corruption"),
            *(message("robustness.severity", severity=severity) for severity in SEVERITIES),
        ),
        rows=tuple(
            (corruption_text(name), *(describe(of[name, severity].fnmr) for severity in SEVERITIES))
            for name in trials.names
        ),
        note=message("robustness.note", caveat=message("robustness.caveat")),
    )


def _grid(file: str, title: Text, found: list[RobustnessCell], trials: Trials, *, detected: bool) -> Chart:
    of = {(c.corruption, c.severity): (c.not_detected if detected else c.fnmr).value for c in found}
    x = tuple(float(severity) for severity in SEVERITIES)
    return Chart(
        name=file,
        title=title,
        kind="grid",
        x_label=message("robustness.severity-axis"),
        y_label="",
        series=tuple(
            Series(
                name=corruption_text(corruption), x=x, y=tuple(of[corruption, severity] for severity in SEVERITIES)
            )
            for corruption in trials.names
        ),
    )


def _check(source: str, options: Mapping[str, Any]) -> None:
    if not 0 < options["fmr"] < 1:
        raise ManifestError(f"--fmr must be between 0 and 1, such as 1e-3, not {options['fmr']:g}")


PROTOCOL = Protocol(
    name="robustness",
    run=robustness,
    summary="How much degradation the system bears: images against copies of themselves under every corruption. "
    "This bounds robustness; it is not a genuine match rate.",
    data="one image per person",
    question="How much degradation does the system bear? A bound, not a match rate.",
    examples=("mien evaluate robustness portraits/ --max-images 100 --out report/",),
    check=_check,
)
