"""The HNSW index of a table in PostgreSQL: built over rows that are there, in memory where it fits, and watched.

pgvector builds the graph within maintenance_work_mem and continues on the disk once that is full, which takes many
times as long (pgvector's README, "Index Build Time"). Knows tables and connections, and no galleries.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from mien.errors import GalleryError
from mien.gallery.vectors.postgres_session import lacks_shared_memory, transaction
from mien.progress import OnProgress, Progress

if TYPE_CHECKING:
    from mien.gallery.records import Identity

log = logging.getLogger("mien.gallery")

GRAPH, RESERVE = 800, 8 * 1024
"""Bytes of a row in the graph besides its numbers in float16, and KiB that pgvector 0.8.5 leaves free of what it is
given: measured as 717 and 4,100 (it says after how many rows the memory is full)."""

MAX_MEMORY = 4 * 2**20
"""KiB of the server's memory that an index is given without its administrator: two million rows of 512 numbers."""

PACE = 1.0
"""Seconds between two looks at how far it is."""

Using = Callable[[Callable[[Any], Any]], Any]
"""Does something with a connection of its own, and may be called from several threads."""


def make_index(connection: Any, table: str, identity: Identity) -> None:  # noqa: ANN401
    """Make it unless it is there, in the transaction of the connection."""
    operators = "halfvec_cosine_ops" if identity.metric == "cosine" else "halfvec_l2_ops"
    connection.run(f"CREATE INDEX IF NOT EXISTS {table}_hnsw ON {table} USING hnsw (half {operators})")


def drop_index(connection: Any, table: str) -> None:  # noqa: ANN401
    """Drop it: rows come in faster without, and an index over rows that are there is built in a fraction of the time.

    Until it is built again each search reads all rows.
    """
    connection.run(f"DROP INDEX IF EXISTS {table}_hnsw")


def build_index(using: Using, table: str, identity: Identity, on_progress: OnProgress, address: str) -> None:
    """Build it unless it is there, and let the planner know the rows.

    Args:
        using: gives connections.
        table: its name.
        identity: of the embeddings.
        on_progress: called every second; where it raises, the server stops building.
        address: of the database, for messages.

    Raises:
        GalleryError: the server refuses, or cannot be reached.
    """
    rows = using(partial(_rows_to_index, table=table))
    if rows is None:
        return
    memory = using(partial(_memory, wanted=memory_for(rows, identity.dimension), address=address))
    backends: list[int] = []
    done = 0
    work = partial(_build, table=table, identity=identity, memory=memory, backends=backends, address=address)
    with ThreadPoolExecutor(1) as pool:
        built = pool.submit(using, work)
        try:
            while not wait([built], PACE).done:
                # A server that has no second connection left builds all the same.
                with suppress(GalleryError):
                    done = using(partial(_rows_done, backends=backends))
                on_progress(Progress(stage="indexing", done=min(done, rows), total=rows))
        except BaseException:
            with suppress(GalleryError):
                using(partial(_cancel, backends=backends))
            raise
        built.result()
    using(lambda connection: connection.run(f"ANALYZE {table}"))


def memory_for(rows: int, dimension: int) -> int:
    """KiB in which the graph of that many rows is built without the disk."""
    return rows * (2 * dimension + GRAPH) // 1024 + RESERVE


def _rows_to_index(connection: Any, table: str) -> int | None:  # noqa: ANN401
    """How many rows it is to be built over; None where it is there."""
    if connection.run("SELECT to_regclass(:name)", name=f"{table}_hnsw")[0][0] is not None:
        return None
    return int(connection.run(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608 - a name of ours


def _memory(connection: Any, wanted: int, address: str) -> int:  # noqa: ANN401
    """KiB: what the graph needs, as far as MAX_MEMORY or the setting of the server allow."""
    setting = connection.run("SELECT setting FROM pg_settings WHERE name = 'maintenance_work_mem'")[0][0]
    given = max(int(setting), min(wanted, MAX_MEMORY))
    if wanted > given:
        log.warning(
            "%s: the index would take %.0f GB of the server's memory and gets %.0f GB, which takes many times "
            "as long; ALTER ROLE ... SET maintenance_work_mem = '%.0fGB' for the user of its address gives more",
            address,
            wanted / 2**20,
            given / 2**20,
            1 + wanted // 2**20,
        )
    return given


def _build(
    connection: Any,  # noqa: ANN401
    table: str,
    identity: Identity,
    memory: int,
    backends: list[int],
    address: str,
) -> None:
    from pg8000.exceptions import DatabaseError

    backends.append(connection.run("SELECT pg_backend_pid()")[0][0])
    try:
        _build_within(connection, table, identity, memory)
    except DatabaseError as reason:
        if not lacks_shared_memory(reason):
            raise
        connection.run("ROLLBACK")
        log.warning(
            "%s has too little shared memory to build the index with several processes, and builds it with one; a "
            "container gets more by `docker run --shm-size`",
            address,
        )
        _build_within(connection, table, identity, memory, alone=True)


def _build_within(connection: Any, table: str, identity: Identity, memory: int, *, alone: bool = False) -> None:  # noqa: ANN401
    with transaction(connection):
        connection.run(f"SET LOCAL maintenance_work_mem = '{memory}kB'")
        connection.run("SET LOCAL statement_timeout = 0")
        if alone:
            connection.run("SET LOCAL max_parallel_maintenance_workers = 0")
        _end_with_its_client(connection)
        make_index(connection, table, identity)


def _end_with_its_client(connection: Any) -> None:  # noqa: ANN401
    """Let the server notice a client that was killed; PostgreSQL knows this from 14 on, and not on each system."""
    connection.run(
        "DO $$ BEGIN PERFORM set_config('client_connection_check_interval', '5s', true); "
        "EXCEPTION WHEN OTHERS THEN NULL; END $$"
    )


def _rows_done(connection: Any, backends: list[int]) -> int:  # noqa: ANN401
    query = "SELECT tuples_done FROM pg_stat_progress_create_index WHERE pid = :pid"
    found = connection.run(query, pid=backends[-1]) if backends else []
    return int(found[0][0]) if found else 0


def _cancel(connection: Any, backends: list[int]) -> None:  # noqa: ANN401
    for one in backends:
        connection.run("SELECT pg_cancel_backend(:pid)", pid=one)
