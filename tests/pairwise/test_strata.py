"""Rates by stratum, against plain loops."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.pairwise.all_pairs import compare_all
from mien.pairwise.rates_at import threshold_at
from mien.pairwise.strata import fmr_between, fnmr_between, strata_at
from mien.types import Floats

World = Callable[..., tuple[Floats, np.ndarray, list[str]]]
Plain = Callable[..., dict[tuple[int, int], tuple[float, bool]]]


def test_strata_equal_plain_loops(metric: str, world: World, plain: Plain) -> None:
    embeddings, numbers, strata = world(6)
    pairs = plain(embeddings, numbers, metric)
    found = compare_all(embeddings, numbers, metric, strata=strata)
    limit = threshold_at(found, 0.05)
    rows = {frozenset((row.a, row.b)): row.fmr for row in strata_at(found, limit)}
    assert len(rows) == 3
    for names, rate in rows.items():
        chosen = [s for (i, j), (s, same) in pairs.items() if not same and {strata[i], strata[j]} == names]
        assert rate.count == len(chosen)
        assert rate.value == pytest.approx(np.mean([s >= found.similarity(limit) for s in chosen]))
    sampled = compare_all(embeddings, numbers, metric, strata=strata, keep=50)
    for row in strata_at(sampled, limit):
        rate = rows[frozenset((row.a, row.b))]
        assert row.fmr.value == pytest.approx(rate.value, abs=0.01) and row.fmr.low < rate.value < row.fmr.high


def test_rates_between_samples_equal_plain_loops(metric: str, world: World, plain: Plain) -> None:
    embeddings, numbers, _ = world(6)
    pairs = plain(embeddings, numbers, metric)
    found = compare_all(embeddings, numbers, metric)
    limit = threshold_at(found, 0.05)
    first = np.arange(len(numbers)) % 3 == 0
    second = np.arange(len(numbers)) % 3 == 1
    for a, b in ((first, second), (first, first)):
        chosen = {key: s for key, s in pairs.items() if (a[key[0]] and b[key[1]]) or (a[key[1]] and b[key[0]])}
        strangers = [s >= found.similarity(limit) for s, same in chosen.values() if not same]
        own = [s < found.similarity(limit) for s, same in chosen.values() if same]
        rate = fmr_between(found, limit, a, b)
        assert rate is not None and rate.count == len(strangers) and rate.value == pytest.approx(np.mean(strangers))
        missed = fnmr_between(found, limit, a, b)
        assert missed.count == len(own) and missed.value == pytest.approx(np.mean(own))
    assert fmr_between(compare_all(embeddings, numbers, metric, keep=1), limit, first, second) is None
