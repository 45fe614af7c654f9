"""The order of the crops of an epoch."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.recognizers.sampling import mixed


def test_large_packs_are_mixed_by_stretches() -> None:
    order = mixed(np.arange(98 * 1024), np.random.default_rng(0))
    assert sorted(order) == list(range(98 * 1024))
    assert len(np.unique(order[: 32 * 1024] // 1024)) == 32
