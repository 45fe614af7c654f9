"""Encrypts what the service has to read again and nobody else may: addresses with credentials, secrets of webhooks.

The key is made of the master key; without one it is in a file of its own that only the service's user may read.
"""

import hmac
import secrets
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mien.gallery.stores.master_key import find_master_key
from mien.service.errors import ServiceError
from mien.service.key_files import read_key

NONCE = 12


class Sealing:
    """Seals and opens texts.

    Args:
        folder: of the service.
        purpose: what they are, such as cameras; texts of another purpose cannot be opened.
    """

    def __init__(self, folder: Path, purpose: str) -> None:
        self._path, self._purpose = folder / f"{purpose}.key", purpose

    def seal(self, text: str, of: str) -> bytes:
        """A text as bytes that only `open` with the same `of` reads."""
        nonce = secrets.token_bytes(NONCE)
        return nonce + self._cipher.encrypt(nonce, text.encode(), of.encode())

    def open(self, sealed: bytes, of: str, what: str) -> str:
        """The text.

        Args:
            sealed: by `seal`.
            of: the id of what it belongs to.
            what: it belongs to, for the message.

        Raises:
            ServiceError: it was sealed with another key.
        """
        try:
            return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], of.encode()).decode()
        except Exception:  # noqa: BLE001 - of another key
            message = f"this {what} was encrypted with another key: delete the {what} and add it again"
            raise ServiceError(503, f"{what}_not_usable", message) from None

    @cached_property
    def _cipher(self) -> AESGCM:
        master = find_master_key()
        if master is not None:
            return AESGCM(hmac.digest(master, f"mien {self._purpose}".encode(), "sha256"))
        return AESGCM(read_key(self._path))
