"""Vectors in PostgreSQL: one table for each embedding contract, searched with pgvector where it is installed.

The table holds the id of the gallery, the id of the sample, the vector in float32 and, for the search, in float16
(halfvec) with an HNSW index. Without pgvector every search reads all vectors, which is exact and slow, and is said
once. Bytes of removed rows stay in the files of the database until VACUUM, and in its write-ahead log until that is
recycled; see compact.
"""

# ruff: noqa: S608 - queries are put together of the names of tables and columns alone

from __future__ import annotations

import logging
import os
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from weakref import finalize

import numpy as np

from mien.errors import GalleryError
from mien.faults import describe
from mien.gallery.indexes.base import distances_to
from mien.gallery.vectors.addresses import Address, read_address
from mien.gallery.vectors.base import Near
from mien.gallery.vectors.postgres_index import build_index, drop_index, make_index
from mien.gallery.vectors.postgres_session import code_of, lacks_shared_memory, message_of, transaction
from mien.gallery.vectors.scan import compare_all
from mien.progress import OnProgress, no_progress
from mien.types import Floats, floats

if TYPE_CHECKING:
    from mien.gallery.records import Identity

log = logging.getLogger("mien.gallery")

PASSWORD = "PGPASSWORD"  # noqa: S105 - the name of a variable
PORT = 5432
OPTIONS = {"host": (), "sslmode": ("verify-full", "disable"), "sslrootcert": (), "exact": ("true", "false")}
PATIENCE, LONGEST_ANSWER = 10, 4 * 3600
"""Seconds to wait for a connection, and for an answer: an index over 100 million vectors takes hours."""

KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 60_000}
"""How a server that is gone without a word is noticed within a minute, where the system can (tcp(7))."""

BLOCK = 5_000
"""Vectors of one transfer: 10 MB of 512 numbers."""

EXTRA, EFFORTS = 4, (200, 400, 1_000)
"""Candidates for each one wanted, and lengths of the list that HNSW keeps; pgvector allows no longer one."""

HALF = 2.0**-11
"""How far a number of float16 is from what it stands for, of its size (IEEE 754 binary16, to the nearest)."""

ROUNDING = 1e-5
"""More than the sums of the database and ours differ by."""

COPY_HEAD, COPY_END = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0), struct.pack("!h", -1)
"""Around the rows of a binary COPY (PostgreSQL's documentation of COPY, "Binary Format")."""

GONE = "08", "57P"
"""How the codes begin after which the connection is of no use: it broke, or the server stops."""

SENTENCES = {
    "25006": "can only be read now: write to the primary server, or wait until it is writable again",
    "28P01": f"refuses the password: set {PASSWORD}",
    "28000": f"refuses this user: check the user in the address, {PASSWORD}, and pg_hba.conf",
    "3D000": "has no such database: make it with `createdb`",
    "42501": "does not allow that to this user: grant it the right to create tables",
    "53100": "has a full disk: free some space there",
    "57014": "ended that before it was done: check statement_timeout of the server and of this user",
    "53300": "has no free connection: raise max_connections",
}
"""What codes of PostgreSQL mean, and the remedy."""

T = TypeVar("T")


