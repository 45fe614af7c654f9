"""Where galleries are kept. One table of stores; the scheme of an address chooses one, and a plain path is SQLite."""

from pathlib import Path

from mien.errors import GalleryError
from mien.gallery.records import Identity
from mien.gallery.stores.base import Store
from mien.gallery.stores.sqlite import SqliteStore

DEFAULT_SCHEME = "sqlite"

STORES: dict[str, type[Store]] = {DEFAULT_SCHEME: SqliteStore}
"""Stores by the scheme of their addresses. A new one is a class that passes tests/gallery/stores, and a line here."""


def open_store(address: str | Path) -> Store:
    """Open an existing gallery by its path or address; see Store.open."""
    kind, place = _resolve(address)
    return kind.open(place)


def open_file(address: str | Path, otherwise: str) -> SqliteStore:
    """Open a gallery that has to be a file of its own.

    Raises:
        GalleryError: it is kept elsewhere; `otherwise` says what follows from that.
    """
    store = open_store(address)
    if isinstance(store, SqliteStore):
        return store
    store.close()
    raise GalleryError(f"{address} is not a gallery file{otherwise}")


def create_store(address: str | Path, identity: Identity) -> Store:
    """Make a gallery, or open one of the same embeddings; see Store.create."""
    kind, place = _resolve(address)
    return kind.create(place, identity)


def is_missing(address: str | Path) -> bool:
    """Whether there is nothing at a path or address, so that a gallery can be made there."""
    kind, place = _resolve(address)
    return not kind.exists(place)


def _resolve(address: str | Path) -> tuple[type[Store], str]:
    """The store of an address, and the address as that store takes it: SQLite's without a scheme."""
    scheme, separator, place = str(address).partition("://")
    if not separator:
        return STORES[DEFAULT_SCHEME], str(address)
    if scheme not in STORES:
        # Imported here, since verbs that only list subjects need no numpy.
        from mien.gallery.vectors import VECTOR_STORES
        from mien.gallery.vectors.addresses import without_secrets

        if scheme in VECTOR_STORES:
            raise GalleryError(
                f"{without_secrets(str(address))} is a database, which keeps only the vectors of a gallery: make the "
                f"gallery as a file with `mien gallery create FILE --vectors {scheme}://...`, and name that file"
            )
        known = ", ".join(f"{name}://" for name in STORES)
        raise GalleryError(f"{address}: there is no store for {scheme}://; there are {known} and plain paths")
    return STORES[scheme], place if scheme == DEFAULT_SCHEME else str(address)
