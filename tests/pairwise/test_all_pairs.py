"""All comparisons in one pass, against plain loops."""

import pickle
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from mien.pairwise import all_pairs, score_blocks
from mien.pairwise.all_pairs import compare_all
from mien.pairwise.score_blocks import BINS
from mien.types import Floats

World = Callable[..., tuple[Floats, np.ndarray, list[str]]]
Plain = Callable[..., dict[tuple[int, int], tuple[float, bool]]]


@pytest.fixture(params=[(1024, 2048), (16, 24)], ids=["one block", "small blocks"])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_blocks, "ROWS", request.param[0])
    monkeypatch.setattr(score_blocks, "COLUMNS", request.param[1])


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("keep", [10**6, 200])
def test_what_is_kept_equals_plain_loops(metric: str, keep: int, world: World, plain: Plain) -> None:
    embeddings, numbers, strata = world(1)
    pairs = plain(embeddings, numbers, metric)
    found = compare_all(embeddings, numbers, metric, strata=strata, keep=keep)
    nonmated = {pair: score for pair, (score, same) in pairs.items() if not same}
    mated = {pair: score for pair, (score, same) in pairs.items() if same}
    assert found.nonmated == len(nonmated) and len(found.mated) == len(mated)
    best = sorted(nonmated.values(), reverse=True)
    assert len(found.tail) in (len(best), keep, keep - 1, *range(keep - 3, keep + 2))
    np.testing.assert_allclose(found.tail, best[: len(found.tail)], atol=2e-5)
    for score, (i, j) in zip(found.tail, found.tail_samples, strict=True):
        assert nonmated[int(i), int(j)] == pytest.approx(score, abs=2e-5)
    for score, (i, j) in zip(found.mated, found.mated_samples, strict=True):
        assert mated[int(i), int(j)] == pytest.approx(score, abs=2e-5)


@pytest.mark.usefixtures("blocks")
def test_the_histogram_counts_every_pair_of_strata(metric: str, world: World, plain: Plain) -> None:
    embeddings, numbers, strata = world(2)
    pairs = plain(embeddings, numbers, metric)
    found = compare_all(embeddings, numbers, metric, strata=strata, keep=100)
    edges = found.low + np.arange(-1, BINS) * found.width
    for row, (a, b) in zip(found.histogram, found.pair_of, strict=True):
        names = {found.strata[a], found.strata[b]}
        scores = [s for (i, j), (s, same) in pairs.items() if not same and {strata[i], strata[j]} == names]
        assert row.sum() == len(scores)
        inner = np.histogram(scores, edges[1:-1])[0]
        # A score on the edge of two bins may fall into either.
        assert np.abs(np.cumsum(inner) - np.cumsum(row[1 : BINS - 1])).max() <= 2


def test_it_does_not_matter_how_many_threads_work(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    embeddings, numbers, strata = world(12, subjects=200)
    monkeypatch.setattr(score_blocks, "ROWS", 32)
    monkeypatch.setattr(score_blocks, "COLUMNS", 48)
    results = []
    for cores in (1, 4):
        monkeypatch.setattr(all_pairs, "usable_cores", lambda cores=cores: cores)
        results.append(compare_all(embeddings, numbers, "cosine", strata=strata, keep=500))
    assert (results[0].histogram == results[1].histogram).all()
    assert results[0].bound == results[1].bound and (results[0].tail == results[1].tail).all()
    assert (results[0].tail_samples == results[1].tail_samples).all()


@pytest.mark.parametrize("keep", [60, 500, 10**6])
def test_parts_that_workers_of_a_cluster_compare_in_any_order_give_the_same(
    keep: int, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    embeddings, numbers, strata = world(12, subjects=200)
    monkeypatch.setattr(score_blocks, "ROWS", 32)
    monkeypatch.setattr(score_blocks, "COLUMNS", 48)
    monkeypatch.setattr(all_pairs, "BLOCKS_OF_A_PART", 7)

    def elsewhere(function: Callable, parts: Iterable) -> list:
        return [pickle.loads(pickle.dumps(function(part))) for part in reversed(list(parts))]

    here = compare_all(embeddings, numbers, "cosine", strata=strata, keep=keep)
    there = compare_all(embeddings, numbers, "cosine", strata=strata, keep=keep, elsewhere=elsewhere)
    for name in ("histogram", "tail", "tail_samples", "mated", "drawn_histogram"):
        assert (getattr(here, name) == getattr(there, name)).all()
    assert here.bound == there.bound and len(here.tail) <= keep
