"""Databases that can keep the vectors of a gallery. One table of them, by the scheme of their addresses."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import parse_qs, urlsplit

from mien.errors import GalleryError, MissingExtraError
from mien.gallery.records import Identity
from mien.gallery.vectors.addresses import without_secrets
from mien.gallery.vectors.base import VectorStore

IN_FILE = "file"
"""The address of vectors that are in the gallery file itself."""


@dataclass(frozen=True, slots=True)
class VectorStoreKind:
    """One kind of database.

    Attributes:
        package: what has to be installed.
        extra: of mien, which installs it.
        example: an address.
        open: makes the vectors of an address, the id of a gallery, and an identity; it does not connect.
    """

    package: str
    extra: str
    example: str
    open: Callable[[str, str, Identity], VectorStore]


def _postgres(address: str, gallery: str, identity: Identity) -> VectorStore:
    from mien.gallery.vectors.postgres import PostgresVectors

    return PostgresVectors(address, gallery, identity)


def _milvus(address: str, gallery: str, identity: Identity) -> VectorStore:
    from mien.gallery.vectors.milvus import MilvusVectors

    return MilvusVectors(address, gallery, identity)


VECTOR_STORES = {
    "postgresql": VectorStoreKind("pg8000", "postgres", "postgresql://mien@db.example.org/mien", _postgres),
    "milvus": VectorStoreKind("pymilvus", "milvus", "milvus://db.example.org:19530", _milvus),
}
"""By scheme. A new one is a class that passes tests/gallery/vectors and tests/gallery/stores, and a line here."""


def open_vectors(address: str, gallery: str, identity: Identity) -> VectorStore:
    """The vectors of a gallery in a database.

    Args:
        address: with a scheme of VECTOR_STORES and without a password.
        gallery: the id of the gallery.
        identity: of its embeddings.

    Raises:
        GalleryError: there is no such kind of database, or the address is wrong.
        MissingExtraError: its package is not installed.
    """
    scheme = address.partition("://")[0]
    if scheme not in VECTOR_STORES:
        known = ", ".join(kind.example for kind in VECTOR_STORES.values())
        raise GalleryError(
            f"vectors cannot be kept at '{without_secrets(address)}': give '{IN_FILE}' or an address such as {known}"
        )
    kind = VECTOR_STORES[scheme]
    if find_spec(kind.package) is None:
        raise MissingExtraError(
            f"{without_secrets(address)} needs the package {kind.package}: pip install 'mien[{kind.extra}]'"
        )
    return kind.open(address, gallery, identity)


def asks_for_exact(address: str) -> bool:
    """Whether an address says exact=true: every search then proves its answer, and takes longer for that."""
    return parse_qs(urlsplit(address).query).get("exact") == ["true"]
