"""Synthetic mated comparisons: a photograph against what is left of it after a transform.

The transform is applied to the photograph, before detection; the result is detected and aligned again. It bounds
how robust a system is. It is no genuine match rate: the two pictures share pose, expression, age and camera, so real
mated comparisons fail more often, and every output of this protocol says so.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.detect.detector import Detector
from mien.detect.prominence import most_prominent
from mien.errors import DegenerateLandmarksError
from mien.evaluate.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from mien.models.engines import usable_cores
from mien.rates import Estimate, rate_of_subjects
from mien.recognize.recognizer import Recognizer
from mien.scores import score_pairs
from mien.types import Face, Faces, Floats, Image, Metric

CAVEAT = (
    "A robustness bound, not a genuine match rate: both pictures of a pair come from one photograph, so they share "
    "pose, expression, age and camera. Real mated comparisons fail more often."
)


@dataclass(frozen=True, slots=True, eq=False)
class Original:
    """A photograph with the face that is meant.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        landmarks: (5, 2) float32 pixels.
        embedding: (D,) float32 of the photograph as it is.
        subject: a number.
    """

    image: Image
    landmarks: Floats
    embedding: Floats
    subject: int


Probe = Callable[[list[Image]], list[Floats | None]]
"""Photographs to embeddings of their most prominent faces; None where none is found."""


def probe_with(detector: Detector, recognizer: Recognizer) -> Probe:
    """Detection, alignment and embedding as one function of photographs."""

    def probe(images: list[Image]) -> list[Floats | None]:
        crops: list[Image] = []
        places: list[int] = []
        for index, (image, faces) in enumerate(zip(images, detector.detect(images), strict=True)):
            face = meant(faces, image)
            if face is not None:
                try:
                    crops.append(recognizer.align(image, face))
                except DegenerateLandmarksError:
                    continue
                places.append(index)
        found = dict(zip(places, recognizer.embed(crops), strict=True))
        return [found.get(index) for index in range(len(images))]

    return probe


def meant(faces: Faces, image: Image) -> Face | None:
    """The most prominent face of a photograph, or None."""
    return faces[most_prominent(faces, image.shape[1], image.shape[0])[0]] if faces else None


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Every photograph under every transform.

    Attributes:
        names: transforms.
        similarity: (N, transforms, severities) of the probe and its original: a cosine, or minus a distance; NaN
            where no face was found.
        subjects: (N,) numbers.
    """

    names: tuple[str, ...]
    similarity: Floats
    subjects: NDArray[np.int64]


def run_trials(
    originals: Iterator[Original],
    probe: Probe,
    metric: Metric,
    names: Sequence[str] = tuple(CORRUPTIONS),
    seed: int = 0,
) -> Iterator[tuple[int, Floats]]:
    """Put photographs through the transforms.

    Args:
        originals: with their faces and embeddings.
        probe: see probe_with.
        metric: cosine or l2.
        names: of transforms.
        seed: of the whole run; each photograph gets a seed of its own from it.

    Yields:
        For each photograph in order its subject and (transforms, severities) similarities, for gather.
    """

    def work(task: tuple[int, Original]) -> tuple[int, Floats]:
        number, original = task
        row = np.full((len(names), len(SEVERITIES)), np.nan, np.float32)
        for place, name in enumerate(names):
            pictures = [
                corrupt(original.image, original.landmarks, name, severity, seed * 1_000_003 + number)
                for severity in SEVERITIES
            ]
            for level, embedding in enumerate(probe(pictures)):
                if embedding is not None:
                    score = score_pairs(embedding[None], original.embedding[None], metric)[0]
                    row[place, level] = score if metric == "cosine" else -score
        return original.subject, row

    with ThreadPoolExecutor(usable_cores()) as pool:
        yield from pool.map(work, enumerate(originals))


def gather(results: Sequence[tuple[int, Floats]], names: Sequence[str] = tuple(CORRUPTIONS)) -> Trials:
    """The results of run_trials as one array."""
    rows = (
        np.stack([row for _, row in results]) if results else np.empty((0, len(names), len(SEVERITIES)), np.float32)
    )
    return Trials(tuple(names), rows, np.array([subject for subject, _ in results], np.int64))


@dataclass(frozen=True, slots=True)
class RobustnessCell:
    """One transform at one severity: non-matches at the threshold, failures to find a face included and apart."""

    transform: str
    severity: int
    fnmr: Estimate
    not_detected: Estimate


def cells(trials: Trials, threshold: float) -> list[RobustnessCell]:
    """FNMR and failures to detect by transform and severity; the threshold is a similarity."""
    who = np.unique(trials.subjects, return_inverse=True)[1]
    counts = np.bincount(who)
    found = []
    for place, name in enumerate(trials.names):
        for level, severity in enumerate(SEVERITIES):
            scores = trials.similarity[:, place, level]
            lost = np.isnan(scores)
            missed = lost | (np.nan_to_num(scores, nan=-np.inf) < np.float64(threshold))
            found.append(
                RobustnessCell(
                    name,
                    severity,
                    rate_of_subjects(np.bincount(who, missed), counts),
                    rate_of_subjects(np.bincount(who, lost), counts),
                )
            )
    return found
