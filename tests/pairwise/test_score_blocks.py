"""Blocks cover every comparison of the upper half once, and each block is counted as a plain loop counts it."""

import itertools
import threading

import numpy as np
import pytest

from mien.pairwise import score_blocks
from mien.pairwise.best_pairs import BestPairs
from mien.pairwise.score_blocks import BINS, Block, blocks_of, count_block, sort_samples
from mien.types import floats


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_blocks, "ROWS", 5)
    monkeypatch.setattr(score_blocks, "COLUMNS", 7)


def test_every_comparison_is_in_one_block_and_no_block_crosses_a_stratum() -> None:
    sizes, pairs = np.array([11, 4, 9]), [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    stratum, seen = np.repeat([0, 1, 2], sizes), dict[tuple[int, int], int]()
    for block in blocks_of(sizes, pairs):
        assert block.row_end - block.row <= 5 and block.column_end - block.column <= 7
        for i, j in itertools.product(range(block.row, block.row_end), range(block.column, block.column_end)):
            assert (stratum[i], stratum[j]) == pairs[block.pair]
            if i < j:
                seen[i, j] = seen.get((i, j), 0) + 1
    assert seen == dict.fromkeys(itertools.combinations(range(24), 2), 1)


@pytest.mark.parametrize("metric", ["cosine", "l2"])
@pytest.mark.parametrize("block", [Block(0, 5, 0, 7, 0), Block(0, 5, 3, 10, 0), Block(0, 5, 14, 20, 0)])
def test_a_block_is_counted_as_by_a_plain_loop(metric: str, block: Block) -> None:
    generator = np.random.default_rng(2)
    embeddings, subjects = floats(generator.normal(size=(20, 6))), np.repeat(np.arange(10), 2)
    ready = sort_samples(embeddings, subjects, np.zeros(20, np.int64), metric)  # type: ignore[arg-type]
    low, width = (-1.0, 2 / 254) if metric == "cosine" else (-10.0, 10 / 254)
    best = BestPairs(keep=1000, bound=-np.inf)
    counts = count_block(ready, block, low, width, best, threading.local())
    expected = {}
    for i, j in itertools.product(range(block.row, block.row_end), range(block.column, block.column_end)):
        a, b = (embeddings[ready.order[k]].astype(float) for k in (i, j))
        if i < j and subjects[ready.order[i]] != subjects[ready.order[j]]:
            cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
            expected[i, j] = cosine if metric == "cosine" else -np.linalg.norm(a - b)
    scores, pairs = best.sorted()
    assert counts.shape == (BINS,) and counts.sum() == len(expected) == len(scores) > 10
    assert {(i, j) for i, j in pairs.tolist()} == set(expected)
    np.testing.assert_allclose(scores, [expected[i, j] for i, j in pairs.tolist()], atol=1e-4)


def test_samples_are_sorted_by_stratum_and_subject_and_cosines_get_unit_length() -> None:
    embeddings = floats([[3, 4], [0, 2], [5, 0], [1, 1]])
    ready = sort_samples(embeddings, np.array([1, 0, 0, 1]), np.array([1, 1, 0, 0]), "cosine")
    assert ready.order.tolist() == [2, 3, 1, 0] and ready.subjects.tolist() == [0, 1, 0, 1]
    assert np.allclose(np.linalg.norm(ready.embeddings, axis=1), 1) and ready.squares.tolist() == [25, 2, 4, 25]
    assert embeddings.tolist() == [[3, 4], [0, 2], [5, 0], [1, 1]], "the caller's embeddings stay as they are"
