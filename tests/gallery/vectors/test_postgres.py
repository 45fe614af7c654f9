"""PostgreSQL that is gone, refuses, or holds what mien did not write: one sentence each. See also test_base.py."""

import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from mien.errors import GalleryError
from mien.gallery.profiles import new_id
from mien.gallery.records import Identity
from mien.gallery.vectors import postgres
from mien.gallery.vectors.postgres import PostgresVectors

pg8000 = pytest.importorskip("pg8000.native", reason="PostgreSQL needs mien[postgres]")

IDENTITY = Identity("contract 'of' tests", "model", "cosine", 8)


@pytest.fixture
def vectors(postgres_address: str) -> PostgresVectors:
    return PostgresVectors(postgres_address, new_id(), IDENTITY)


def run(address: str, query: str) -> list:
    folder = Path(address.partition("host=")[2])
    connection = pg8000.Connection("postgres", database="postgres", unix_sock=str(folder / ".s.PGSQL.5432"))
    try:
        return connection.run(query)
    finally:
        connection.close()


def test_a_database_that_was_gone_for_a_minute_is_used_again(vectors: PostgresVectors, postgres_address: str) -> None:
    vectors.put(["a"], np.ones((1, 8), np.float32))
    run(
        postgres_address,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
        "AND backend_type = 'client backend'",
    )
    assert vectors.count() == 1
    vectors.close()
    place, vectors._place = (
        vectors._place,
        postgres.read_address("postgresql:///x?host=/nowhere", "PGPASSWORD", postgres.OPTIONS),
    )
    with pytest.raises(GalleryError, match="cannot be reached: check that the server runs there"):
        vectors.count()
    vectors._place = place
    assert vectors.count() == 1
    vectors.close()


