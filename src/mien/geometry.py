"""Boxes, overlap, suppression and similarity transforms. Reads no files, knows no model."""

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import DegenerateLandmarksError
from mien.types import Box, Floats, floats


def corners(boxes: Iterable[Box]) -> Floats:
    """Boxes as an array: (N, 4) x1, y1, x2, y2."""
    return floats([box.corners for box in boxes]).reshape(-1, 4)


def iou(a: Floats, b: Floats) -> Floats:
    """Intersection over union of every box of `a` with every box of `b`.

    Args:
        a: (N, 4) boxes x1, y1, x2, y2.
        b: (M, 4) boxes x1, y1, x2, y2.

    Returns:
        (N, M) in 0..1; 0 where both boxes are empty.
    """
    overlap = _intersection(a, b)
    union = areas(a)[:, None] + areas(b)[None, :] - overlap
    return floats(np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0))


def overlap_of_smaller(a: Floats, b: Floats) -> Floats:
    """Intersection over the smaller area of every pair of boxes, (N, M) in 0..1.

    It finds a box that is inside another, which IoU does not.
    """
    overlap = _intersection(a, b)
    smaller = np.minimum(areas(a)[:, None], areas(b)[None, :])
    return floats(np.divide(overlap, smaller, out=np.zeros_like(overlap), where=smaller > 0))


def areas(boxes: Floats) -> Floats:
    """The area of each box, (N,); 0 for an empty one."""
    return floats(np.maximum(boxes[:, 2] - boxes[:, 0], 0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0))


def _intersection(a: Floats, b: Floats) -> Floats:
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.maximum(high - low, 0)
    return floats(sides[..., 0] * sides[..., 1])


def nms(
    boxes: Floats, scores: Floats, threshold: float, groups: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Greedy non-maximum suppression by IoU.

    Args:
        boxes: (N, 4) x1, y1, x2, y2.
        scores: (N,) confidences above 0.
        threshold: a box goes when its IoU with a kept, better one is above this.
        groups: (N,) numbers; boxes of different groups never suppress each other. None is one group.

    Returns:
        (K,) indices of the kept boxes, best first.
    """
    if len(boxes) == 0:
        return np.empty(0, np.int64)
    # OpenCV keeps groups apart by shifts, which boxes left of or above the image would undo: move all to its inside.
    corner = boxes[:, :2] - boxes.min(axis=0)[:2]
    sides: Any = np.column_stack([corner, boxes[:, 2:] - boxes[:, :2]]).astype(np.float64)
    values: Any = floats(scores)
    if groups is None:
        found = cv2.dnn.NMSBoxes(sides, values, 0.0, threshold)
    else:
        numbers: Any = groups.astype(np.int32)
        found = cv2.dnn.NMSBoxesBatched(sides, values, numbers, 0.0, threshold)
    kept = np.asarray(found, np.int64).reshape(-1)
    return np.asarray(kept[np.argsort(-scores[kept], kind="stable")], np.int64)


def suppress_nested(boxes: Floats, scores: Floats, threshold: float) -> NDArray[np.int64]:
    """Greedy suppression by the share of the smaller box that is in the better one.

    Args:
        boxes: (N, 4) x1, y1, x2, y2.
        scores: (N,) confidences.
        threshold: a box goes when that share with a kept, better one is above this.

    Returns:
        (K,) indices of the kept boxes, best first.
    """
    overlap = overlap_of_smaller(boxes, boxes)
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable"):
        if not (overlap[index, kept] > threshold).any():
            kept.append(int(index))
    return np.asarray(kept, np.int64)


def similarity(source: Floats, target: Floats) -> NDArray[np.float64]:
    """Least-squares similarity (rotation, one scale, translation; no reflection) in closed form.

    With both point sets centred and read as complex numbers s and t, the minimizer of |z s - t| is
    z = <s, t> / <s, s>. It equals Umeyama's SVD solution (IEEE TPAMI 13(4), 1991, eq. 40-43) for
    points in the plane wherever the best orthogonal map is not a reflection.

    Args:
        source: (K, 2) points.
        target: (K, 2) points.

    Returns:
        (2, 3) float64 matrix that takes source points to target points.

    Raises:
        DegenerateLandmarksError: the source points coincide, so no scale fits, or the fit shrinks
            them to a point, so their order is that of a mirror image or of noise.
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    s = (source - source_mean).astype(np.float64) @ (1, 1j)
    t = (target - target_mean).astype(np.float64) @ (1, 1j)
    spread = float(np.vdot(s, s).real)
    if not np.isfinite(spread) or spread < 1e-6:
        raise DegenerateLandmarksError("the landmarks coincide, so no pose fits them: detect the face again")
    z = np.vdot(s, t) / spread
    if abs(z) < 1e-6:
        raise DegenerateLandmarksError("the landmarks fix no pose (are left and right swapped?)")
    linear = np.array([[z.real, -z.imag], [z.imag, z.real]])
    return np.column_stack([linear, target_mean - linear @ source_mean])


def transform(points: Floats, matrix: NDArray[np.float64]) -> Floats:
    """Apply a (2, 3) matrix to (K, 2) points."""
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
