"""WIDER FACE's own evaluation: average precision on its easy, medium and hard validation faces.

Follows the Python reference (wondervictor's WiderFace-Evaluation, used by Pytorch_Retinaface and InsightFace), rule
by rule: all scores are scaled to 0..1 over the whole set; overlaps count pixels inclusively; each detection takes the
face that it overlaps most, be it taken or not; at IoU 0.5 it finds that face, unless the face is not in the subset,
when the detection drops out; a second detection on a face stays, as a false one; precision is read at 1,000
thresholds, and images without predictions still count with their faces. Detects nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.data.matlab import read_matlab
from mien.errors import ManifestError
from mien.evaluate.detectors.figures import TAILS
from mien.evaluate.detectors.predictions import Key, Predictions
from mien.rates import Estimate

Doubles = NDArray[np.float64]

SUBSETS = ("easy", "medium", "hard")
THRESHOLDS = 1000
"""Thresholds at which precision is read."""
MIN_IOU = 0.5
"""Minimum IoU of a match, as the reference has it."""
RESAMPLED = 200
"""Bootstrap samples of an interval."""


@dataclass(frozen=True, slots=True, eq=False)
class GroundTruth:
    """The faces of WIDER FACE's validation set.

    Attributes:
        boxes: (G, 4) left, top, width, height of each image's faces.
        counted: by subset, (G,) bool, which of them count.
    """

    boxes: Mapping[Key, Doubles]
    counted: Mapping[str, Mapping[Key, NDArray[np.bool_]]]


@dataclass(frozen=True, slots=True)
class WiderResult:
    """What the evaluation found.

    Attributes:
        subsets: average precision of easy, medium and hard, each with its number of faces.
        images: of the ground truth.
        boxes: predicted on them.
        missing: images without a prediction file.
        unknown: prediction files that belong to no image.
    """

    subsets: dict[str, Estimate]
    images: int
    boxes: int
    missing: tuple[str, ...]
    unknown: tuple[str, ...]


def read_ground_truth(folder: Path) -> GroundTruth:
    """Read wider_face_val.mat and wider_{easy,medium,hard}_val.mat.

    Raises:
        ManifestError: a file is missing, or not what it should be.
    """
    try:
        return _read_ground_truth(folder)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as reason:
        raise ManifestError(
            f"{folder}: wider_face_val.mat and the lists of the subsets do not fit each other, or are damaged "
            f"({type(reason).__name__}); fetch them again"
        ) from reason


def _read_ground_truth(folder: Path) -> GroundTruth:
    whole, *subsets = _load(folder)
    keys: list[list[Key]] = []
    boxes: dict[Key, Doubles] = {}
    for event, names, faces in zip(whole["event_list"], whole["file_list"], whole["face_bbx_list"], strict=True):
        own = [(str(event[0][0]), str(name[0][0])) for name in names[0]]
        keys.append(own)
        for key, box in zip(own, faces[0], strict=True):
            boxes[key] = np.asarray(box[0], np.float64).reshape(-1, 4)
    counted: dict[str, dict[Key, NDArray[np.bool_]]] = {}
    for subset, content in zip(SUBSETS, subsets, strict=True):
        counted[subset] = {}
        for own, indices in zip(keys, content["gt_list"], strict=True):
            for key, index in zip(own, indices[0], strict=True):
                chosen = np.zeros(len(boxes[key]), np.bool_)
                chosen[np.asarray(index[0], np.int64).reshape(-1) - 1] = True
                counted[subset][key] = chosen
    return GroundTruth(boxes, counted)


def _load(folder: Path) -> list[dict[str, Any]]:
    """What wider_face_val.mat holds, and the lists of the subsets."""
    wanted = {
        folder / "wider_face_val.mat": ("event_list", "file_list", "face_bbx_list"),
        **{folder / f"wider_{subset}_val.mat": ("gt_list",) for subset in SUBSETS},
    }
    for path in wanted:
        if not path.is_file():
            raise ManifestError(
                f"{path} is missing: WIDER FACE's evaluation needs wider_face_val.mat and wider_easy_val.mat, "
                "wider_medium_val.mat and wider_hard_val.mat in one folder (eval_tools of its web site)"
            )
    found = read_matlab(list(wanted))
    for (path, names), content in zip(wanted.items(), found, strict=True):
        for name in names:
            if name not in content:
                raise ManifestError(f"{path} lacks {name}; it is not the file of WIDER FACE's eval_tools")
    return found


def evaluate_wider(truth: GroundTruth, predictions: Predictions) -> WiderResult:
    """Average precision on the three subsets.

    Raises:
        ManifestError: predictions for other images, or whose boxes are not left, top, width, height in pixels.
    """
    known = [key for key in predictions.boxes if key in truth.boxes]
    if not known:
        some = ", ".join(f"{event}/{name}" for event, name in list(predictions.boxes)[:2])
        raise ManifestError(
            f"{predictions.source} does not have predictions for WIDER FACE's images; its files are named like {some}"
        )
    require_form({key: predictions.boxes[key] for key in known}, truth.boxes, predictions.source)
    scaled = _scaled({key: predictions.boxes[key] for key in known})
    subsets = {}
    overlapped = {key: _best_face(scaled[key], truth.boxes[key]) for key in known}
    for subset in SUBSETS:
        counted = truth.counted[subset]
        keys = list(truth.boxes)
        faces = np.array([counted[key].sum() for key in keys], np.float64)
        curves = np.zeros((len(keys), THRESHOLDS, 2), np.float32)
        for row, key in enumerate(keys):
            if key in scaled and len(scaled[key]) and len(truth.boxes[key]):
                curves[row] = _curve(scaled[key][:, 4], *overlapped[key], counted[key])
        subsets[subset] = _precision(curves, faces)
    missing = tuple(f"{event}/{name}" for event, name in truth.boxes if (event, name) not in predictions.boxes)
    unknown = tuple(f"{event}/{name}" for event, name in predictions.boxes if (event, name) not in truth.boxes)
    return WiderResult(subsets, len(truth.boxes), sum(len(scaled[key]) for key in known), missing, unknown)


COMPARED = 200
"""Images on which the form of boxes is tried."""
SHARE = 1.5
"""Numbers up to this are shares of an image's size and not pixels."""
BETTER = 2.0
"""A form in which so many times more faces are found is the one that was meant. In their own form, the boxes of an
independent RetinaFace find 78% of all faces; in the other forms 0.1%, 5% and 2%."""

