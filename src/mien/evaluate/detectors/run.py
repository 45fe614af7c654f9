"""Runs a detector over annotated images. Computes no figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.data.annotated import AnnotatedImage, AnnotatedSet
from mien.data.sample import Problem
from mien.detect.detector import Detector
from mien.evaluate.detectors.matching import MIN_IOU
from mien.evaluate.wording import message
from mien.messages import Message
from mien.models.engines import usable_cores
from mien.pipeline import Pipeline, ReadOptions
from mien.progress import OnProgress, no_progress, report_progress
from mien.types import Faces

MIN_SCORE = 0.02
"""Minimum score of detections that are evaluated, so that the whole curve is seen (Pytorch_Retinaface's own)."""

Seen = tuple[AnnotatedImage, Faces | None, str]
"""An image, its faces, or why it could not be read."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DetectedSet:
    """A detector's answers to annotated images.

    Attributes:
        detector: its name.
        source: the data set's.
        scales: at which scales images were searched.
        own_threshold: the detector's own minimum score.
        images: those that could be read.
        faces: found in each, down to a low score.
        problems: rows and images that could not be used.
        min_iou: IoU from which a detection matches a face.
    """

    detector: str
    source: str
    scales: Message
    own_threshold: float
    images: tuple[AnnotatedImage, ...]
    faces: tuple[Faces, ...]
    problems: tuple[Problem, ...] = ()
    min_iou: float = MIN_IOU


def detect_all(
    detector: Detector, images: Sequence[AnnotatedImage], on_progress: OnProgress = no_progress
) -> list[Seen]:
    """The faces of each image, in their order; an image that cannot be read has a reason instead."""
    # The detector alone is measured, so nothing is searched again in other turns.
    pipeline = Pipeline(detector, None, workers=usable_cores(), reading=ReadOptions(second_look=False))
    found = pipeline.analyse([image.path for image in images])
    return [
        (image, None, one.error) if one.error is not None else (image, one.faces, "")
        for image, one in zip(images, report_progress(found, "detecting", len(images), on_progress), strict=True)
    ]


def detect_set(
    detector: Detector,
    annotated: AnnotatedSet,
    source: Path,
    *,
    min_iou: float = MIN_IOU,
    on_progress: OnProgress = no_progress,
) -> DetectedSet:
    """Run a detector over a set."""
    images, faces, problems = [], [], list(annotated.problems)
    for image, found, reason in detect_all(detector, annotated.images, on_progress):
        if found is None:
            problems.append(Problem(str(image.path), reason))
        else:
            images.append(image)
            faces.append(found)
    return DetectedSet(
        detector=detector.name,
        source=name_of(source),
        scales=scales_of(detector),
        own_threshold=detector.min_score,
        images=tuple(images),
        faces=tuple(faces),
        problems=tuple(problems),
        min_iou=min_iou,
    )


def scales_of(detector: Detector) -> Message:
    """At which scales a detector searches images."""
    return message("detection.scales", longest=int(detector.longest))


def name_of(path: Path) -> str:
    """What to call a data set in a report."""
    return path.name if path.suffix == "" or path.stem != "manifest" else path.parent.name


def find_images_by_event(folder: Path) -> dict[tuple[str, str], Path]:
    """The images of WIDER FACE's layout, FOLDER/EVENT/NAME.jpg, by event and name."""
    return {
        (path.parent.name, path.stem): path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in (".jpg", ".jpeg", ".png")
    }
