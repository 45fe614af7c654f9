"""Vectors in Milvus: one collection for each embedding contract, on a server or in a file of Milvus Lite.

The collection holds the id of the gallery, the id of the sample and the vector in float32, with an HNSW index.
Whoever has written something finds it in the next search (strong consistency). Removed vectors are found no more, and
their bytes stay in the files of Milvus until it compacts them; see compact.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from mien.errors import GalleryError
from mien.gallery.vectors.addresses import Address, read_address
from mien.gallery.vectors.base import Near
from mien.gallery.vectors.scan import compare_all
from mien.progress import OnProgress, no_progress
from mien.types import Floats, floats

if TYPE_CHECKING:
    from mien.gallery.records import Identity

PASSWORD = "MILVUS_TOKEN"  # noqa: S105 - the name of a variable
PORT = 19530
OPTIONS = {"tls": ("yes", "no"), "exact": ("true", "false")}

BLOCK, READ = 1_000, 8_000
"""Vectors of one transfer there, and back: 16 MB of 512 numbers, where a message may have 64."""

UNSORTED = 2_000
"""Vectors after which a file of Milvus Lite is asked to index them: until then each search goes through them one by
one, which takes 0.05 ms for each. A server does that by itself."""

PATIENCE = 10
"""Seconds to wait for a connection."""

EXTRA, EFFORTS = 4, (200, 800, 3_200, 12_800)
"""Candidates for each one wanted, and lengths of the list that HNSW keeps."""

MAX_CANDIDATES = 16_384
"""What Milvus gives in one search (its documentation, "Milvus Limits")."""

LINKS, EF_BUILD = 16, 200
"""Links of a vector in the graph, and the length of the list while it is built (M and efConstruction)."""

UNREACHABLE = 1, 2
"""Codes of pymilvus for a server that does not answer."""

FULL = "quota", "disk", "memory", "no space", "resource insufficient"
"""Words of messages of a server that takes nothing more."""

T = TypeVar("T")


class MilvusVectors:
    """See VectorStore."""

    def __init__(self, address: str, gallery: str, identity: Identity) -> None:
        self._place = read_address(address, PASSWORD, OPTIONS)
        self._gallery, self._identity = gallery, identity
        self._name = f"mien_{sha256(identity.contract.encode()).hexdigest()[:24]}"
        self._client: Any = None
        self._lock = Lock()
        self._unsorted = 0

    @property
    def address(self) -> str:
        """See VectorStore."""
        return self._place.text

    def put(self, ids: Sequence[str], vectors: Floats) -> None:
        """See VectorStore."""
        rows, added = floats(vectors), time.time()
        for start in range(0, len(ids), BLOCK):
            some = [
                {"key": self._key(one), "gallery": self._gallery, "added": added, "vector": row}
                for one, row in zip(ids[start : start + BLOCK], rows[start : start + BLOCK], strict=True)
            ]
            self._with(partial(self._call, "upsert", data=some))
            self._unsorted += len(some)
            if not self._place.host and self._unsorted >= UNSORTED:
                self._index()

    def _index(self) -> None:
        """Let Milvus close what it collects and index it, instead of waiting until that is full."""
        self._with(lambda client: client.flush(self._name))
        self._unsorted = 0

    def _call(self, name: str, /, client: Any, **values: object) -> Any:  # noqa: ANN401
        return getattr(client, name)(self._name, **values)

    def _key(self, one: str) -> str:
        return f"{self._gallery}:{one}"

    def _id(self, key: str) -> str:
        return key.partition(":")[2]

    def remove(self, ids: Sequence[str]) -> None:
        """See VectorStore."""
        for start in range(0, len(ids), BLOCK):
            keys = [self._key(one) for one in ids[start : start + BLOCK]]
            self._with(partial(self._call, "delete", ids=keys))

    def get(self, ids: Sequence[str]) -> Floats:
        """See VectorStore."""
        vectors = np.full((len(ids), self._identity.dimension), np.nan, np.float32)
        places = {one: place for place, one in enumerate(ids)}
        for start in range(0, len(ids), READ):
            keys = [self._key(one) for one in ids[start : start + READ]]
            for row in self._with(partial(self._call, "get", ids=keys)):
                vectors[places[self._id(row["key"])]] = row["vector"]
        return vectors

    def ids(self, *, older_than: float = 0) -> Iterator[list[str]]:
        """See VectorStore."""
        wanted = f'gallery == "{self._gallery}" and added <= {time.time() - older_than!r}'
        rows = self._with(
            lambda client: client.query_iterator(self._name, READ, filter=wanted, output_fields=["key"])
        )
        try:
            while block := self._with(lambda client: rows.next()):
                yield [self._id(row["key"]) for row in block]
        finally:
            rows.close()

    def count(self) -> int:
        """See VectorStore."""
        wanted = f'gallery == "{self._gallery}"'
        rows = self._with(lambda client: client.query(self._name, filter=wanted, output_fields=["count(*)"]))
        return int(rows[0]["count(*)"])

    @property
    def efforts(self) -> tuple[int, ...]:
        """See VectorStore."""
        return EFFORTS

    @property
    def safe_effort(self) -> int | None:
        """See VectorStore: a proof reads every vector through the interface, which takes seconds to minutes."""
        return EFFORTS[-1]

    def nearest(self, queries: Floats, count: int, *, effort: int | None) -> list[Near]:
        """See VectorStore."""
        if effort is None or EXTRA * count > MAX_CANDIDATES:
            return compare_all(self, floats(queries), count, self._identity.metric)
        found = self._with(
            lambda client: client.search(
                self._name,
                data=list(floats(queries)),
                filter=f'gallery == "{self._gallery}"',
                limit=EXTRA * count,
                output_fields=["vector"],
                search_params={"params": {"ef": max(effort, EXTRA * count)}},
            )
        )
        return [
            Near([self._id(hit["key"]) for hit in hits], self._rows([hit["entity"]["vector"] for hit in hits]))
            for hits in found
        ]

    def _rows(self, vectors: Sequence[Any]) -> Floats:
        return floats(vectors).reshape(len(vectors), self._identity.dimension)

    @contextmanager
    def loading(self, on_progress: OnProgress = no_progress) -> Iterator[None]:
        """See VectorStore: what came in last is indexed too before the first search."""
        yield
        self._index()

    def compact(self) -> str:
        """See VectorStore."""
        self._with(lambda client: client.compact(self._name))
        return "Milvus was asked to compact its files, and does so in the background; its backups are not changed"

    def close(self) -> None:
        """See VectorStore."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                client.close()

    def _with(self, work: Callable[[Any], T]) -> T:
        """Do something with the client. One whose connection ended while it was idle is replaced once."""
        from pymilvus.exceptions import MilvusException

        if self._client is not None:
            try:
                return work(self._connected())
            except (MilvusException, OSError) as reason:
                self.close()
                if not _is_unreachable(reason):
                    raise GalleryError(self._sentence(reason)) from reason
        try:
            return work(self._connected())
        except (MilvusException, OSError) as reason:
            self.close()
            raise GalleryError(self._sentence(reason)) from reason

    def _connected(self) -> Any:  # noqa: ANN401
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> Any:  # noqa: ANN401
        from pymilvus import MilvusClient

        # It would write whole requests to the log of the program.
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        client = MilvusClient(uri=_uri(self._place), token=os.environ.get(PASSWORD, ""), timeout=PATIENCE)
        if not client.has_collection(self._name):
            self._make(client)
        client.load_collection(self._name)
        return client

    def _make(self, client: Any) -> None:  # noqa: ANN401
        from pymilvus import DataType

        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=100)
        schema.add_field("gallery", DataType.VARCHAR, max_length=40)
        schema.add_field("added", DataType.DOUBLE)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self._identity.dimension)
        index = client.prepare_index_params()
        index.add_index(
            "vector",
            index_type="HNSW",
            metric_type="COSINE" if self._identity.metric == "cosine" else "L2",
            params={"M": LINKS, "efConstruction": EF_BUILD},
        )
        about = f"mien: embeddings of contract {self._identity.contract}"
        client.create_collection(
            self._name, schema=schema, index_params=index, consistency_level="Strong", description=about
        )

    def _sentence(self, reason: BaseException) -> str:
        text = str(getattr(reason, "message", reason))[:200]
        if _is_unreachable(reason):
            return f"{self.address} cannot be reached: check that Milvus runs there, and {PASSWORD}"
        if any(word in text.lower() for word in FULL):
            return f"{self.address} takes no more vectors ({text}): give Milvus more room, and try again"
        return f"{self.address} reports an error: {text}"


def _is_unreachable(reason: BaseException) -> bool:
    return isinstance(reason, OSError) or getattr(reason, "code", None) in UNREACHABLE


def _uri(place: Address) -> str:
    """What pymilvus takes: http, https, or the path of a file of Milvus Lite (milvus:///folder/name.db)."""
    if not place.host:
        if not place.path.endswith(".db"):
            raise GalleryError(f"{place.text}: a file of Milvus Lite is milvus:///FOLDER/NAME.db")
        return str(Path("/") / place.path)
    scheme = "http" if place.is_local or place.options.get("tls") == "no" else "https"
    return f"{scheme}://{place.host}:{place.port or PORT}"
