"""Every index gives exactly what a plain search gives. One suite: a new index is one more parameter."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.gallery.indexes import INDEXES, IndexKind, choose_index
from mien.gallery.indexes.base import Index, best, distances_to
from mien.gallery.indexes.exact import ExactIndex
from mien.gallery.indexes.quantized import QuantizedIndex

World = Callable[..., np.ndarray]
Plain = Callable[..., tuple[list[int], list[float]]]


class ListIndex:
    """An index in a dictionary, made up to show that a gallery asks its index for nothing but the protocol."""

    def __init__(self, ids: np.ndarray, vectors: np.ndarray, metric: str, fetch: Callable) -> None:
        self._metric, self._held = metric, dict(zip(ids.tolist(), vectors, strict=True))

    def __len__(self) -> int:
        return len(self._held)

    def add(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        self._held |= dict(zip(ids.tolist(), vectors, strict=True))

    def remove(self, ids: np.ndarray) -> None:
        for number in ids.tolist():
            self._held.pop(number, None)

    def search(self, queries: np.ndarray, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
        if not self._held:
            return [(np.empty(0, np.int64), np.empty(0, np.float32))] * len(queries)
        ids, vectors = np.array(list(self._held)), np.stack(list(self._held.values()))
        return [best(ids, row, count, self._metric) for row in distances_to(vectors, queries, self._metric)]


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(INDEXES, "made-up", IndexKind(ListIndex, 3))


KINDS = pytest.mark.parametrize("kind", ["exact", "quantized", "made-up"])


def build(kind: str, vectors: np.ndarray, metric: str, everything: np.ndarray | None = None) -> Index:
    source = vectors if everything is None else everything
    return INDEXES[kind].build(np.arange(len(vectors)), vectors, metric, lambda wanted: source[wanted])


@KINDS
@pytest.mark.parametrize("metric", ["cosine", "l2"])
@pytest.mark.parametrize("count", [1, 10, 50])
def test_search_is_exact(kind: str, metric: str, count: int, world: World, plain: Plain) -> None:
    vectors = world(0, 600)
    index = build(kind, vectors, metric)
    queries = np.concatenate([vectors[:10], world(9, 20)])
    for query, (ids, scores) in zip(queries, index.search(queries, count), strict=True):
        expected_ids, expected_scores = plain(vectors, query, metric, count)
        assert len(ids) == count and np.allclose(scores, expected_scores, atol=2e-4)
        gaps = np.abs(np.diff(expected_scores))
        if len(gaps) == 0 or gaps.min() > 1e-4:
            assert ids.tolist() == expected_ids


@KINDS
@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_of_equal_scores_the_smaller_id_comes_first(kind: str, metric: str, world: World) -> None:
    vectors = world(1, 300)
    vectors[[250, 7, 131]] = vectors[40]
    ids, scores = build(kind, vectors, metric).search(vectors[40:41], 4)[0]
    assert ids.tolist() == [7, 40, 131, 250] and len(set(scores.tolist())) == 1
    assert build(kind, vectors, metric).search(vectors[40:41], 2)[0][0].tolist() == [7, 40]


@KINDS
def test_fewer_come_where_there_are_fewer(kind: str, world: World) -> None:
    vectors = world(2, 5)
    ids, scores = build(kind, vectors, "l2").search(vectors[:1], 50)[0]
    assert sorted(ids.tolist()) == [0, 1, 2, 3, 4] and scores.tolist() == sorted(scores.tolist())


@KINDS
def test_adding_and_removing(kind: str, world: World) -> None:
    vectors = world(4, 300)
    index = build(kind, vectors[:200], "l2", vectors)
    index.add(np.arange(200, 300), vectors[200:])
    assert len(index) == 300 and index.search(vectors[250:251], 1)[0][0][0] == 250
    index.remove(np.array([250, 999]))
    assert len(index) == 299 and index.search(vectors[250:251], 1)[0][0][0] != 250


def test_an_empty_index_finds_nothing() -> None:
    ids, scores = ExactIndex(8, "cosine").search(np.ones((1, 8), np.float32), 5)[0]
    assert len(ids) == len(scores) == 0


def test_the_kind_follows_the_size() -> None:
    assert [choose_index(total) for total in (0, 3, 4, 20_000, 20_001, 10**7)] == [
        "made-up",
        "made-up",
        "exact",
        "exact",
        "quantized",
        "quantized",
    ]
    vectors = np.eye(4, dtype=np.float32)
    assert isinstance(build("exact", vectors, "l2"), ExactIndex)
    assert isinstance(build("quantized", vectors, "l2"), QuantizedIndex)