class PostgresVectors:
    """See VectorStore."""

    def __init__(self, address: str, gallery: str, identity: Identity) -> None:
        self._place = read_address(address, PASSWORD, OPTIONS)
        if not self._place.path:
            raise GalleryError(f"{address} names no database: postgresql://HOST/NAME")
        self._gallery, self._identity = gallery, identity
        self._table = f"mien_{sha256(identity.contract.encode()).hexdigest()[:24]}"
        self._idle: list[Any] = []
        self._lock = Lock()
        finalize(self, _end_all, self._idle)
        self._has_extension: bool | None = None

    @property
    def address(self) -> str:
        """See VectorStore."""
        return self._place.text

    def put(self, ids: Sequence[str], vectors: Floats) -> None:
        """See VectorStore."""
        for start in range(0, len(ids), BLOCK):
            block = ids[start : start + BLOCK], floats(vectors[start : start + BLOCK])
            self._with(partial(self._put, ids=block[0], vectors=block[1]))

    def _put(self, connection: Any, ids: Sequence[str], vectors: Floats) -> None:  # noqa: ANN401
        """One transaction. Rows come in by a binary COPY, since numbers as text take four times the room."""
        half = "half" if self._extension(connection) else ""
        columns = ", ".join(["id", "added", "whole", *half.split()])
        rows = BytesIO(_copy_rows(ids, vectors, time.time(), with_half=bool(half)))
        with transaction(connection):
            connection.run(
                f"CREATE TEMPORARY TABLE mien_put ON COMMIT DROP AS SELECT {columns} FROM {self._table} LIMIT 0"
            )
            connection.run(f"COPY mien_put ({columns}) FROM STDIN (FORMAT binary)", stream=rows)
            changed = ", ".join(f"{column} = excluded.{column}" for column in columns.split(", ")[1:])
            connection.run(
                f"INSERT INTO {self._table} (gallery, {columns}) SELECT :gallery, {columns} FROM mien_put "
                f"ON CONFLICT (gallery, id) DO UPDATE SET {changed}",
                gallery=self._gallery,
            )

    def remove(self, ids: Sequence[str]) -> None:
        """See VectorStore."""
        query = f"DELETE FROM {self._table} WHERE gallery = :gallery AND id = ANY(CAST(:ids AS text[]))"
        for start in range(0, len(ids), BLOCK):
            some = list(ids[start : start + BLOCK])
            self._run(query, gallery=self._gallery, ids=some)

    def get(self, ids: Sequence[str]) -> Floats:
        """See VectorStore."""
        vectors = np.full((len(ids), self._identity.dimension), np.nan, np.float32)
        query = f"SELECT id, whole FROM {self._table} WHERE gallery = :gallery AND id = ANY(CAST(:ids AS text[]))"
        places = {one: place for place, one in enumerate(ids)}
        for start in range(0, len(ids), BLOCK):
            some = list(ids[start : start + BLOCK])
            rows = self._run(query, gallery=self._gallery, ids=some)
            for one, whole in rows:
                vectors[places[one]] = self._vector(whole)
        return vectors

    def _vector(self, whole: bytes) -> Floats:
        if len(whole) != 4 * self._identity.dimension:
            raise GalleryError(f"{self.address} holds a vector of {len(whole)} bytes, which mien did not write")
        return np.frombuffer(whole, "<f4")

    def ids(self, *, older_than: float = 0) -> Iterator[list[str]]:
        """See VectorStore."""
        query = (
            f"SELECT id FROM {self._table} WHERE gallery = :gallery AND id > :last AND added <= :until "
            f"ORDER BY id LIMIT {BLOCK}"
        )
        last, until = "", time.time() - older_than
        while rows := self._run(query, gallery=self._gallery, last=last, until=until):
            last = rows[-1][0]
            yield [row[0] for row in rows]

    def count(self) -> int:
        """See VectorStore."""
        query = f"SELECT count(*) FROM {self._table} WHERE gallery = :gallery"
        return int(self._run(query, gallery=self._gallery)[0][0])

    def _compares_all(self) -> bool:
        """Whether there is no pgvector, so that every search is exact."""
        return not self._with(self._extension)

    @property
    def efforts(self) -> tuple[int, ...]:
        """See VectorStore."""
        return () if self._compares_all() else EFFORTS

    @property
    def safe_effort(self) -> int | None:
        """See VectorStore."""
        return None

    def nearest(self, queries: Floats, count: int, *, effort: int | None) -> list[Near]:
        """See VectorStore."""
        if self._compares_all():
            return compare_all(self, floats(queries), count, self._identity.metric)
        return [
            self._with(partial(self._search, query=query, count=count, effort=effort)) for query in floats(queries)
        ]

    def _search(self, connection: Any, query: Floats, count: int, *, effort: int | None) -> Near:  # noqa: ANN401
        wanted = EXTRA * count
        values = {"gallery": self._gallery, "query": _text(query)}
        if effort is not None:
            operator = "<=>" if self._identity.metric == "cosine" else "<->"
            with transaction(connection):
                connection.run("SET LOCAL hnsw.iterative_scan = strict_order")
                connection.run(f"SET LOCAL hnsw.ef_search = {min(EFFORTS[-1], max(effort, wanted))}")
                rows = connection.run(
                    f"SELECT id, whole FROM {self._table} WHERE gallery = :gallery "
                    f"ORDER BY half {operator} CAST(:query AS halfvec({len(query)})) LIMIT {wanted}",
                    **values,
                )
            return self._near(rows)
        while True:
            rows = connection.run(
                f"SELECT id, whole, {self._lower_bound(query)} AS low FROM {self._table} "
                f"WHERE gallery = :gallery ORDER BY low LIMIT {wanted}",
                **values,
            )
            near = self._near([row[:2] for row in rows])
            if len(rows) < wanted or self._is_proven(query, near, count, float(rows[-1][2])):
                return near
            wanted *= 4

    def _lower_bound(self, query: Floats) -> str:
        """The nearest that the vector of a row can be to the query, by both in float16."""
        rounded = f"CAST(:query AS halfvec({len(query)}))"
        if self._identity.metric == "cosine":
            # Two vectors whose difference is a share of their length enclose an angle of about that share.
            return f"(half <=> {rounded}) - {4 * HALF}"
        share = 1.001 * HALF
        return f"(half <-> {rounded}) - {share} * (l2_norm(half) + {float(np.linalg.norm(query))!r})"

    def _is_proven(self, query: Floats, near: Near, count: int, bound: float) -> bool:
        """Whether nothing that was left out, at the bound or beyond, can belong to the answer."""
        distances = np.sort(distances_to(near.vectors, query[None], self._identity.metric)[0])[:count]
        last = 1 + distances[-1] if self._identity.metric == "cosine" else np.sqrt(distances[-1])
        return bool(last <= bound - ROUNDING)

    def _near(self, rows: Sequence[Sequence[Any]]) -> Near:
        vectors = [self._vector(whole) for _, whole in rows]
        return Near(
            [row[0] for row in rows], np.stack(vectors) if vectors else np.empty((0, self._identity.dimension), "<f4")
        )

    def compact(self) -> str:
        """See VectorStore."""
        self._run(f"VACUUM {self._table}")
        archive = self._run("SHOW archive_mode")[0][0]
        about = "the room of removed vectors is free to be used again (VACUUM)"
        if archive == "off":
            return f"{about}; the write-ahead log of the database forgets them when it is recycled"
        return f"{about}; the database archives its write-ahead log, which still has them: delete old archives"

    def close(self) -> None:
        """See VectorStore."""
        with self._lock:
            idle = self._idle.copy()
            self._idle.clear()
        _end_all(idle)

    def _run(self, query: str, **values: object) -> list[Any]:
        """The rows of one query, which is a transaction of its own."""

        def work(connection: Any) -> list[Any]:  # noqa: ANN401
            return connection.run(query, **values) or []

        return self._with(work)

    def _with(self, work: Callable[[Any], T]) -> T:
        """Do something with a connection. One that broke while it was idle is replaced once."""
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is not None:
            try:
                return self._using(connection, work)
            except _Broken:
                self.close()
        try:
            return self._using(self._connect(), work)
        except _Broken as broken:
            raise GalleryError(self._sentence(broken.reason)) from broken.reason

    def _using(self, connection: Any, work: Callable[[Any], T]) -> T:  # noqa: ANN401
        """Do something with a connection, and keep it if it is still good."""
        from pg8000.exceptions import DatabaseError, InterfaceError

        try:
            result = work(connection)
        except (InterfaceError, OSError, struct.error) as reason:
            _end(connection)
            raise _Broken(reason) from reason
        except DatabaseError as reason:
            _end(connection)
            if code_of(reason).startswith(GONE):
                raise _Broken(reason) from reason
            raise GalleryError(self._sentence(reason)) from reason
        except BaseException:
            _end(connection)
            raise
        with self._lock:
            self._idle.append(connection)
        return result

    def _connect(self) -> Any:  # noqa: ANN401
        import pg8000.native
        from pg8000.exceptions import DatabaseError, InterfaceError

        place, encryption = self._place, _encryption(self._place)
        connected = None
        try:
            connected = _connected(place)
            connection = pg8000.native.Connection(
                place.user or "postgres",
                database=place.path,
                password=os.environ.get(PASSWORD),
                host=place.host or "localhost",
                sock=connected,
                ssl_context=encryption,
            )
            self._prepare(connection)
        except (InterfaceError, DatabaseError, OSError, struct.error) as reason:
            if connected is not None:
                connected.close()
            raise GalleryError(self._sentence(reason)) from reason
        return connection

    def _prepare(self, connection: Any) -> None:  # noqa: ANN401
        """Make the table where it is missing; two processes may do that at once."""
        if connection.run("SELECT to_regclass(:name)", name=self._table)[0][0] is None:
            with transaction(connection):
                connection.run("SELECT pg_advisory_xact_lock(:key)", key=int(self._table[5:12], 16))
                self._make(connection)
        self._extension(connection)

    def _make(self, connection: Any) -> None:  # noqa: ANN401
        available = connection.run("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'")
        if available and self._identity.dimension:
            connection.run("CREATE EXTENSION IF NOT EXISTS vector")
        dimension = self._identity.dimension
        half = f", half halfvec({dimension}) NOT NULL" if available else ""
        connection.run(
            f"CREATE TABLE IF NOT EXISTS {self._table} (gallery text NOT NULL, id text NOT NULL, "
            f"added double precision NOT NULL, whole bytea NOT NULL{half}, PRIMARY KEY (gallery, id))"
        )
        # Random numbers cannot be compressed, and trying takes time.
        connection.run(f"ALTER TABLE {self._table} ALTER COLUMN whole SET STORAGE EXTERNAL")
        contract = self._identity.contract.replace("'", "''")
        connection.run(f"COMMENT ON TABLE {self._table} IS 'mien: embeddings of contract {contract}'")
        if available:
            make_index(connection, self._table, self._identity)

    @contextmanager
    def loading(self, on_progress: OnProgress = no_progress) -> Iterator[None]:
        """See VectorStore: the index of an empty table is built once the rows are there."""
        empty = self._run(f"SELECT NOT EXISTS (SELECT 1 FROM {self._table})")[0][0]
        if empty and not self._compares_all():
            self._with(partial(drop_index, table=self._table))
        yield
        if not self._compares_all():
            build_index(self._with, self._table, self._identity, on_progress, self.address)

    def _extension(self, connection: Any) -> bool:  # noqa: ANN401
        """Whether the table has what pgvector searches."""
        if self._has_extension is None:
            query = "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass(:name) AND attname = 'half'"
            self._has_extension = bool(connection.run(query, name=self._table))
            if not self._has_extension:
                log.warning(
                    "%s has no pgvector: every search reads all vectors, which is exact and slow; move the galleries "
                    "of this model into their files, install the extension `vector`, drop the table %s, and move "
                    "them again",
                    self.address,
                    self._table,
                )
        return self._has_extension

    def _sentence(self, reason: BaseException) -> str:
        code = code_of(reason)
        if isinstance(reason, ssl.SSLError):
            about = getattr(reason, "verify_message", "") or reason.reason
            return (
                f"{self.address} shows no certificate that holds here ({about}): name the certificate of its "
                "authority by ?sslrootcert=FILE"
            )
        if "refuses SSL" in str(reason):
            return f"{self.address} speaks no TLS: switch it on there, or add ?sslmode=disable in a network you trust"
        if lacks_shared_memory(reason):
            return f"{self.address} has too little shared memory: give its container more (docker run --shm-size=1g)"
        if code in SENTENCES:
            return f"{self.address} {SENTENCES[code]}"
        if code and not code.startswith(GONE):
            return f"{self.address} reports an error ({code}): {message_of(reason)}"
        return f"{self.address} cannot be reached: check that the server runs there, has this database and this user"


