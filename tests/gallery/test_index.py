"""Both indexes give exactly what a plain search gives."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.gallery.index import FloatIndex, Index, QuantizedIndex, build_index
from mien.types import floats


def world(seed: int, count: int, dimension: int = 32) -> np.ndarray:
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(count // 3 + 1, dimension))
    return floats(centres[generator.integers(0, len(centres), count)] + generator.normal(0, 0.3, (count, dimension)))


def plain(vectors: np.ndarray, query: np.ndarray, metric: str, count: int) -> tuple[list[int], list[float]]:
    rows = []
    for number, vector in enumerate(vectors.astype(float)):
        q = query.astype(float)
        cosine = vector @ q / np.linalg.norm(vector) / np.linalg.norm(q)
        rows.append((-cosine if metric == "cosine" else np.linalg.norm(vector - q), number))
    best = sorted(rows)[:count]
    return [number for _, number in best], [-d if metric == "cosine" else d for d, _ in best]


def make(kind: str, vectors: np.ndarray, metric: str) -> Index:
    ids = np.arange(len(vectors), dtype=np.int64)
    if kind == "float":
        index = FloatIndex(vectors.shape[1], metric)
        index.add(ids, vectors)
        return index
    return QuantizedIndex(ids, vectors, metric, lambda wanted: vectors[wanted])


@pytest.mark.parametrize("kind", ["float", "8 bits"])
@pytest.mark.parametrize("metric", ["cosine", "l2"])
@pytest.mark.parametrize("count", [1, 10, 50])
def test_search_is_exact(kind: str, metric: str, count: int) -> None:
    vectors = world(0, 600)
    index = make(kind, vectors, metric)
    queries = np.concatenate([vectors[:10], world(9, 20)])
    for query, (ids, scores) in zip(queries, index.search(queries, count), strict=True):
        expected_ids, expected_scores = plain(vectors, query, metric, count)
        assert np.allclose(scores, expected_scores, atol=2e-4)
        gaps = np.abs(np.diff(expected_scores))
        if len(gaps) == 0 or gaps.min() > 1e-4:
            assert ids.tolist() == expected_ids


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_the_8_bit_index_looks_deeper_until_its_answer_is_proven(metric: str) -> None:
    """Vectors closer together than 8 bits can tell apart: the candidates must grow."""
    generator = np.random.default_rng(3)
    base = generator.normal(size=16)
    vectors = floats(base + generator.normal(0, 1e-4, (3000, 16)))
    vectors[0] *= 50
    asked: list[int] = []

    def fetch(ids: np.ndarray) -> np.ndarray:
        asked.append(len(ids))
        return vectors[ids]

    index = QuantizedIndex(np.arange(3000), vectors, metric, fetch)
    (_, scores), expected = index.search(vectors[5:6], 5)[0], plain(vectors, vectors[5], metric, 5)[1]
    assert np.allclose(scores, expected, atol=1e-5) and max(asked) > 64


@pytest.mark.parametrize("kind", ["float", "8 bits"])
def test_adding_and_removing(kind: str) -> None:
    vectors = world(4, 300)
    index = make(kind, vectors[:200], "l2")
    if isinstance(index, QuantizedIndex):
        index._fetch = lambda wanted: vectors[wanted]
    index.add(np.arange(200, 300), vectors[200:])
    assert len(index) == 300 and index.search(vectors[250:251], 1)[0][0][0] == 250
    index.remove(np.array([250, 999]))
    assert len(index) == 299 and index.search(vectors[250:251], 1)[0][0][0] != 250


def test_vectors_far_outside_of_the_trained_range_are_still_found() -> None:
    vectors = world(5, 200)
    far = floats(vectors[:1] * 30)
    everything = np.concatenate([vectors, far])
    index = QuantizedIndex(np.arange(200), vectors, "l2", lambda wanted: everything[wanted])
    index.add(np.array([200]), far)
    assert index.search(far, 1)[0][0].tolist() == [200]


def test_search_stays_exact_when_later_vectors_leave_the_range() -> None:
    """Each block lies further out than the one before; what is beyond the bound is kept aside, and can be removed."""
    blocks = [world(30 + n, 400) * (1 + 0.5 * n) for n in range(4)]
    vectors = floats(np.concatenate(blocks))
    index = QuantizedIndex(np.arange(400), vectors[:400], "l2", lambda wanted: vectors[wanted])
    for start in range(400, 1600, 400):
        index.add(np.arange(start, start + 400), vectors[start : start + 400])
    assert len(index._aside) > 100 and len(index) == 1600
    for query in np.concatenate([vectors[::300], world(50, 5) * 2]):
        ids, scores = index.search(query[None], 10)[0]
        expected_ids, expected_scores = plain(vectors, query, "l2", 10)
        assert np.allclose(scores, expected_scores, atol=1e-3) and set(ids) == set(expected_ids)
    last = index._aside._ids[-1:]
    index.remove(last)
    assert len(index) == 1599 and index.search(vectors[last], 1)[0][0][0] != last[0]


def test_a_vector_that_another_process_removed_is_left_out() -> None:
    vectors = world(6, 300)

    def fetch(ids: np.ndarray) -> np.ndarray:
        found = vectors[ids].copy()
        found[ids == 7] = np.nan
        return found

    index = QuantizedIndex(np.arange(300), vectors, "l2", fetch)
    assert 7 not in index.search(vectors[7:8], 10)[0][0]


def test_the_kind_follows_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    from mien.gallery import index as module

    vectors = world(7, 50)
    fetch: Callable = lambda ids: vectors[ids]  # noqa: E731
    assert isinstance(build_index(np.arange(50), vectors, "cosine", fetch, 50), FloatIndex)
    monkeypatch.setattr(module, "FLOAT_LIMIT", 20)
    assert isinstance(build_index(np.arange(50), vectors, "cosine", fetch, 50), QuantizedIndex)


def test_an_empty_index_finds_nothing() -> None:
    ids, scores = FloatIndex(8, "cosine").search(np.ones((1, 8), np.float32), 5)[0]
    assert len(ids) == len(scores) == 0
