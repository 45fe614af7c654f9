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

    def _with(self, held: dict[int, np.ndarray]) -> "ListIndex":
        view = ListIndex(np.empty(0, np.int64), np.empty((0, 1)), self._metric, len)
        view._held = held
        return view

    def add(self, ids: np.ndarray, vectors: np.ndarray) -> "ListIndex":
        return self._with(self._held | dict(zip(ids.tolist(), vectors, strict=True)))

    def remove(self, ids: np.ndarray) -> "ListIndex":
        return self._with({number: vector for number, vector in self._held.items() if number not in ids})

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
    more = index.add(np.arange(200, 300), vectors[200:])
    assert len(more) == 300 and more.search(vectors[250:251], 1)[0][0][0] == 250
    assert len(index) == 200 and index.search(vectors[250:251], 1)[0][0][0] != 250, "a view does not change"
    fewer = more.remove(np.array([250, 3, 999]))
    assert len(fewer) == 298 and fewer.search(vectors[250:251], 1)[0][0][0] != 250
    assert 3 not in fewer.search(vectors[3:4], 300)[0][0] and len(fewer.search(vectors[3:4], 300)[0][0]) == 298


@KINDS
@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_two_views_of_one_index_grow_apart(kind: str, metric: str, world: World, plain: Plain) -> None:
    vectors = world(7, 400)
    first = build(kind, vectors[:200], metric, vectors)
    left = first.add(np.arange(200, 210), vectors[200:210])
    right = first.add(np.arange(300, 400), vectors[300:])
    assert (len(first), len(left), len(right)) == (200, 210, 300)
    for view, rows in ((first, [*range(200)]), (left, [*range(210)]), (right, [*range(200), *range(300, 400)])):
        for query in (5, 205, 350):
            found = view.search(vectors[query : query + 1], 3)[0][0].tolist()
            assert found == [rows[place] for place in plain(vectors[rows], vectors[query], metric, 3)[0]]


@KINDS
def test_an_index_that_grew_one_at_a_time_is_one_that_was_built_at_once(kind: str, world: World) -> None:
    vectors, generator = world(8, 260), np.random.default_rng(1)
    index, held = build(kind, vectors[:30], "l2", vectors), set(range(30))
    for number in range(30, 260):
        index = index.add(np.array([number]), vectors[number : number + 1])
        held.add(number)
        if number % 3 == 0:
            gone = int(generator.choice(sorted(held)))
            index = index.remove(np.array([gone]))
            held.remove(gone)
    assert len(index) == len(held)
    whole = build("exact", vectors[:0], "l2", vectors).add(np.array(sorted(held)), vectors[sorted(held)])
    for (ids, scores), (same, equal) in zip(index.search(vectors, 7), whole.search(vectors, 7), strict=True):
        assert ids.tolist() == same.tolist() and np.allclose(scores, equal, atol=1e-4)


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
