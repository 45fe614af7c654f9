"""The detection protocols: a detector on annotated images, and WIDER FACE for a detector or prediction files.

Each is one function. Formulas are in figures, matching and wider; the report is made in report.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.data.annotated import AnnotatedImage, read_annotated
from mien.data.detections import write_prediction
from mien.data.sample import Problem
from mien.detect.families import open_detector
from mien.errors import ManifestError
from mien.evaluate.detectors.matching import MIN_IOU
from mien.evaluate.detectors.predictions import Predictions, read_predictions
from mien.evaluate.detectors.report import detection_report
from mien.evaluate.detectors.run import MIN_SCORE, detect_all, detect_set, find_images_by_event, scales_of
from mien.evaluate.detectors.wider import WiderResult, evaluate_wider, read_ground_truth
from mien.evaluate.report import Report
from mien.messages import Text
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.output_names import OutputGuard
from mien.progress import OnProgress, no_progress
from mien.settings import load_settings
from mien.types import Faces, floats


@dataclass(frozen=True, slots=True)
class DetectionResult:
    """A detector's report on a set, and the rows and images that could not be used."""

    report: Report
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class WiderRun:
    """WIDER FACE's figures, the scales at which images were searched, and images that could not be read."""

    result: WiderResult
    scales: Text
    problems: tuple[Problem, ...] = ()


def detection(
    source: Path,
    *,
    detector: str | None = None,
    engine: EngineOptions = DEFAULT_OPTIONS,
    split: str | None = None,
    min_iou: float = MIN_IOU,
    on_progress: OnProgress = no_progress,
) -> DetectionResult:
    """Evaluate a detector on annotated images.

    Args:
        source: a manifest with boxes, or a data set that mien knows, such as WIDER FACE, FDDB or dlib's XML.
        detector: a model's name or the path of its card; None takes the setting.
        engine: how it runs.
        split: only rows of this split.
        min_iou: minimum IoU for a detection to count as a match.
        on_progress: called after each image.

    Raises:
        ManifestError: the set cannot be read, or none of its images.
        ValueError: `min_iou` is not between 0 and 1.

    Example:
        >>> report = mien.evaluate_detection(Path("faces.csv"), detector="mtcnn").report
        >>> report.about.samples, report.protocol
        (2, 'detection')
    """
    if not 0 < min_iou < 1:
        raise ValueError(f"the minimum IoU is between 0 and 1, not {min_iou:g}")
    annotated = read_annotated(source, split)
    opened = open_detector(detector or load_settings().detector, engine, MIN_SCORE)
    found = detect_set(opened, annotated, source, min_iou=min_iou, on_progress=on_progress)
    if not found.images:
        raise ManifestError(f"{source}: none of its images can be read")
    return DetectionResult(detection_report(found), found.problems)


def wider_predictions(truth: Path, predictions: Path, scales: str = "not stated") -> WiderRun:
    """WIDER FACE's easy, medium and hard average precision of prediction files.

    Args:
        truth: the folder of the ground truth's .mat files.
        predictions: a folder or an archive of EVENT/NAME.txt.
        scales: at which scales images were searched, as far as it is known.

    Raises:
        ManifestError: a file is missing or wrong, or boxes are in another form than WIDER FACE's.
    """
    faces, found = read_ground_truth(truth), read_predictions(predictions)
    return WiderRun(evaluate_wider(faces, found), scales, found.problems)


def wider_detector(
    truth: Path,
    images: Path,
    *,
    detector: str | None = None,
    engine: EngineOptions = DEFAULT_OPTIONS,
    out: Path | None = None,
    overwrite: bool = False,
    on_progress: OnProgress = no_progress,
) -> WiderRun:
    """WIDER FACE's easy, medium and hard average precision of a detector.

    Args:
        truth: the folder of the ground truth's .mat files.
        images: WIDER_val/images.
        detector: a model's name or the path of its card; None takes the setting.
        engine: how it runs.
        out: a folder for prediction files in WIDER FACE's form, or None.
        overwrite: replace files there that mien did not make.
        on_progress: called after each image.

    Raises:
        ManifestError: the ground truth is incomplete, or none of its images are there.
        OutputError: a prediction file would replace one that mien did not make.
    """
    faces = read_ground_truth(truth)
    opened = open_detector(detector or load_settings().detector, engine, MIN_SCORE)
    files = {key: path for key, path in find_images_by_event(images).items() if key in faces.boxes}
    if not files:
        raise ManifestError(
            f"{images} does not hold WIDER FACE's images; give the folder whose folders are 0--Parade and so on"
        )
    guard = OutputGuard(overwrite=overwrite)
    if out is not None:
        guard.check(out / event / f"{name}.txt" for event, name in files)
    seen = detect_all(opened, [_without_faces(path) for path in files.values()], on_progress)
    found = {key: one for key, (_, one, _) in zip(files, seen, strict=True) if one is not None}
    if out is not None:
        for key, detected in found.items():
            write_prediction(out, key, detected, guard)
    problems = tuple(Problem(str(image.path), reason) for image, one, reason in seen if one is None)
    return WiderRun(evaluate_wider(faces, _predictions(str(images), found)), scales_of(opened), problems)


def _without_faces(path: Path) -> AnnotatedImage:
    return AnnotatedImage(path, floats([]).reshape(0, 4), floats([]).reshape(0, 5, 2), np.zeros(0, np.bool_), ())


def _predictions(source: str, found: dict[tuple[str, str], Faces]) -> Predictions:
    boxes = {}
    for key, faces in found.items():
        rows = [(f.box.x1, f.box.y1, f.box.width, f.box.height, f.score) for f in faces]
        boxes[key] = floats(rows).reshape(-1, 5).astype(float)
    return Predictions(source, boxes)
