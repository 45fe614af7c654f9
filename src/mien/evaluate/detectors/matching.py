"""Which detection finds which face. Owns the rules of matching; computes no rate.

Detections are taken best first. Each finds the free face that it overlaps most, if that is enough (as COCO does).
One that finds none, but is on a face to be ignored, counts neither as right nor as wrong.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.data.annotated import AnnotatedImage
from mien.geometry import corners, iou
from mien.types import Faces, Floats, floats

MIN_IOU = 0.5
"""Minimum IoU for a detection to count as a match (WIDER FACE, PASCAL VOC)."""

COVERED = 0.5
"""A detection is on a face to be ignored when this share of it is there."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Matched:
    """Detections, the best first, and faces of a set, matched.

    Attributes:
        images: how many there are.
        scores: (D,) of each detection that counts.
        right: (D,) bool, whether it found a face.
        owners: (D,) its image.
        places: (D,) its number among its image's detections.
        found: (G,) score of the detection that found each face, 0 where none did.
        faces: (G,) image of each face.
        rows: (G,) its number among its image's annotations.
        heights: (G,) height of each face in pixels.
        errors: (G,) mean distance of the five landmarks as a share of the distance between the eyes; NaN where one of
            them is not known.
        overlaps: (G,) IoU with the detection that found it, 0 where none did.
    """

    images: int
    scores: Floats
    right: NDArray[np.bool_]
    owners: NDArray[np.int64]
    places: NDArray[np.int64]
    found: Floats
    faces: NDArray[np.int64]
    rows: NDArray[np.int64]
    heights: Floats
    errors: Floats
    overlaps: Floats


def match(images: Sequence[AnnotatedImage], detected: Iterable[Faces], min_iou: float = MIN_IOU) -> Matched:
    """Match the detections of every image, in the order of the images.

    Args:
        images: with what is known of them.
        detected: the faces that were found in each.
        min_iou: minimum IoU for a detection to count as a match.
    """
    scores, right, owners, places = [], [], [], []
    found, faces, rows, heights, errors, overlaps = [], [], [], [], [], []
    for number, (image, own) in enumerate(zip(images, detected, strict=True)):
        one = match_image(image, own, min_iou)
        for place in one.counted:
            scores.append(own[place].score)
            right.append(one.finds[place] >= 0)
            owners.append(number)
            places.append(place)
        for row in np.flatnonzero(~image.ignore).tolist():
            finder = one.finder[row]
            found.append(own[finder].score if finder >= 0 else 0.0)
            faces.append(number)
            rows.append(row)
            heights.append(image.boxes[row, 3] - image.boxes[row, 1])
            errors.append(landmark_error(image.landmarks[row], own[finder].landmarks) if finder >= 0 else np.nan)
            overlaps.append(one.shared[row])
    order = np.argsort(-floats(scores), kind="stable")
    return Matched(
        images=len(images),
        scores=floats(scores)[order],
        right=np.array(right, np.bool_)[order],
        owners=np.array(owners, np.int64)[order],
        places=np.array(places, np.int64)[order],
        found=floats(found),
        faces=np.array(faces, np.int64),
        rows=np.array(rows, np.int64),
        heights=floats(heights),
        errors=floats(errors),
        overlaps=floats(overlaps),
    )


@dataclass(frozen=True, slots=True)
class _One:
    """One image: detections that count, the face that each finds, the finder of each face, and their IoU."""

    counted: list[int]
    finds: list[int]
    finder: list[int]
    shared: list[float]


def match_image(image: AnnotatedImage, detected: Faces, min_iou: float) -> _One:
    """Match the detections of one image."""
    boxes = corners(face.box for face in detected)
    shared = iou(boxes, image.boxes)
    inside = _covered(boxes, image.boxes[image.ignore])
    finds, finder = [-1] * len(detected), [-1] * len(image.boxes)
    values = [0.0] * len(image.boxes)
    free = ~image.ignore
    counted = []
    for place in np.argsort([-face.score for face in detected], kind="stable").tolist():
        candidates = np.where(free, shared[place], -1.0)
        best = int(candidates.argmax()) if len(candidates) else -1
        if best >= 0 and candidates[best] >= min_iou:
            free[best] = False
            finds[place], finder[best], values[best] = best, place, float(candidates[best])
            counted.append(place)
        elif not inside[place]:
            counted.append(place)
    return _One(counted, finds, finder, values)


def _covered(boxes: Floats, ignored: Floats) -> NDArray[np.bool_]:
    """Whether half of each box is in one of the others, or the two overlap as a face and its detection do."""
    if not len(ignored) or not len(boxes):
        return np.zeros(len(boxes), np.bool_)
    low = np.maximum(boxes[:, None, :2], ignored[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], ignored[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(axis=2)
    area = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-9)
    inside = (shared / area[:, None]).max(axis=1) >= COVERED
    return np.asarray(inside | (iou(boxes, ignored).max(axis=1) >= MIN_IOU), np.bool_)


def landmark_error(wanted: Floats, found: Floats) -> float:
    """Mean distance of five landmarks, divided by the distance between the eyes that are wanted; NaN if unknown."""
    eyes = float(np.linalg.norm(wanted[0] - wanted[1]))
    if not np.isfinite(wanted).all() or not np.isfinite(found).all() or eyes <= 0:
        return float("nan")
    return float(np.linalg.norm(wanted - found, axis=1).mean()) / eyes
