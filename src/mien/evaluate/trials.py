"""Synthetic mated comparisons: an image against corrupted copies of itself.

Images are corrupted before detection; faces are detected and aligned in each copy again. The result bounds how robust
a system is. It is not a genuine match rate: the two images share pose, expression, age and camera, so real mated
comparisons fail more often, and every output of this protocol says so.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.detect.detector import Detector
from mien.evaluate.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from mien.models.engines import usable_cores
from mien.pipeline import Pipeline, Policy, Refused, array_item
from mien.prefetch import prefetch
from mien.progress import OnProgress, no_progress, report_progress
from mien.rates import Estimate, rate_of_subjects
from mien.recognize.recognizer import Recognizer
from mien.scores import score_pairs, similarity
from mien.types import Floats, Image
from mien.units import Metric


@dataclass(frozen=True, slots=True, eq=False)
class Original:
    """An image with the face that is meant.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        landmarks: (5, 2) float32 pixels.
        embedding: (D,) float32 of the image as it is.
        subject: a number.
    """

    image: Image
    landmarks: Floats
    embedding: Floats
    subject: int


ONE_FACE = Policy()
"""The most prominent face of a copy is compared, and no other is embedded."""

Probe = Callable[[list[Image]], list[Floats | None]]
"""Images to embeddings of their most prominent faces; None where none is found."""


def probe_with(detector: Detector, recognizer: Recognizer) -> Probe:
    """Detection, alignment and embedding as one function of images."""

    pipeline = Pipeline(detector, recognizer)

    def probe(images: list[Image]) -> list[Floats | None]:
        items = [array_item(f"copy {number}", image) for number, image in enumerate(images)]
        found = pipeline.analyse_chunk(items, only=ONE_FACE)
        chosen = [one.choose(ONE_FACE) for one in found]
        return [
            None if isinstance(best, Refused) else one.embeddings[best]
            for one, best in zip(found, chosen, strict=True)
        ]

    return probe


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Every image under every corruption.

    Attributes:
        names: of the corruptions.
        similarity: (N, corruptions, severities) of each copy with its original, see mien.scores.similarity; NaN where
            no face was found.
        subjects: (N,) numbers.
    """

    names: tuple[str, ...]
    similarity: Floats
    subjects: NDArray[np.int64]


def run_trials(
    originals: Iterable[Original],
    probe: Probe,
    metric: Metric,
    *,
    corruptions: Sequence[str] = (),
    seed: int = 0,
    total: int | None = None,
    on_progress: OnProgress = no_progress,
) -> Trials:
    """Corrupt images in every way and severity, and compare each copy with its original.

    Args:
        originals: images with their faces and embeddings; read while others are in work.
        probe: see probe_with.
        metric: cosine or l2.
        corruptions: names; none takes all of them.
        seed: of the whole run; each image gets a seed of its own from it.
        total: how many images there are, for progress.
        on_progress: called after each image.
    """
    names = tuple(corruptions or CORRUPTIONS)

    def work(task: tuple[int, Original]) -> tuple[int, Floats]:
        number, original = task
        return original.subject, _one_image(original, probe, metric, names, seed * 1_000_003 + number)

    workers = usable_cores()
    with ThreadPoolExecutor(workers) as pool:
        done = prefetch(pool, work, enumerate(originals), workers + 1)
        rows = list(report_progress(done, "corrupting images", total, on_progress))
    shape = (len(rows), len(names), len(SEVERITIES))
    similar = np.array([row for _, row in rows], np.float32).reshape(shape)
    return Trials(names, similar, np.array([subject for subject, _ in rows], np.int64))


def _one_image(original: Original, probe: Probe, metric: Metric, names: Sequence[str], seed: int) -> Floats:
    """(corruptions, severities) similarities of an image's copies with itself; NaN where no face was found."""
    row = np.full((len(names), len(SEVERITIES)), np.nan, np.float32)
    for place, name in enumerate(names):
        copies = [corrupt(original.image, original.landmarks, name, severity, seed) for severity in SEVERITIES]
        for level, embedding in enumerate(probe(copies)):
            if embedding is not None:
                score = score_pairs(embedding[None], original.embedding[None], metric)
                row[place, level] = similarity(score, metric)[0]
    return row


@dataclass(frozen=True, slots=True)
class RobustnessCell:
    """One corruption at one severity: copies that do not match, and among them those without a face."""

    corruption: str
    severity: int
    fnmr: Estimate
    not_detected: Estimate


def cells(trials: Trials, threshold: float) -> list[RobustnessCell]:
    """FNMR and failures to detect by corruption and severity; the threshold is a similarity."""
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
