"""The exact index: what the product form of a distance loses is computed again by difference."""

import numpy as np
import pytest

from mien.gallery.indexes.exact import ExactIndex
from mien.types import floats


def test_distances_far_from_the_origin_keep_their_digits() -> None:
    """At a norm of 1000, squares of float32 differ by 0.06: the product form alone could not order these."""
    generator = np.random.default_rng(0)
    base = floats(generator.normal(size=64))
    base *= 1000 / np.linalg.norm(base)
    steps = floats(generator.normal(size=64))
    steps /= np.linalg.norm(steps)
    vectors = floats([base + steps * 0.01 * k for k in range(1, 11)])
    index = ExactIndex(64, "l2").add(np.arange(10), vectors)
    ids, distances = index.search(base[None], 10)[0]
    exact = np.linalg.norm(vectors.astype(float) - base.astype(float), axis=1)
    assert ids.tolist() == list(range(10)) and distances.tolist() == pytest.approx(exact.tolist(), rel=1e-4)


def test_length_does_not_matter_to_a_cosine_and_a_vector_of_zeros_is_found_last() -> None:
    vectors = floats([[0, 0, 0], [5, 0, 0], [0.1, 0.1, 0]])
    index = ExactIndex(3, "cosine").add(np.array([7, 8, 9]), vectors)
    ids, cosines = index.search(floats([[2, 0, 0]]), 3)[0]
    assert ids.tolist() == [8, 9, 7] and cosines.tolist() == pytest.approx([1, np.sqrt(0.5), 0], abs=1e-6)


def test_what_is_removed_and_added_again_counts_once() -> None:
    index = ExactIndex(2, "l2").add(np.array([1, 2]), floats([[0, 0], [3, 4]]))
    index = index.remove(np.array([1, 5])).add(np.array([1]), floats([[0, 1]]))
    ids, distances = index.search(floats([[0, 0]]), 5)[0]
    assert len(index) == 2 and ids.tolist() == [1, 2] and distances.tolist() == pytest.approx([1, 5])


def test_a_removed_vector_is_overwritten_in_memory() -> None:
    index = ExactIndex(4, "l2").add(np.arange(3), floats(np.eye(3, 4) + 7))
    rows = index._rows
    index.remove(np.array([1]))
    assert not rows.vectors[1].any() and rows.vectors[[0, 2]].all()


def test_adding_one_by_one_copies_a_logarithm_of_times() -> None:
    index, buffers = ExactIndex(4, "l2"), set()
    for number in range(5000):
        index = index.add(np.array([number]), np.ones((1, 4), np.float32))
        buffers.add(id(index._rows))
    assert len(index) == 5000 and len(buffers) <= 10
