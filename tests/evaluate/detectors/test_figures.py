"""Average precision by plain loops, recall and intervals."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.data.annotated import AnnotatedImage
from mien.evaluate.detectors.figures import (
    area,
    average_precision,
    coco_area,
    precision_recall,
    recall_at,
    threshold_at,
    with_interval,
)
from mien.evaluate.detectors.matching import match
from mien.types import Box, Face, floats

POINTS = floats([(30, 30), (70, 30), (50, 50), (35, 75), (65, 75)])


def picture(boxes: list[list[float]], ignore: list[bool] | None = None) -> AnnotatedImage:
    count = len(boxes)
    return AnnotatedImage(
        Path("x.jpg"),
        floats(boxes).reshape(-1, 4),
        np.tile(POINTS, (count, 1, 1)),
        np.array(ignore or [False] * count, np.bool_),
        tuple({} for _ in boxes),
    )


def face(box: list[float], score: float) -> Face:
    return Face(Box(*box), score, POINTS + 2)


def test_average_precision_by_plain_loops() -> None:
    generator = np.random.default_rng(0)
    scores = np.sort(generator.choice(np.linspace(0.1, 0.9, 30), 60))[::-1].astype(np.float32)
    right = generator.random(60) < 0.6
    faces = int(right.sum()) + 7
    precision, recall = precision_recall(scores, right, faces, np.ones(60))
    points = []
    for threshold in sorted(set(scores.tolist()), reverse=True):
        chosen = [bool(r) for s, r in zip(scores.tolist(), right, strict=True) if s >= threshold]
        points.append((sum(chosen) / faces, sum(chosen) / len(chosen)))
    assert np.allclose(recall, [r for r, _ in points]) and np.allclose(precision, [p for _, p in points])
    expected, before = 0.0, 0.0
    for index, (at, _) in enumerate(points):
        expected += (at - before) * max(p for _, p in points[index:])
        before = at
    assert area(precision, recall) == pytest.approx(expected)
    coco = np.mean([max((p for r, p in points if r >= at), default=0.0) for at in np.linspace(0, 1, 101)])
    assert coco_area(precision, recall) == pytest.approx(coco)


@given(st.integers(0, 10_000))
def test_recall_never_falls_as_more_false_boxes_are_allowed(seed: int) -> None:
    generator = np.random.default_rng(seed)
    truths, answers = [], []
    for _ in range(5):
        corner = generator.uniform(0, 300, (3, 2))
        truths.append(picture(np.concatenate([corner, corner + 40], axis=1).tolist()))
        moved = corner + generator.normal(0, 8, (3, 2))
        boxes = np.concatenate([moved, moved + 40], axis=1)
        answers.append(
            tuple(face(box, round(float(s), 1)) for box, s in zip(boxes.tolist(), generator.random(3), strict=True))
        )
    matched = match(truths, answers)
    everyone = np.ones(len(matched.found), np.bool_)
    values = [recall_at(matched, allowed, everyone) for allowed in (0.0, 0.2, 0.5, 1, 3)]
    assert values == sorted(values) and 0 <= average_precision(matched) <= 1
    for allowed in (0.2, 0.5, 1.0):
        lowest = threshold_at(matched, allowed)
        assert ((matched.scores >= lowest) & ~matched.right).sum() <= allowed * 5 + 1e-9


def test_an_interval_holds_its_value_and_a_perfect_one_follows_the_rule_of_three() -> None:
    truths = [picture([[0, 0, 50, 50]])] * 30
    perfect = match(truths, [(face([0, 0, 50, 50], 0.9),)] * 30)
    rate = with_interval(perfect, lambda w: average_precision(perfect, w), 30)
    assert (rate.value, rate.low, rate.high) == (1, pytest.approx(0.9), 1)
    half = match(truths, [(face([0, 0, 50, 50], 0.9),) if n % 2 else () for n in range(30)])
    rate = with_interval(half, lambda w: average_precision(half, w), 30)
    assert rate.value == pytest.approx(0.5)
    assert rate.low < 0.5 < rate.high and 0.2 < rate.high - rate.low < 0.5
