"""Scores, from their definitions."""

import math

import numpy as np
import pytest

from mien.scores import normalize, score_all, score_pairs, similarity
from mien.types import floats


def sample(seed: int, rows: int) -> np.ndarray:
    return floats(np.random.default_rng(seed).normal(size=(rows, 8)))


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_scores_equal_plain_loops(metric: str) -> None:
    a, b = sample(0, 7), sample(1, 7)
    pairs, table = score_pairs(a, b, metric), score_all(a, b, metric)
    for i in range(7):
        for j in range(7):
            dot = sum(float(x) * float(y) for x, y in zip(a[i], b[j], strict=True))
            norms = math.sqrt(sum(float(x) ** 2 for x in a[i])) * math.sqrt(sum(float(y) ** 2 for y in b[j]))
            gap = math.sqrt(sum((float(x) - float(y)) ** 2 for x, y in zip(a[i], b[j], strict=True)))
            expected = dot / norms if metric == "cosine" else gap
            assert table[i, j] == pytest.approx(expected, abs=1e-4)
            if i == j:
                assert pairs[i] == pytest.approx(expected, abs=1e-5)


def test_a_row_of_zeros_stays_zero() -> None:
    assert normalize(np.zeros((1, 4), np.float32)).tolist() == [[0, 0, 0, 0]]


def test_more_similarity_is_always_more_alike() -> None:
    assert similarity(0.4, "cosine") == 0.4 and similarity(0.4, "l2") == -0.4
    assert similarity(floats([1, 2]), "l2").tolist() == [-1, -2]
    for metric in ("cosine", "l2"):
        assert similarity(similarity(0.7, metric), metric) == 0.7
