"""The index of a table with many rows: memory by the rows, little shared memory, progress, and being stopped."""

import logging
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from mien.errors import GalleryError
from mien.gallery.profiles import new_id
from mien.gallery.records import Identity
from mien.gallery.vectors import postgres_index
from mien.gallery.vectors.postgres import PostgresVectors
from mien.gallery.vectors.postgres_index import memory_for
from mien.progress import Progress

pytest.importorskip("pg8000.native", reason="PostgreSQL needs mien[postgres]")

DIMENSION = 64


@pytest.fixture
def vectors(postgres_address: str) -> Iterator[PostgresVectors]:
    opened = PostgresVectors(postgres_address, new_id(), Identity(new_id(), "model", "cosine", DIMENSION))
    yield opened
    opened.close()


def rows(count: int) -> tuple[list[str], np.ndarray]:
    vectors = np.random.default_rng(0).normal(size=(count, DIMENSION)).astype(np.float32)
    return [f"{number:032x}" for number in range(count)], vectors


def has_index(vectors: PostgresVectors) -> bool:
    return vectors._run(f"SELECT to_regclass('{vectors._table}_hnsw')")[0][0] is not None


def always_several_processes(vectors: PostgresVectors) -> None:
    """The server takes helpers only for tables of 8 MB and more."""
    vectors._run("SET min_parallel_table_scan_size = 0")
    vectors._run(f"ALTER TABLE {vectors._table} SET (parallel_workers = 1)")


def test_a_million_rows_are_indexed_in_memory_and_not_on_the_disk(
    vectors: PostgresVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 1_000_000 * (1024 + 717) / 1024 < memory_for(1_000_000, 512) < postgres_index.MAX_MEMORY
    # The server says when a graph leaves the memory that it was given.
    ids, some = rows(3_000)
    notices: list[str] = []
    build = postgres_index._build

    def noted(connection, **others) -> None:
        build(connection, **others)
        notices.extend(str(one) for one in connection.notices)

    monkeypatch.setattr(postgres_index, "_build", noted)
    with vectors.loading():
        vectors.put(ids, some)
    assert has_index(vectors) and "no longer fits" not in " ".join(notices)
    vectors._run(f"DROP INDEX {vectors._table}_hnsw")
    monkeypatch.setattr(postgres_index, "_memory", lambda connection, **others: 1024)
    with vectors.loading():
        pass
    assert has_index(vectors) and "no longer fits" in " ".join(notices), "1 MiB is too little, and is seen here"


def test_more_rows_than_the_memory_holds_are_said_with_the_remedy(
    vectors: PostgresVectors, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def given(rows: int) -> int:
        wanted = memory_for(rows, 512)
        return vectors._with(lambda one: postgres_index._memory(one, wanted, vectors.address))

    assert given(1_000_000) == memory_for(1_000_000, 512) and not caplog.messages
    assert given(10) >= 64 * 1024, "never less than the server gives by itself"
    assert given(20_000_000) == postgres_index.MAX_MEMORY
    assert "takes many times as long" in caplog.text and "maintenance_work_mem = '34GB'" in caplog.text
    caplog.clear()
    vectors.close()
    vectors._run("SET maintenance_work_mem = '50GB'")
    assert given(20_000_000) == 50 * 2**20 and not caplog.messages, "its administrator gave it more"


@pytest.mark.skipif(sys.platform != "linux", reason="shared memory has a limit there")
def test_a_container_with_64_mb_of_shared_memory_still_gets_its_index(
    vectors: PostgresVectors, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    always_several_processes(vectors)
    # More than /dev/shm has, which is asked of it as a whole before the first row, is what 64 MB are for 1 GB.
    monkeypatch.setattr(postgres_index, "_memory", lambda connection, **others: 2**31 - 1)
    with caplog.at_level(logging.WARNING), vectors.loading():
        vectors.put(*rows(500))
    assert has_index(vectors) and "--shm-size" in caplog.text
    assert rows(500)[0][7] in vectors.nearest(rows(500)[1][7:8], 1, effort=200)[0].ids


def test_too_little_shared_memory_is_not_called_a_full_disk(vectors: PostgresVectors) -> None:
    reason = Exception({"C": "53100", "R": "dsm_impl_posix_resize", "M": "could not resize shared memory segment"})
    assert "too little shared memory: give its container more" in vectors._sentence(reason)
    assert "full disk" in vectors._sentence(Exception({"C": "53100", "R": "mdextend", "M": "could not extend file"}))


def test_an_index_that_takes_long_shows_progress_and_can_be_stopped(
    vectors: PostgresVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_index, "PACE", 0.01)
    ids, some = rows(4_000)
    seen: list[Progress] = []

    def stop(point: Progress) -> None:
        seen.append(point)
        if 0 < point.done < 4_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), vectors.loading(stop):
        vectors.put(ids, some)
    assert not has_index(vectors) and {(one.stage, one.total) for one in seen} == {("indexing", 4_000)}
    busy = "SELECT count(*) FROM pg_stat_progress_create_index"
    assert vectors._run(busy) == [[0]], "the server does not build on for nobody"
    assert ids[5] in vectors.nearest(some[5:6], 1, effort=200)[0].ids
    with vectors.loading(seen.append):
        pass
    assert has_index(vectors) and max(one.done for one in seen) > 0


def test_a_time_limit_for_statements_does_not_stop_an_index(
    vectors: PostgresVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors.put(*rows(4_000))
    vectors._run(f"DROP INDEX {vectors._table}_hnsw")
    build = postgres_index._build

    def limited(connection, **others) -> None:
        connection.run("SET statement_timeout = '100ms'")
        build(connection, **others)
        connection.run("SET statement_timeout = 0")

    monkeypatch.setattr(postgres_index, "_build", limited)
    with vectors.loading():
        pass
    assert has_index(vectors)


def test_a_query_that_the_server_ended_is_not_called_a_server_that_does_not_run(vectors: PostgresVectors) -> None:
    vectors.count()
    vectors._run("SET statement_timeout = '1ms'")
    with pytest.raises(GalleryError, match="check statement_timeout"):
        vectors._run("SELECT pg_sleep(5)")
