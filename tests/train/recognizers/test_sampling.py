"""The order of the crops of an epoch."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.data.pack import STRETCH
from mien.train.recognizers.sampling import MIXED, mixed

STRETCHES = 98
"""Three groups of 32, and one of two."""


def stretches_of(crops: np.ndarray) -> list[int]:
    return np.unique(crops // STRETCH).tolist()


def test_large_packs_are_mixed_by_stretches() -> None:
    assert (STRETCH, MIXED) == (1024, 32)
    order = mixed(np.arange(STRETCHES * STRETCH), np.random.default_rng(0))
    assert sorted(order) == list(range(STRETCHES * STRETCH))
    group = MIXED * STRETCH
    groups = [stretches_of(order[first : first + group]) for first in range(0, len(order), group)]
    assert [len(one) for one in groups] == [32, 32, 32, 2]
    # The crops of a stretch are spread over their whole group, not read one stretch after the other.
    for number, stretches in enumerate(groups[:3]):
        part = order[number * group : (number + 1) * group]
        for first in range(0, group, STRETCH):
            assert stretches_of(part[first : first + STRETCH]) == stretches


def test_groups_are_dealt_again_by_the_generator() -> None:
    crops = np.arange(STRETCHES * STRETCH)
    first, same, other = (mixed(crops, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(first, same)
    group = MIXED * STRETCH
    assert stretches_of(first[:group]) != list(range(MIXED)), "neighbours on the disk are not always one group"
    assert stretches_of(first[:group]) != stretches_of(other[:group])