class _Broken(Exception):  # noqa: N818 - never leaves this module
    """A connection is of no use any more."""

    def __init__(self, reason: BaseException) -> None:
        super().__init__(reason)
        self.reason = reason


def _end_all(connections: Sequence[Any]) -> None:
    for connection in connections:
        _end(connection)


def _end(connection: Any) -> None:  # noqa: ANN401
    with suppress(Exception):
        connection.close()


def _connected(place: Address) -> socket.socket:
    """A socket of the server: of its host, or the file of its folder (host=FOLDER in the options)."""
    port, folder = place.port or PORT, place.options.get("host", "")
    if place.host or not folder:
        connected = socket.create_connection((place.host or "localhost", port), PATIENCE)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE.items():
            if hasattr(socket, name):
                connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    else:
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connected.settimeout(PATIENCE)
        try:
            connected.connect(str(Path(folder) / f".s.PGSQL.{port}"))
        except OSError:
            connected.close()
            raise
    connected.settimeout(LONGEST_ANSWER)
    return connected


def _encryption(place: Address) -> ssl.SSLContext | Literal[False]:
    """TLS with a certificate that is checked, for databases on other machines; False for none.

    Raises:
        GalleryError: the file of the authority's certificate cannot be read.
    """
    if place.options.get("sslmode", "disable" if place.is_local else "verify-full") == "disable":
        return False
    authority = place.options.get("sslrootcert")
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as reason:
        raise GalleryError(f"{place.text}: {describe(reason, str(authority))}") from reason


def _text(query: Floats) -> str:
    return "[" + ",".join(map(repr, query.tolist())) + "]"


def _copy_rows(ids: Sequence[str], vectors: Floats, added: float, *, with_half: bool) -> bytes:
    """Rows of a binary COPY: id, added, whole and, for pgvector, half."""
    dimension = vectors.shape[1]
    whole, half = vectors.astype("<f4"), vectors.astype(">f2")
    when = struct.pack("!id", 8, added)
    # pgvector 0.8, halfvec_recv: the dimension, a zero, and the numbers.
    head = struct.pack("!ihh", 4 + 2 * dimension, dimension, 0)
    parts = [COPY_HEAD]
    for one, whole_row, half_row in zip(ids, whole, half, strict=True):
        name = one.encode()
        parts += [struct.pack("!hi", 3 + with_half, len(name)), name, when]
        parts += [struct.pack("!i", 4 * dimension), whole_row.tobytes()]
        parts += [head, half_row.tobytes()] if with_half else []
    return b"".join([*parts, COPY_END])