FORMS: dict[str, Callable[[Doubles], Doubles]] = {
    "left, top, right and bottom": lambda box: np.column_stack([box[:, :2], box[:, 2:4] - box[:, :2]]),
    "the middle's x and y, width and height": lambda box: np.column_stack(
        [box[:, :2] - box[:, 2:4] / 2, box[:, 2:4]]
    ),
    "top, left, height and width": lambda box: box[:, [1, 0, 3, 2]],
}
"""Other forms of a box, and how each becomes left, top, width, height."""


def require_form(boxes: Mapping[Key, Doubles], faces: Mapping[Key, Doubles], source: str) -> None:
    """Refuse boxes that are not left, top, width and height in pixels.

    Raises:
        ManifestError: they are shares, or find far more faces when they are read in another form.
    """
    keys = [key for key in boxes if len(boxes[key]) and len(faces[key])]
    chosen = keys[:: max(1, len(keys) // COMPARED)]
    if not chosen:
        return
    if np.concatenate([np.abs(boxes[key][:, :4]) for key in chosen]).max() <= SHARE:
        raise ManifestError(f"{source}: its boxes are shares of the images' sizes; write them in pixels")
    found = _found(boxes, faces, chosen, lambda box: box[:, :4])
    for form, read in FORMS.items():
        other = _found(boxes, faces, chosen, read)
        if other >= MIN_FOUND and other > BETTER * found:
            raise ManifestError(
                f"{source}: its boxes seem to be {form}, in which {other} compared faces are found, not {found}; "
                "write left, top, width and height"
            )


MIN_FOUND = 10
"""Minimum number of faces that another form must find."""


def _found(
    boxes: Mapping[Key, Doubles],
    faces: Mapping[Key, Doubles],
    keys: Sequence[Key],
    read: Callable[[Doubles], Doubles],
) -> int:
    """How many faces boxes find in a form."""
    count = 0
    for key in keys:
        sides = read(boxes[key])
        face, overlap = _best_face(sides[(sides[:, 2:] > 0).all(axis=1)], faces[key])
        count += len(np.unique(face[overlap >= MIN_IOU]))
    return count


def _scaled(boxes: dict[Key, Doubles]) -> dict[Key, Doubles]:
    """Scores of the whole set scaled to 0..1."""
    scores = np.concatenate([own[:, 4] for own in boxes.values()])
    if not len(scores):
        return boxes
    low, reach = scores.min(), max(float(np.ptp(scores)), 1e-300)
    return {key: np.column_stack([own[:, :4], (own[:, 4] - low) / reach]) for key, own in boxes.items()}


def _best_face(detected: Doubles, faces: Doubles) -> tuple[NDArray[np.int64], Doubles]:
    """The face that each detection overlaps most, and the IoU, where sides count their last pixel."""
    if not len(detected) or not len(faces):
        return np.zeros(len(detected), np.int64), np.zeros(len(detected))
    low = np.maximum(detected[:, None, :2], faces[None, :, :2])
    ends = detected[:, None, :2] + detected[:, None, 2:4], faces[None, :, :2] + faces[None, :, 2:4]
    shared = np.maximum(np.minimum(*ends) - low + 1, 0).prod(axis=2)
    areas = (detected[:, None, 2:4] + 1).prod(axis=2) + (faces[None, :, 2:4] + 1).prod(axis=2)
    overlap = shared / (areas - shared)
    best = overlap.argmax(axis=1)
    return best, overlap[np.arange(len(best)), best]


def _curve(scores: Doubles, best: NDArray[np.int64], overlap: Doubles, counted: NDArray[np.bool_]) -> Doubles:
    """(1000, 2) detections that count and faces found at each threshold, of one image."""
    hit = overlap >= MIN_IOU
    dropped = hit & ~counted[best]
    first = np.zeros(len(best), np.bool_)
    finders = np.flatnonzero(hit & counted[best])
    first[finders[np.unique(best[finders], return_index=True)[1]]] = True
    totals = np.column_stack([np.cumsum(~dropped), np.cumsum(first)])
    thresholds = 1 - (np.arange(THRESHOLDS) + 1) / THRESHOLDS
    count = np.searchsorted(-scores, -thresholds, side="right")
    return np.asarray(np.vstack([np.zeros((1, 2)), totals])[count], np.float64)


def _precision(curves: NDArray[np.float32], faces: Doubles) -> Estimate:
    value = _area(curves.sum(axis=0, dtype=np.float64), faces.sum())
    generator = np.random.default_rng(1)
    draws = generator.multinomial(len(faces), np.full(len(faces), 1 / len(faces)), RESAMPLED).astype(np.float32)
    sums = (draws @ curves.reshape(len(faces), -1)).reshape(RESAMPLED, THRESHOLDS, 2)
    spread = [_area(one, float(count)) for one, count in zip(sums, draws @ faces, strict=True)]
    low, high = np.quantile(spread, TAILS)
    return Estimate(value, float(low), float(high), int(faces.sum()))


def _area(totals: NDArray[Any], faces: float) -> float:
    """VOC's average precision at all points."""
    precision = totals[:, 1] / np.maximum(totals[:, 0], 1e-12)
    recall = np.r_[0.0, totals[:, 1] / max(faces, 1e-12), 1.0]
    envelope = np.maximum.accumulate(np.r_[0.0, precision, 0.0][::-1])[::-1]
    return float((np.diff(recall) * envelope[1:]).sum())
