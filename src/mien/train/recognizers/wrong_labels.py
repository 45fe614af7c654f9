"""Wrong labels of a pack, by the angles between a trained model's embeddings and their class.

After Deng et al., Sub-center ArcFace, ECCV 2020, and its published code: crops further than 75 degrees from the
dominant centre of their class are dropped. Here the dominant centre comes from the embeddings themselves, so any
recognizer will do: it is the mean of the crops around the one that most of its class is near to. Writes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.data.pack import Pack
from mien.progress import OnProgress, no_progress
from mien.train.compute.order import Indices
from mien.train.recognizers.teacher_cache import TaughtPack, teach_pack
from mien.types import Floats, floats

MAX_ANGLE = 75.0
"""Degrees from the centre of a class beyond which a label is wrong (Deng et al., ECCV 2020, published code)."""

MIN_CROPS = 3
"""Crops of a class without which no centre is dominant; smaller classes are not judged."""

COMPARED = 512
"""Crops of a class among which the dominant centre is looked for, at even distances."""

AT_ONCE = 1024
"""Wrong crops that are compared with all classes at a time."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WrongLabels:
    """What a model says of the labels of a pack.

    Attributes:
        angles: (N,) degrees of each crop from the centre of its class; NaN where the class was not judged.
        wrong: (K,) crops whose label is wrong.
        nearest: (K,) the class that each of them is nearest to.
        nearest_angles: (K,) degrees from there.
        judged: number of classes with enough crops.
    """

    angles: Floats
    wrong: Indices
    nearest: Indices
    nearest_angles: Floats
    judged: int

    def details(self, pack: Pack) -> dict[int, str]:
        """For each wrong crop, a sentence for the list of what was left out."""
        found = zip(self.wrong.tolist(), self.nearest.tolist(), self.nearest_angles.tolist(), strict=True)
        return {
            crop: f"{self.angles[crop]:.0f} degrees from its class, "
            + ("and no other is nearer" if near == pack.labels[crop] else f"{angle:.0f} from {pack.subjects[near]}")
            for crop, near, angle in found
        }


def find_wrong_labels(
    path: Path, model: str, *, max_angle: float = MAX_ANGLE, on_progress: OnProgress = no_progress
) -> WrongLabels:
    """Embed a pack with a model, or read its kept embeddings, and find the crops that are far from their class.

    Args:
        path: the pack.
        model: a model of the store, a card, or a checkpoint; see mien.train.recognizers.teacher.open_teacher.
        max_angle: degrees from the centre of a class beyond which a label is wrong.
        on_progress: called while crops are embedded.

    Raises:
        RecipeError: it is not a pack, or the model's pose cannot be made of its crops.
        ModelError: no such model.

    Example:
        >>> found = mien.find_wrong_labels(Path("pack"), "dlib-resnet")
        >>> found.judged  # everybody has two photographs, and three show who is in the majority
        0
    """
    taught = teach_pack(path, model, on_progress=on_progress)
    return judge_labels(taught, Pack(path).labels, max_angle)


def judge_labels(taught: TaughtPack, labels: Indices, max_angle: float) -> WrongLabels:
    """Find the crops that are further than `max_angle` degrees from the dominant centre of their class."""
    angles = np.full(taught.rows, np.nan, np.float32)
    centres = np.zeros((int(labels.max()) + 1, taught.numbers), np.float32)
    judged = 0
    for label, rows in _classes(labels):
        vectors = taught.read(rows)
        if len(rows) < MIN_CROPS:
            centres[label] = _unit(vectors.sum(axis=0))
            continue
        judged += 1
        centres[label] = dominant_centre(vectors, max_angle)
        angles[rows] = _degrees(vectors @ centres[label])
    wrong = np.flatnonzero(angles > max_angle)
    nearest, apart = _nearest(taught, wrong, centres)
    return WrongLabels(angles=angles, wrong=wrong, nearest=nearest, nearest_angles=apart, judged=judged)


def dominant_centre(vectors: Floats, max_angle: float) -> Floats:
    """The direction around which most of a class's embeddings are.

    Args:
        vectors: (N, D) of unit length.
        max_angle: degrees within which an embedding belongs to the centre.

    Returns:
        (D,) of unit length.
    """
    near = float(np.cos(np.radians(max_angle)))
    some = vectors[:: -(-len(vectors) // COMPARED)]
    cosines = some @ some.T
    # Of those with the most neighbours, the one that is nearest to them.
    counts = (cosines > near).sum(axis=1)
    centre: Floats = some[np.lexsort((cosines.sum(axis=1), counts))[-1]]
    for _ in range(2):
        centre = _unit(vectors[vectors @ centre >= near].sum(axis=0))
    return centre


def _classes(labels: Indices) -> Iterator[tuple[int, Indices]]:
    """Each class with its crops."""
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    for first, last in zip(starts, [*starts[1:], len(order)], strict=True):
        yield int(labels[order[first]]), order[first:last]


def _nearest(taught: TaughtPack, crops: Indices, centres: Floats) -> tuple[Indices, Floats]:
    """The class that each crop is nearest to, and the degrees between them."""
    places, cosines = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
    for first in range(0, len(crops), AT_ONCE):
        found = taught.read(crops[first : first + AT_ONCE]) @ centres.T
        places.append(found.argmax(axis=1))
        cosines.append(found.max(axis=1))
    return np.concatenate(places), _degrees(np.concatenate(cosines))


def _degrees(cosines: NDArray[np.floating]) -> Floats:
    return floats(np.degrees(np.arccos(np.clip(cosines, -1, 1))))


def _unit(vector: Floats) -> Floats:
    return floats(vector / max(float(np.linalg.norm(vector)), 1e-12))
