"""The 8-bit index proves its answers; what every index does is in test_base.py."""

from collections.abc import Callable

import numpy as np
import pytest

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
    assert np.allclose(scores, expected, atol=1e-5) and max(asked) > 64


def test_vectors_far_outside_of_the_trained_range_are_still_found(world: World) -> None:
    vectors = world(5, 200)
    far = floats(vectors[:1] * 30)
    everything = np.concatenate([vectors, far])
    index = QuantizedIndex(np.arange(200), vectors, "l2", lambda wanted: everything[wanted])
    index.add(np.array([200]), far)
    assert index.search(far, 1)[0][0].tolist() == [200]


def test_search_stays_exact_when_later_vectors_leave_the_range(world: World, plain: Plain) -> None:
    """Each block is further out than the one before; what is beyond the bound is kept aside, and can be removed."""
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


def test_a_vector_that_another_process_removed_is_left_out(world: World) -> None:
    vectors = world(6, 300)

    def fetch(ids: np.ndarray) -> np.ndarray:
        found = vectors[ids].copy()
        found[ids == 7] = np.nan
        return found

    index = QuantizedIndex(np.arange(300), vectors, "l2", fetch)
    assert 7 not in index.search(vectors[7:8], 10)[0][0]
