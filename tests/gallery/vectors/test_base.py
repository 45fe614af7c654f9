"""Every database keeps the promises of the protocol. One suite: a new one is one more parameter of `vectors`."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mien.errors import GalleryError
from mien.gallery.indexes.base import distances_to
from mien.gallery.profiles import new_id
from mien.gallery.records import Identity
from mien.gallery.vectors import VECTOR_STORES, asks_for_exact, open_vectors
from mien.gallery.vectors.base import VectorStore
from mien.gallery.vectors.postgres import PostgresVectors
from mien.types import floats


@pytest.fixture(params=["postgres", "postgres without pgvector", "milvus"])
def address(request: pytest.FixtureRequest) -> str:
    if request.param == "milvus":
        return str(request.getfixturevalue("milvus_address"))
    return str(request.getfixturevalue("postgres_address"))


@pytest.fixture(params=["cosine", "l2"])
def vectors(request: pytest.FixtureRequest, address: str) -> Iterator[VectorStore]:
    is_plain = "without" in request.node.callspec.params["address"]
    identity = Identity(f"{request.param} plain {is_plain}", "model", request.param, 16)
    opened = open_vectors(address, new_id(), identity)
    if is_plain:
        make_plain(opened)
    yield opened
    opened.close()


def make_plain(opened: VectorStore) -> None:
    """The table that is made where PostgreSQL has no pgvector."""
    import pg8000.native

    assert isinstance(opened, PostgresVectors)
    folder = Path(opened._place.options["host"])
    connection = pg8000.native.Connection("postgres", database="postgres", unix_sock=str(folder / ".s.PGSQL.5432"))
    connection.run(
        f"CREATE TABLE IF NOT EXISTS {opened._table} (gallery text, id text, added double precision, whole bytea, "
        "PRIMARY KEY (gallery, id))"
    )
    connection.close()


def world(count: int, seed: int = 0) -> np.ndarray:
    return floats(np.random.default_rng(seed).normal(size=(count, 16)))


def names(count: int) -> list[str]:
    return [f"{number:032x}" for number in range(count)]


def test_vectors_come_back_bit_by_bit_and_nan_for_others(vectors: VectorStore) -> None:
    some, ids = world(30), names(30)
    some[3, 4], some[5, 1] = 1e-7, -0.0
    vectors.put(ids, some)
    found = vectors.get([ids[7], "f" * 32, ids[3], ids[5]])
    assert found[[0, 2, 3]].tobytes() == some[[7, 3, 5]].tobytes() and np.isnan(found[1]).all()
    assert vectors.count() == 30 and [one for block in vectors.ids() for one in block] == ids
    assert list(vectors.ids(older_than=60)) == [], "they were put just now"


def test_what_is_put_again_takes_the_place_of_the_former(vectors: VectorStore) -> None:
    vectors.put(names(4), world(4))
    vectors.put(names(4)[2:], world(2, seed=1))
    assert vectors.count() == 4
    assert np.array_equal(vectors.get(names(4)), np.concatenate([world(4)[:2], world(2, seed=1)]))


def test_what_is_removed_is_found_no_more(vectors: VectorStore) -> None:
    some, ids = world(20), names(20)
    vectors.put(ids, some)
    vectors.remove([ids[5], "f" * 32])
    assert vectors.count() == 19 and np.isnan(vectors.get([ids[5]])).all()
    for effort in (None, 200):
        [near] = vectors.nearest(some[5:6], 3, effort=effort)
        assert ids[5] not in near.ids and len(near.ids) >= 3
    assert vectors.compact().strip()


@pytest.mark.parametrize("effort", [None, 200])
def test_the_nearest_are_among_the_candidates(vectors: VectorStore, effort: int | None) -> None:
    """Of 200 vectors an approximate search finds all too."""
    metric = vectors._identity.metric
    some, ids, queries = world(200), names(200), world(5, seed=2)
    vectors.put(ids, some)
    for query, near in zip(queries, vectors.nearest(queries, 4, effort=effort), strict=True):
        expected = np.argsort(distances_to(some, query[None], metric)[0])[:4]
        assert {ids[place] for place in expected} <= set(near.ids)
        assert np.array_equal(near.vectors, some[[ids.index(one) for one in near.ids]])


def test_an_exact_search_looks_on_until_nothing_can_be_nearer(vectors: VectorStore) -> None:
    """Vectors that float16 cannot tell apart."""
    generator = np.random.default_rng(5)
    some = floats(1 + generator.normal(0, 1e-5, (60, 16)))
    vectors.put(names(60), some)
    metric = vectors._identity.metric
    [near] = vectors.nearest(some[11:12], 2, effort=None)
    distances = np.sort(distances_to(some, some[11:12], metric)[0])
    found = np.sort(distances_to(near.vectors, some[11:12], metric)[0])
    assert np.allclose(found[:2], distances[:2], atol=1e-12)


def test_galleries_that_share_a_database_see_nothing_of_each_other(vectors: VectorStore, address: str) -> None:
    other = open_vectors(address, new_id(), vectors._identity)
    vectors.put(names(3), world(3))
    other.put(names(1), world(1, seed=3))
    assert (vectors.count(), other.count()) == (3, 1)
    other.remove(names(3))
    assert vectors.count() == 3 and other.nearest(world(1), 2, effort=200)[0].ids == []
    other.close()


def test_an_empty_database_finds_nothing(vectors: VectorStore) -> None:
    for effort in (None, 200):
        assert vectors.nearest(world(2), 3, effort=effort)[1].ids == []


def test_wrong_addresses_are_refused_with_an_example() -> None:
    identity = Identity("c", "m", "cosine", 4)
    for address in ("somewhere", "mysql://host/db"):
        with pytest.raises(GalleryError, match=r"give 'file' or an address such as postgresql://"):
            open_vectors(address, "g", identity)
    assert set(VECTOR_STORES) == {"postgresql", "milvus"}
    assert asks_for_exact("postgresql://host/db?exact=true") and not asks_for_exact("postgresql://host/db?exact=no")