def test_a_read_only_database_says_so_and_still_answers(
    vectors: PostgresVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors.put(["a"], np.ones((1, 8), np.float32))
    vectors._with(lambda connection: connection.run("SET default_transaction_read_only = on"))
    with pytest.raises(GalleryError, match="can only be read now"):
        vectors.remove(["a"])
    assert vectors.count() == 1
    vectors.close()


def test_a_missing_database_names_the_remedy(postgres_address: str) -> None:
    gone = PostgresVectors(postgres_address.replace("/postgres?", "/nowhere?"), "g", IDENTITY)
    with pytest.raises(GalleryError, match=r"has this database|no such database"):
        gone.count()
    with pytest.raises(GalleryError, match="names no database"):
        PostgresVectors("postgresql://host", "g", IDENTITY)


def test_many_vectors_are_indexed_once_they_are_there_and_an_interrupted_load_is_searched_too(
    postgres_address: str,
) -> None:
    vectors = PostgresVectors(postgres_address, new_id(), Identity(new_id(), "model", "cosine", 8))
    rows = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    query = f"SELECT count(*) FROM pg_indexes WHERE indexname = '{vectors._table}_hnsw'"
    with pytest.raises(KeyboardInterrupt), vectors.loading():
        vectors.put([str(n) for n in range(20)], rows[:20])
        raise KeyboardInterrupt
    assert run(postgres_address, query) == [[0]]
    assert "7" in vectors.nearest(rows[7:8], 1, effort=200)[0].ids
    with vectors.loading():
        vectors.put([str(n) for n in range(20, 50)], rows[20:])
    assert run(postgres_address, query) == [[1]] and "47" in vectors.nearest(rows[47:48], 1, effort=200)[0].ids
    vectors.close()


@pytest.mark.parametrize("metric", ["cosine", "l2"])
@pytest.mark.parametrize("size", [1e-2, 1, 300])
def test_no_vector_is_nearer_than_the_bound_of_its_float16(postgres_address: str, metric: str, size: float) -> None:
    """What a proof rests on; both the row and the query are rounded."""
    vectors = PostgresVectors(postgres_address, new_id(), Identity(new_id(), "model", metric, 32))
    generator = np.random.default_rng(3)
    rows = (size * generator.normal(size=(300, 32))).astype(np.float32)
    query = (rows[5] + size * 1e-3 * generator.normal(size=32)).astype(np.float32)
    vectors.put([str(number) for number in range(300)], rows)
    sql = f"SELECT id, {vectors._lower_bound(query)} FROM {vectors._table}"
    found = vectors._with(lambda connection: connection.run(sql, query=postgres._text(query)))
    for name, low in found:
        a, b = rows[int(name)].astype(float), query.astype(float)
        cosine = 1 - a @ b / np.sqrt((a @ a) * (b @ b))
        true = cosine if metric == "cosine" else np.sqrt(((a - b) ** 2).sum())
        assert low <= true + postgres.ROUNDING
        assert low > true - (0.005 if metric == "cosine" else 0.01 * size * np.sqrt(32)), "else it proves nothing"
    vectors.close()


def test_two_contracts_never_share_a_table(vectors: PostgresVectors, postgres_address: str) -> None:
    other = PostgresVectors(postgres_address, vectors._gallery, Identity("the second of two", "m", "cosine", 4))
    vectors.put(["a"], np.ones((1, 8), np.float32))
    other.put(["a"], np.ones((1, 4), np.float32))
    assert vectors.get(["a"]).shape == (1, 8) and other.get(["a"]).shape == (1, 4)
    about = run(postgres_address, f"SELECT obj_description('{vectors._table}'::regclass)")
    assert about == [["mien: embeddings of contract contract 'of' tests"]]
    other.close()
    vectors.close()


def test_a_vector_that_somebody_cut_is_refused(vectors: PostgresVectors, postgres_address: str) -> None:
    vectors.put(["a"], np.ones((1, 8), np.float32))
    run(postgres_address, f"UPDATE {vectors._table} SET whole = 'abc' WHERE gallery = '{vectors._gallery}'")
    with pytest.raises(GalleryError, match="a vector of 3 bytes, which mien did not write"):
        vectors.get(["a"])
    vectors.close()


def test_a_database_on_another_machine_is_reached_by_tls_with_a_checked_certificate() -> None:
    context = postgres._encryption(postgres.read_address("postgresql://db.example.org/x", "P", postgres.OPTIONS))
    assert context and context.check_hostname
    for local in ("postgresql://localhost/x", "postgresql://db.example.org/x?sslmode=disable"):
        assert postgres._encryption(postgres.read_address(local, "P", postgres.OPTIONS)) is False
    with pytest.raises(GalleryError, match="sslmode is verify-full or disable"):
        postgres._encryption(
            postgres.read_address("postgresql://db.example.org/x?sslmode=prefer", "P", postgres.OPTIONS)
        )


def test_the_warning_of_an_archived_log_is_part_of_compacting(
    vectors: PostgresVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "when it is recycled" in vectors.compact()
    monkeypatch.setattr(vectors, "_run", lambda query: [["on"]])
    assert "delete old archives" in vectors.compact()
    vectors.close()
    assert os.environ.get("PGPASSWORD") is None


def test_a_server_that_is_gone_without_a_word_is_noticed_within_a_minute() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        text = f"postgresql://127.0.0.1:{server.getsockname()[1]}/x"
        with postgres._connected(postgres.read_address(text, "P", postgres.OPTIONS)) as connected:
            assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            idle, between, count = (
                connected.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
                for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
            )
    assert idle + between * count <= 60


def test_a_certificate_that_does_not_hold_is_not_called_a_server_that_does_not_run(
    vectors: PostgresVectors, tmp_path: Path
) -> None:
    reason = ssl.SSLCertVerificationError(1, "certificate verify failed")
    reason.verify_message = "self-signed certificate"
    assert "(self-signed certificate): name the certificate of its authority" in vectors._sentence(reason)
    refused = pg8000.InterfaceError("Server refuses SSL")
    assert "speaks no TLS: switch it on there" in vectors._sentence(refused)
    text = f"postgresql://db.example.org/x?sslrootcert={tmp_path / 'none.pem'}"
    with pytest.raises(GalleryError, match=r"none.pem"):
        postgres._encryption(postgres.read_address(text, "P", postgres.OPTIONS))


@pytest.fixture
def debian_server() -> Iterator[str]:
    """The folder of the socket of a PostgreSQL as a distribution packs it, without pgvector."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs or not hasattr(os, "geteuid"):
        pytest.skip("there is no PostgreSQL of the system: apt-get install postgresql-15")
    control = programs[-1].with_name("pg_ctl")
    # The server refuses to run as root.
    account = {"user": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    with TemporaryDirectory(prefix="mien-pg-", ignore_cleanup_errors=True) as folder:
        if account:
            shutil.chown(folder, "postgres")

        def call(*command: str) -> None:
            subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=60, **account)  # type: ignore[call-overload]

        call(str(programs[-1]), "-D", f"{folder}/data", "-A", "trust", "-U", "postgres", "--no-sync")
        options = f"-c listen_addresses='' -c fsync=off -k {folder}"
        call(str(control), "-D", f"{folder}/data", "-o", options, "-l", f"{folder}/log", "-w", "start")
        yield folder
        call(str(control), "-D", f"{folder}/data", "-m", "immediate", "-w", "stop")


def test_a_server_of_the_system_without_pgvector_is_exact_and_says_so(
    debian_server: str, caplog: pytest.LogCaptureFixture
) -> None:
    address = f"postgresql:///postgres?host={debian_server}"
    if run(address, "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"):
        pytest.skip("the PostgreSQL of the system has pgvector")
    opened = PostgresVectors(address, new_id(), IDENTITY)
    rows = np.random.default_rng(0).normal(size=(500, 8)).astype(np.float32)
    names = [f"{number:032x}" for number in range(500)]
    with opened.loading():
        opened.put(names, rows)
    assert opened.get(names).tobytes() == rows.tobytes()
    query = rows[7] + np.float32(0.1)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    nearest = {names[place] for place in np.argsort(-(unit @ query))[:5]}
    for effort in (200, None):
        (near,) = opened.nearest(query[None], 5, effort=effort)
        assert nearest <= set(near.ids)
    assert sum("every search reads all vectors, which is exact and slow" in one for one in caplog.messages) == 1
    opened.remove(names[:490])
    assert opened.count() == 10 and "VACUUM" in opened.compact()
    opened.close()
