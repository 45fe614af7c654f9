"""The separation of the two distributions, by its formula."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.evaluate.distributions import decidability, moments
from mien.pairwise.all_pairs import compare_all
from mien.types import Floats

World = Callable[..., tuple[Floats, np.ndarray, list[str]]]
Plain = Callable[..., dict[tuple[int, int], tuple[float, bool]]]


def test_d_prime_by_its_formula(metric: str, world: World, plain: Plain) -> None:
    embeddings, numbers, _ = world(8)
    pairs = plain(embeddings, numbers, metric).values()
    found = compare_all(embeddings, numbers, metric)
    mated = np.array([s for s, same in pairs if same])
    other = np.array([s for s, same in pairs if not same])
    formula = abs(mated.mean() - other.mean()) / np.sqrt((mated.var() + other.var()) / 2)
    assert decidability(found.mated, *moments(found)) == pytest.approx(formula, rel=0.01)
