"""The 8-bit index proves its answers; what every index does is in test_base.py."""

from collections.abc import Callable

import faiss
import numpy as np
import pytest

from mien.gallery.indexes import quantized
from mien.gallery.indexes.quantized import QuantizedIndex
from mien.types import floats

World = Callable[..., np.ndarray]
Plain = Callable[..., tuple[list[int], list[float]]]


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_the_8_bit_index_looks_deeper_until_its_answer_is_proven(metric: str, world: World, plain: Plain) -> None:
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
    assert np.allclose(scores, expected, atol=1e-5) and max(asked) > quantized.CANDIDATES


def test_vectors_far_outside_of_the_trained_range_are_still_found(world: World) -> None:
    vectors = world(5, 200)
    far = floats(vectors[:1] * 30)
    everything = np.concatenate([vectors, far])
    index = QuantizedIndex(np.arange(200), vectors, "l2", lambda wanted: everything[wanted])
    index = index.add(np.array([200]), far)
    assert index.search(far, 1)[0][0].tolist() == [200]


def test_search_stays_exact_when_later_vectors_leave_the_range(
    world: World, plain: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each block is further out than the one before; what is beyond the bound is kept aside, and can be removed."""
    monkeypatch.setattr(quantized, "NEWEST", 300)
    blocks = [world(30 + n, 400) * (1 + 0.5 * n) for n in range(4)]
    vectors = floats(np.concatenate(blocks))
    index = QuantizedIndex(np.arange(400), vectors[:400], "l2", lambda wanted: vectors[wanted])
    for start in range(400, 1600, 400):
        index = index.add(np.arange(start, start + 400), vectors[start : start + 400])
    assert len(index._aside) > 100 and len(index._parts) == 4 and len(index) == 1600
    for query in np.concatenate([vectors[::300], world(50, 5) * 2]):
        ids, scores = index.search(query[None], 10)[0]
        expected_ids, expected_scores = plain(vectors, query, "l2", 10)
        assert np.allclose(scores, expected_scores, atol=1e-3) and set(ids) == set(expected_ids)
    last = index._aside.content()[0][-1:]
    index = index.remove(last)
    assert len(index) == 1599 and index.search(vectors[last], 1)[0][0][0] != last[0]


@pytest.mark.parametrize("exact_products", [True, False])
@pytest.mark.parametrize("queries", [1, 12])
def test_a_query_outside_of_the_range_of_the_codes_reads_few_vectors(
    queries: int, exact_products: bool, plain: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off to the range, it could be anywhere near, and a tenth of the gallery was read to find out."""
    if not exact_products:
        monkeypatch.setattr(quantized, "integer_products", lambda: None)
    generator = np.random.default_rng(8)
    vectors = floats(generator.normal(0, 0.06, (20_000, 128)))
    asked: list[int] = []

    def fetch(ids: np.ndarray) -> np.ndarray:
        asked.append(len(ids))
        return vectors[ids]

    index = QuantizedIndex(np.arange(20_000), vectors, "l2", fetch)
    far = floats(generator.normal(0, 0.15, (queries, 128)))
    near = floats(generator.normal(0, 0.06, (queries - 1, 128)))
    for query, (ids, scores) in zip([*near, *far], index.search(np.concatenate([near, far]), 5), strict=True):
        expected_ids, expected_scores = plain(vectors, query, "l2", 5)
        assert ids.tolist() == expected_ids and np.allclose(scores, expected_scores, atol=1e-4)
    assert sum(asked) < 200 * (2 * queries - 1)


def test_a_vector_that_another_process_removed_is_left_out(world: World) -> None:
    vectors = world(6, 300)

    def fetch(ids: np.ndarray) -> np.ndarray:
        found = vectors[ids].copy()
        found[ids == 7] = np.nan
        return found

    index = QuantizedIndex(np.arange(300), vectors, "l2", fetch)
    assert 7 not in index.search(vectors[7:8], 10)[0][0]


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_newest_templates_become_parts_and_answers_stay_exact(
    metric: str, world: World, plain: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantized, "NEWEST", 50)
    monkeypatch.setattr(quantized, "PART", 100)
    vectors = world(11, 700)
    index = QuantizedIndex(np.arange(250), vectors[:250], metric, lambda ids: vectors[ids])
    for start in range(250, 700, 30):
        index = index.add(np.arange(start, min(700, start + 30)), vectors[start : start + 30])
    index = index.remove(np.arange(0, 700, 7))
    kept = [number for number in range(700) if number % 7]
    assert len(index._parts) > 8 and len(index._newest) and len(index) == len(kept)
    for query in np.concatenate([vectors[::50], world(12, 10)]):
        expected = [kept[place] for place in plain(vectors[kept], query, metric, 5)[0]]
        assert index.search(query[None], 5)[0][0].tolist() == expected
    both = index.search(vectors[1:3], 5)
    assert [ids[0] for ids, _ in both] == [1, 2], "several queries at once find the same"


def test_removed_codes_are_overwritten_in_memory(world: World) -> None:
    vectors = world(13, 300)
    index = QuantizedIndex(np.arange(300), vectors, "l2", lambda ids: vectors[ids])
    before = index._coder.encode(vectors[4:5])[0].tobytes()
    assert before in faiss.vector_to_array(index._parts[0]._index.codes).tobytes()
    index.remove(np.array([4]))
    assert before not in faiss.vector_to_array(index._parts[0]._index.codes).tobytes()


def test_codes_are_as_far_from_their_vectors_as_is_said(world: World) -> None:
    vectors = world(14, 200)
    coder = quantized._Coder(vectors)
    codes, errors = coder.encode(vectors)
    meant = (codes.astype(float) - 128) / coder.scale
    assert np.allclose(errors, np.linalg.norm(vectors - meant, axis=1), atol=1e-5)
    assert np.mean(errors <= coder.error) >= quantized.FITTING - 0.01 and errors.min() > 0, "all but the furthest fit"


@pytest.mark.parametrize("metric", ["cosine", "l2"])
@pytest.mark.parametrize("together", [True, False])
def test_many_queries_at_once_find_what_each_finds_alone(
    metric: str, together: bool, world: World, plain: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the processor has no exact products, and one query after another is searched."""
    monkeypatch.setattr(quantized, "PART", 150)
    monkeypatch.setattr(quantized, "QUERIES", 8)
    if not together:
        monkeypatch.setattr(quantized, "integer_products", lambda: None)
    vectors = world(21, 700)
    index = QuantizedIndex(np.arange(700), vectors, metric, lambda ids: vectors[ids])
    index = index.remove(np.arange(0, 700, 5))
    kept = [number for number in range(700) if number % 5]
    queries = np.concatenate([vectors[::35], world(22, 7)])
    for query, (ids, _) in zip(queries, index.search(queries, 3), strict=True):
        assert ids.tolist() == [kept[place] for place in plain(vectors[kept], query, metric, 3)[0]]


def test_what_first_scores_rule_out_is_not_read(world: World) -> None:
    asked: list[int] = []
    vectors = floats(np.random.default_rng(2).normal(size=(2000, 64)))

    def fetch(ids: np.ndarray) -> np.ndarray:
        asked.extend(ids.tolist())
        return vectors[ids]

    index = QuantizedIndex(np.arange(2000), vectors, "cosine", fetch)
    assert index.search(vectors[3:4], 1)[0][0].tolist() == [3]
    assert len(asked) == len(set(asked)) < quantized.CANDIDATES / 2
