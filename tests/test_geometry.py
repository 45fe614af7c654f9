"""Boxes against plain loops, similarity against Umeyama's SVD form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mien.errors import DegenerateLandmarksError
from mien.geometry import iou, nms, overlap_of_smaller, similarity, suppress_nested, transform
from mien.types import floats

coordinates = st.floats(-500, 500, width=32)


@st.composite
def boxes(draw: st.DrawFn, max_count: int = 12) -> np.ndarray:
    count = draw(st.integers(0, max_count))
    corner = draw(arrays(np.float32, (count, 2), elements=st.integers(-100, 100).map(float)))
    size = draw(arrays(np.float32, (count, 2), elements=st.integers(0, 120).map(float)))
    return floats(np.concatenate([corner, corner + size], axis=1))


def plain_intersection(a: np.ndarray, b: np.ndarray) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    return float(width * height)


def plain_area(a: np.ndarray) -> float:
    return float(max(0.0, a[2] - a[0]) * max(0.0, a[3] - a[1]))


def plain_iou(a: np.ndarray, b: np.ndarray) -> float:
    shared = plain_intersection(a, b)
    union = plain_area(a) + plain_area(b) - shared
    return shared / union if union > 0 else 0.0


@given(boxes(), boxes())
def test_iou_equals_a_plain_loop(a: np.ndarray, b: np.ndarray) -> None:
    result = iou(a, b)
    assert result.shape == (len(a), len(b))
    for i, one in enumerate(a):
        for j, other in enumerate(b):
            assert result[i, j] == pytest.approx(plain_iou(one, other), abs=1e-5)


@given(boxes(), boxes())
def test_overlap_of_the_smaller_equals_a_plain_loop(a: np.ndarray, b: np.ndarray) -> None:
    result = overlap_of_smaller(a, b)
    for i, one in enumerate(a):
        for j, other in enumerate(b):
            smaller = min(plain_area(one), plain_area(other))
            expected = plain_intersection(one, other) / smaller if smaller > 0 else 0.0
            assert result[i, j] == pytest.approx(expected, abs=1e-5)


def plain_nms(rows: np.ndarray, scores: np.ndarray, threshold: float, groups: np.ndarray) -> list[int]:
    kept: list[int] = []
    for index in sorted(range(len(rows)), key=lambda i: -scores[i]):
        if all(groups[index] != groups[k] or plain_iou(rows[index], rows[k]) <= threshold for k in kept):
            kept.append(index)
    return kept


def test_a_box_left_of_the_image_suppresses_nobody_of_another_group() -> None:
    rows = floats([[-9, -2, -1, -1], [0, 24, 25, 25], [0, 0, 1, 1]])
    assert nms(rows, floats([0.9, 0.8, 0.7]), 0.3, np.array([2, 1, 2])).tolist() == [0, 1, 2]


@settings(max_examples=200)
@given(boxes(), st.sampled_from([0.3, 0.5, 0.7]), st.integers(0, 2**32 - 1), st.booleans())
def test_nms_equals_a_plain_loop(rows: np.ndarray, threshold: float, seed: int, grouped: bool) -> None:
    generator = np.random.default_rng(seed)
    scores = floats(generator.permutation(np.linspace(0.1, 0.9, len(rows))))
    empty = [plain_area(row) == 0 for row in rows]
    groups = generator.integers(0, 3, len(rows)) if grouped else np.zeros(len(rows), np.int64)
    near = [abs(plain_iou(a, b) - threshold) < 1e-4 for a in rows for b in rows]
    if any(near) or any(empty):
        return  # rounding may decide either way; detectors give no empty boxes
    assert nms(rows, scores, threshold, groups if grouped else None).tolist() == plain_nms(
        rows, scores, threshold, groups
    )


def test_nested_boxes_go_but_neighbours_stay() -> None:
    rows = floats([[0, 0, 100, 100], [40, 40, 60, 60], [90, 0, 190, 100], [0, 0, 10, 10]])
    assert suppress_nested(rows, floats([0.9, 0.8, 0.7, 0.6]), 0.7).tolist() == [0, 2]


def umeyama(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Umeyama 1991, eq. 40-43, by SVD."""
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    a, b = source - source_mean, target - target_mean
    u, d, vt = np.linalg.svd(b.T @ a / len(a))
    signs = np.diag([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt)) or 1.0])
    rotation = u @ signs @ vt
    scale = np.trace(np.diag(d) @ signs) / (a**2).sum() * len(a)
    return np.column_stack([scale * rotation, target_mean - scale * rotation @ source_mean])


@settings(max_examples=300)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(0.05, 20),
    st.floats(-np.pi, np.pi),
    coordinates,
    coordinates,
    st.floats(0, 3),
)
def test_similarity_equals_the_svd_form(
    seed: int, scale: float, angle: float, x: float, y: float, noise: float
) -> None:
    generator = np.random.default_rng(seed)
    source = generator.uniform(-100, 100, (5, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    target = scale * source @ turn.T + (x, y) + generator.normal(0, noise * scale, (5, 2))
    ours, theirs = similarity(source, target), umeyama(source, target)
    assert np.abs(ours - theirs).max() <= 1e-6 * max(1.0, np.abs(theirs).max())


def test_similarity_moves_points_where_they_belong() -> None:
    source = floats([[0, 0], [10, 0], [0, 20]])
    matrix = similarity(source, source * 2 + floats([5, -3]))
    assert np.allclose(transform(source, matrix), source * 2 + floats([5, -3]), atol=1e-4)


def test_similarity_never_mirrors() -> None:
    points = floats([[0, 0], [30, 1], [15, 18], [5, 35], [26, 34]])
    matrix = similarity(points * floats([-1, 1]), points)
    assert np.linalg.det(matrix[:, :2]) > 0


@pytest.mark.parametrize("points", [np.zeros((5, 2)), np.full((5, 2), 7.0), np.full((5, 2), np.nan)])
def test_coinciding_points_fit_no_pose(points: np.ndarray) -> None:
    with pytest.raises(DegenerateLandmarksError):
        similarity(floats(points), floats(np.arange(10).reshape(5, 2)))
