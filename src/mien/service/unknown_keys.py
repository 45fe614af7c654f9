"""Keys of people whom cameras saw and nobody knows, in `unknown.keys`: whose key is overwritten cannot be read again.

The file is one of mien.gallery.stores.key_file, encrypted with a key made of the master key, or, without one, with
the one in `unknown.key`. Where no backup has the key file, an erasure reaches every backup.
"""

import hmac
import secrets
import threading
from functools import cached_property
from pathlib import Path

from mien.errors import GalleryError
from mien.gallery.stores.key_file import ID, NONCE, KeyFile, cipher
from mien.gallery.stores.master_key import find_master_key
from mien.service.errors import ServiceError
from mien.service.key_files import read_key

FILE, OWN_KEY = "unknown.keys", "unknown.key"


class UnknownKeys:
    """Makes and erases keys, and seals and opens values with them.

    Args:
        folder: of the service.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._opening = folder, threading.Lock()

    @cached_property
    def _file(self) -> KeyFile:
        with self._opening:
            master = find_master_key()
            own = (
                read_key(self._folder / OWN_KEY) if master is None else hmac.digest(master, b"mien unknown", "sha256")
            )
            path = self._folder / FILE
            if not path.exists():
                try:
                    return KeyFile.create(path, secrets.token_hex(ID), own)
                except GalleryError:
                    # Another worker was quicker, or it cannot be made: opening it says which.
                    pass
            try:
                return KeyFile(path, own)
            except GalleryError:
                message = (
                    "people whom nobody knows were encrypted with another key: the operator has to start the service "
                    f"with the former master key, or to remove {FILE} while it is stopped, and what was kept is lost"
                )
                raise ServiceError(503, "unknown_not_usable", message) from None

    def make(self) -> str:
        """The id of a new key, which is on disk when this returns."""
        key = secrets.token_hex(ID)
        self._file.make(key)
        self._file.sync()
        return key

    def erase(self, key: str) -> None:
        """Overwrite a key; it is done when this returns."""
        self._file.erase(key)

    def is_usable(self, key: str) -> bool:
        """Whether a key is there: not erased, and not of a file that was removed."""
        return self._find(key) is not None

    def _find(self, key: str) -> bytes | None:
        keys = self._file
        try:
            return keys.find(key)
        except GalleryError:
            return None

    def seal(self, key: str, about: str, value: bytes) -> bytes:
        """A value as bytes that only `open` with the same key and `about` reads."""
        found, nonce = self._find(key), secrets.token_bytes(NONCE)
        if found is None:
            raise ServiceError(404, "not_found", "this was erased in the meantime")
        return nonce + cipher(found).encrypt(nonce, value, about.encode())

    def open(self, key: str, about: str, sealed: bytes) -> bytes | None:
        """The value; None where its key was erased, or where it is of another file of keys."""
        found = self._find(key)
        if found is None:
            return None
        return cipher(found).decrypt(sealed[:NONCE], sealed[NONCE:], about.encode())

    def close(self) -> None:
        """Close the file."""
        if "_file" in self.__dict__:
            self._file.close()
            del self.__dict__["_file"]
