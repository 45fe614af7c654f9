"""How far pairs of folders stand out, against plain loops."""

import itertools

import numpy as np
import pytest

from mien.data.vectors import in_memory
from mien.portrait.dataset.standing import CENTRE, certainty_of_margin, components, margins
from mien.types import floats
from mien.units import Metric


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_a_margin_is_the_distance_to_the_best_third_folder(metric: Metric) -> None:
    means = floats(np.random.default_rng(0).normal(size=(300, 6)))

    def score(a: int, b: int) -> float:
        return float(means[a] @ means[b]) if metric == "cosine" else -float(np.linalg.norm(means[a] - means[b]))

    pairs = [(0, 1), (5, 299), (7, 8)]
    found = margins(in_memory(means), pairs, metric, 0.5)
    for (a, b), margin in zip(pairs, found, strict=True):
        third = max(score(one, other) for one in (a, b) for other in range(300) if other not in (a, b))
        assert margin == pytest.approx((score(a, b) - third) / 0.5, abs=1e-4)


def test_of_two_folders_alone_nothing_is_nearer() -> None:
    assert margins(in_memory(floats(np.eye(2))), [(0, 1)], "cosine", 0.5) == [9.0]


def test_certainty_rises_with_the_margin() -> None:
    found = [certainty_of_margin(margin) for margin in (-1.0, 0.5, CENTRE, 2.0, 4.0)]
    assert found == sorted(found) and found[2] == pytest.approx(0.5)
    assert found[1] < 0.05 and found[3] > 0.9


def test_chains_of_pairs_are_one_component() -> None:
    assert components([(4, 9), (1, 2), (9, 3), (3, 4)]) == [(3, 4, 9), (1, 2)]
    draw = np.random.default_rng(1).integers(0, 30, (25, 2))
    for a, b in draw.tolist():
        group = next(one for one in components([tuple(pair) for pair in draw.tolist()]) if a in one)
        assert b in group
    members = list(itertools.chain(*components([tuple(pair) for pair in draw.tolist()])))
    assert len(members) == len(set(members)) == len(set(draw.reshape(-1).tolist()))
