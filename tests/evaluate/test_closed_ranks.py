"""Ranks of images against plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.evaluate.closed_ranks import NOWHERE, hits_at, ranks
from mien.types import floats
from mien.units import Metric


@given(st.integers(0, 10_000), st.sampled_from(["cosine", "l2"]))
def test_ranks_are_those_of_a_sorted_gallery(seed: int, metric: Metric) -> None:
    generator = np.random.default_rng(seed)
    probes, gallery = floats(generator.normal(size=(9, 4))), floats(generator.normal(size=(20, 4)))
    people, owners = generator.integers(0, 6, 9), generator.integers(-1, 5, 20)
    found = ranks(probes, people, gallery, owners, metric)
    for row, vector in enumerate(probes.astype(np.float64)):
        if metric == "cosine":
            scores = gallery @ vector / np.linalg.norm(gallery, axis=1)
        else:
            scores = -np.linalg.norm(gallery - vector, axis=1)
        order = owners[np.argsort(-scores)].tolist()
        plain = order.index(people[row]) if people[row] in order else NOWHERE
        assert found[row] == plain


def test_two_images_of_one_stranger_count_twice() -> None:
    gallery = floats([[1, 0.1], [1, 0.2], [1, 0.5]])
    rank = ranks(floats([[1, 0]]), np.array([5]), gallery, np.array([1, 1, 5]), "cosine")
    assert rank.tolist() == [2]


def test_hits_are_shares_of_searches_with_an_interval_by_subject() -> None:
    rank, people = np.array([0, 3, 0, NOWHERE, 1, 0]), np.array([1, 1, 2, 2, 3, 4])
    found = hits_at(rank, people, (1, 2, 5))
    assert [found[k].value for k in (1, 2, 5)] == pytest.approx([3 / 6, 4 / 6, 5 / 6])
    assert all(rate.low < rate.value < rate.high and rate.count == 6 for rate in found.values())
