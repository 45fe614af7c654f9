"""Personal fields encrypted with AES-256-GCM and a key of their subject; see vault.py for what is asked of it.

Loaded for encrypted galleries alone. Keeps no keys between two uses.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence, Set
from pathlib import Path
from secrets import token_bytes
from typing import TYPE_CHECKING, Literal

from mien.errors import GalleryError, MasterKeyError
from mien.gallery.stores.key_file import LOOKUP, NONCE, KeyFile, cipher, key_path
from mien.gallery.stores.master_key import KEY, KEY_FILE, find_master_key
from mien.gallery.stores.vault import EMBEDDING, Stored

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from mien.types import Floats


class SealedOpener:
    """AES-256-GCM with the keys of some subjects; see Opener."""

    def __init__(self, keys: KeyFile) -> None:
        self._keys = keys
        self._ciphers: dict[str, AESGCM | None] = {}

    def _cipher(self, subject: str) -> AESGCM | None:
        if subject not in self._ciphers:
            key = self._keys.find(subject)
            self._ciphers[subject] = None if key is None else cipher(key)
        return self._ciphers[subject]

    def _about(self, row: str, column: str) -> bytes:
        return f"mien field {self._keys.gallery} {row} {column}".encode()

    def is_erased(self, subject: str) -> bool:
        """See Opener."""
        return self._cipher(subject) is None

    def text(self, subject: str, row: str, column: str, stored: Stored) -> str | None:
        """See Opener."""
        found = self.data(subject, row, column, stored)
        return None if found is None else found.decode()

    def data(self, subject: str, row: str, column: str, stored: Stored) -> bytes | None:
        """See Opener."""
        if stored is None:
            return None
        if not isinstance(stored, bytes):
            raise TypeError(f"a {column} is not encrypted")
        found = self._cipher(subject)
        if found is None:
            raise ValueError(f"the key of a {column} was erased")
        try:
            return found.decrypt(stored[:NONCE], stored[NONCE:], self._about(row, column))
        except Exception as reason:
            raise ValueError(f"a {column} is not what was encrypted") from reason

    def vectors(self, rows: Sequence[tuple[str, str, Stored]], dimension: int) -> Floats:
        """See Opener. Each is decrypted into its place, so that no other copy of it is in memory."""
        import numpy as np

        found = np.zeros((len(rows), dimension), np.float32)
        for vector, (subject, row, stored) in zip(found, rows, strict=True):
            if not isinstance(stored, bytes):
                raise TypeError("an embedding is not encrypted")
            opened = self._cipher(subject)
            if opened is None:
                continue
            view, about = memoryview(vector.view(np.uint8).data), self._about(row, EMBEDDING)
            try:
                opened.decrypt_into(stored[:NONCE], stored[NONCE:], about, view)
            except Exception as reason:
                raise ValueError("an embedding is not what was encrypted") from reason
        return found

    def seal(self, subject: str, row: str, column: str, value: Stored) -> Stored:
        """See Opener."""
        if value is None:
            return None
        found = self._cipher(subject)
        if found is None:
            raise GalleryError(f"the subject {subject} was erased: nothing can be written for it")
        nonce, data = token_bytes(NONCE), value.encode() if isinstance(value, str) else value
        return nonce + found.encrypt(nonce, data, self._about(row, column))


class SealedVault:
    """Personal fields are encrypted; see Vault."""

    def __init__(self, keys: KeyFile) -> None:
        self.keys = keys
        self._lookup = keys.find(LOOKUP)
        if self._lookup is None:
            raise GalleryError(f"{keys.path} has no key to find names by: bring it back with `mien keys restore`")

    @classmethod
    def open(cls, gallery: Path) -> SealedVault:
        """The keys of an encrypted gallery, with the master key of the environment.

        Raises:
            GalleryError: there is no master key, or the keys cannot be read with it.
        """
        return cls(KeyFile(key_path(gallery), require_master_key(str(gallery))))

    def opener(self) -> SealedOpener:
        """See Vault."""
        return SealedOpener(self.keys)

    def lookup(self, kind: str, text: str) -> str:
        """See Vault."""
        assert self._lookup is not None
        return hmac.digest(self._lookup, f"{kind} {text}".encode(), "sha256").hex()

    def make(self, subject: str) -> None:
        """See Vault."""
        self.keys.make(subject)

    def sync(self) -> None:
        """See Vault."""
        self.keys.sync()

    def erase(self, subject: str) -> Literal["erased", "none"]:
        """See Vault."""
        self.keys.erase(subject)
        return "erased"

    def erased(self) -> Set[str]:
        """See Vault."""
        return self.keys.erased

    def close(self) -> None:
        """See Vault."""
        self.keys.close()


def require_master_key(gallery: str) -> bytes:
    """The master key of the environment.

    Raises:
        MasterKeyError: there is none.
    """
    master = find_master_key()
    if master is None:
        raise MasterKeyError(
            f"{gallery} is encrypted: set {KEY_FILE} to the file of its master key, or {KEY} to the key itself"
        )
    return master
