"""Average linkage against merging the nearest pair of all, one at a time, with plain loops."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.cluster.linkage import as_linkage, as_scores, average_linkage, linkage_vectors
from mien.progress import Progress
from mien.types import Floats, floats


def plain_linkage(similarity: np.ndarray, images: np.ndarray, limit: float) -> set[frozenset[int]]:
    """Merge the two groups of the highest mean similarity until none reaches the limit."""
    groups = [[number] for number in range(len(images))]
    while len(groups) > 1:
        best, pair = -np.inf, (0, 0)
        for a in range(len(groups)):
            for b in range(a + 1, len(groups)):
                if set(images[groups[a]]) & set(images[groups[b]]):
                    continue
                value = similarity[np.ix_(groups[a], groups[b])].mean()
                if value > best:
                    best, pair = value, (a, b)
        if best < limit:
            break
        groups[pair[0]] += groups.pop(pair[1])
    return {frozenset(members) for members in groups}


def as_sets(owner: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(owner == one).tolist()) for one in np.unique(owner)}


def similarities(embeddings: Floats, metric: str) -> np.ndarray:
    values = embeddings.astype(np.float64)
    if metric == "cosine":
        values /= np.linalg.norm(values, axis=1, keepdims=True)
        return values @ values.T
    return -((values[:, None] - values[None]) ** 2).sum(axis=2)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("limit", [0.3, 0.6, 0.9])
def test_groups_are_those_of_merging_one_pair_at_a_time(seed: int, limit: float, metric: str) -> None:
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(9, 5))
    embeddings = floats(centres[generator.integers(0, 9, 40)] + generator.normal(0, 0.5, (40, 5)))
    images = generator.integers(0, 30, 40).astype(np.int64)
    similar = similarities(embeddings, metric)
    value = float(np.quantile(similar, limit))
    owner = average_linkage(linkage_vectors(embeddings, metric), images, value)  # type: ignore[arg-type]
    assert as_sets(owner) == plain_linkage(similar, images, value)


def test_products_of_vectors_are_similarities(metric: str) -> None:
    embeddings = floats(np.random.default_rng(1).normal(3, 1, (12, 7)))
    vectors = linkage_vectors(embeddings, metric)  # type: ignore[arg-type]
    assert vectors.left @ vectors.right.T == pytest.approx(similarities(embeddings, metric), abs=1e-4)
    assert as_scores(floats([as_linkage(0.4, "l2"), as_linkage(0.0, "l2")]), "l2") == pytest.approx([0.4, 0.0])


def test_two_faces_of_one_image_are_two_people() -> None:
    embeddings = floats([[1, 0], [1, 0.001], [1, 0.002], [1, 0.003]])
    owner = average_linkage(linkage_vectors(embeddings, "cosine"), np.array([0, 0, 1, 1]), 0.5)
    assert len(np.unique(owner)) == 2 and owner[0] != owner[1] and owner[2] != owner[3]


def test_groups_that_begin_together_stay_together() -> None:
    embeddings = floats([[1, 0], [0, 1], [1, 0.1], [0.1, 1]])
    start = np.array([5, 5, 7, 9])
    owner = average_linkage(linkage_vectors(embeddings, "cosine"), np.arange(4), 0.99, start=start)
    assert as_sets(owner) == {frozenset({0, 1}), frozenset({2}), frozenset({3})}
    everyone = average_linkage(linkage_vectors(embeddings, "cosine"), np.arange(4), 0.1, start=start)
    assert as_sets(everyone) == {frozenset({0, 1, 2, 3})}


def test_equal_faces_end_in_one_group_each_time(crowd: Callable) -> None:
    embeddings = np.repeat(crowd([1] * 5).embeddings, 20, axis=0)
    owners = [average_linkage(linkage_vectors(embeddings, "l2"), np.arange(100), -0.01) for _ in range(2)]
    assert np.array_equal(*owners) and [len(group) for group in as_sets(owners[0])] == [20] * 5


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_faces(count: int) -> None:
    embeddings = floats(np.ones((count, 4)))
    owner = average_linkage(linkage_vectors(embeddings, "cosine"), np.arange(count), 0.5)
    assert owner.tolist() == [0] * count


def test_blocks_do_not_change_groups(crowd: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    people = crowd([7, 3, 1, 12, 2], spread=0.15)
    vectors = linkage_vectors(people.embeddings, "l2")
    whole = average_linkage(vectors, people.images, -0.8)
    monkeypatch.setattr("mien.cluster.linkage.BLOCK_ROWS", 3)
    monkeypatch.setattr("mien.cluster.linkage.BLOCK_COLUMNS", 4)
    assert np.array_equal(average_linkage(vectors, people.images, -0.8), whole)


def test_progress_ends_at_all_faces(crowd: Callable) -> None:
    people, seen = crowd([5, 5, 5]), []
    average_linkage(linkage_vectors(people.embeddings, "l2"), people.images, -0.5, on_progress=seen.append)
    assert isinstance(seen[-1], Progress) and seen[-1].done == seen[-1].total == 15
    assert [one.done for one in seen] == sorted(one.done for one in seen)
