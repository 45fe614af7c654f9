"""Milvus that does not answer, or is full: one sentence each. The rest is in test_base.py."""

import numpy as np
import pytest

from mien.errors import GalleryError
from mien.gallery.profiles import new_id
from mien.gallery.records import Identity
from mien.gallery.vectors import milvus
from mien.gallery.vectors.milvus import MilvusVectors

pymilvus = pytest.importorskip("pymilvus", reason="Milvus needs mien[milvus]")

IDENTITY = Identity("contract of tests", "model", "cosine", 8)


def test_a_server_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milvus, "PATIENCE", 0.2)
    with pytest.raises(GalleryError, match=r"milvus://127.0.0.1:1 cannot be reached: check that Milvus runs there"):
        MilvusVectors("milvus://127.0.0.1:1", new_id(), IDENTITY).count()


def test_a_connection_that_ended_while_it_was_idle_is_replaced(
    milvus_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server ends connections that only ask whether it is there (too_many_pings)."""
    vectors = MilvusVectors(milvus_address, new_id(), IDENTITY)
    vectors.put(["a"], np.ones((1, 8), np.float32))
    ended = []

    def gone(*_: object, **__: object) -> None:
        ended.append(1)
        raise pymilvus.MilvusException(2, "Fail connecting to server")

    monkeypatch.setattr(vectors._connected(), "query", gone)
    assert vectors.count() == 1 and ended == [1]
    vectors.close()


def test_many_vectors_are_indexed_before_the_first_search(
    milvus_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Milvus Lite compares what it has not indexed one by one: 20,000 vectors took a second for each search."""
    monkeypatch.setattr(milvus, "UNSORTED", 30)
    vectors = MilvusVectors(milvus_address, new_id(), IDENTITY)
    rows = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    flushed, flush = [], type(vectors._connected()).flush

    def noted(client: object, name: str, **others: object) -> object:
        flushed.append(vectors.count())
        return flush(client, name, **others)

    monkeypatch.setattr(type(vectors._connected()), "flush", noted)
    for start in range(0, 50, 10):
        vectors.put([str(number) for number in range(start, start + 10)], rows[start : start + 10])
    assert flushed == [30], "a file does that while vectors come in"
    with vectors.loading():
        vectors.put(["last"], rows[:1])
    assert flushed == [30, 51] and "7" in vectors.nearest(rows[7:8], 1, effort=200)[0].ids
    vectors.close()


def test_a_full_milvus_says_so_and_keeps_what_it_has(milvus_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = MilvusVectors(milvus_address, new_id(), IDENTITY)
    vectors.put(["a"], np.ones((1, 8), np.float32))

    def refuse(*_: object, **__: object) -> None:
        raise pymilvus.MilvusException(9, "quota exceeded[reason=disk quota exceeded]")

    with monkeypatch.context() as patch:
        patch.setattr(type(vectors._connected()), "upsert", refuse)
        with pytest.raises(GalleryError, match=r"takes no more vectors .*disk quota.* give Milvus more room"):
            vectors.put(["b"], np.ones((1, 8), np.float32))
    assert vectors.count() == 1
    vectors.close()


def test_more_candidates_than_milvus_gives_are_found_by_reading_all(
    milvus_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(milvus, "MAX_CANDIDATES", 7)
    vectors = MilvusVectors(milvus_address, new_id(), IDENTITY)
    rows = np.random.default_rng(0).normal(size=(9, 8)).astype(np.float32)
    vectors.put([str(number) for number in range(9)], rows)
    client = vectors._connected()
    with monkeypatch.context() as patch:
        patch.setattr(type(client), "search", lambda *_, **__: pytest.fail("Milvus refuses that"))
        [near] = vectors.nearest(rows[:1], 2, effort=200)
    assert "0" in near.ids and len(near.ids) >= 2
    vectors.close()


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ("milvus://db.example.org", "https://db.example.org:19530"),
        ("milvus://db.example.org:443?tls=no", "http://db.example.org:443"),
        ("milvus://localhost", "http://localhost:19530"),
        ("milvus:///srv/people.db", "/srv/people.db"),
    ],
)
def test_addresses_say_how_milvus_is_reached(address: str, uri: str) -> None:
    assert milvus._uri(milvus.read_address(address, "MILVUS_TOKEN", milvus.OPTIONS)) == uri


def test_a_file_of_milvus_lite_ends_in_db() -> None:
    with pytest.raises(GalleryError, match=r"milvus:///FOLDER/NAME\.db"):
        milvus._uri(milvus.read_address("milvus:///srv/people", "MILVUS_TOKEN", milvus.OPTIONS))
