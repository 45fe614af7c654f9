"""The best comparisons so far, against a sort of all of them; ties at the limit go together."""

import numpy as np
import pytest

from mien.pairwise.best_pairs import BestPairs


def added(scores: np.ndarray, keep: int, part: int) -> BestPairs:
    """Scores added in parts; pair number k is (k, k + 1)."""
    best = BestPairs(keep=keep, bound=-np.inf)
    for start in range(0, len(scores), part):
        places = np.arange(start, min(start + part, len(scores)))
        best.add(scores[places], np.column_stack([places, places + 1]).astype(np.int32))
    return best


@pytest.mark.parametrize("part", [7, 50, 1000])
def test_the_best_are_kept_whatever_the_order_in_which_they_come(part: int) -> None:
    scores = np.random.default_rng(0).permutation(1000).astype(np.float32)
    found, pairs = added(scores, 40, part).sorted()
    assert 38 <= len(found) <= 41 and found.tolist() == sorted(scores, reverse=True)[: len(found)]
    assert np.array_equal(scores[pairs[:, 0]], found) and np.array_equal(pairs[:, 1], pairs[:, 0] + 1)


def test_everything_above_the_bound_is_there() -> None:
    scores = np.random.default_rng(1).integers(0, 30, 900).astype(np.float32)
    best = added(scores, 100, 90)
    found, pairs = best.sorted()
    expected = np.flatnonzero(scores > best.bound)
    assert len(found) > 0 and best.bound in scores
    assert sorted(pairs[:, 0].tolist()) == expected.tolist(), "of equal scores all are kept, or none"


def test_equal_scores_are_in_the_order_of_their_samples() -> None:
    best = BestPairs(keep=10, bound=0.0)
    for pair in ([5, 9], [2, 8], [2, 3]):
        best.add(np.array([0.5], np.float32), np.array([pair], np.int32))
    best.add(np.array([0.7], np.float32), np.array([[8, 9]], np.int32))
    assert best.sorted()[1].tolist() == [[8, 9], [2, 3], [2, 8], [5, 9]]


def test_without_comparisons_there_are_none() -> None:
    scores, pairs = BestPairs(keep=5, bound=0.0).sorted()
    assert scores.shape == (0,) and pairs.shape == (0, 2)
