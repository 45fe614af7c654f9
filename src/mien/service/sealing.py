"""Encrypts what the service has to read again and nobody else may: AES-256-GCM with a nonce of each text's own.

`seal` and `unseal` are all the encryption of the service's own files; kept answers, results of jobs, addresses with
credentials and secrets of webhooks differ in their keys alone. The key of `Sealing` is made of the master key;
without one it is in a file of its own that only the service's user may read.
"""

import hmac
import secrets
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mien.gallery.stores.master_key import find_master_key
from mien.service.errors import ServiceError
from mien.service.key_files import read_key

NONCE = 12
"""Bytes that are drawn for each encryption (NIST SP 800-38D, 8.2.2)."""


def key_for(master: bytes, purpose: str) -> bytes:
    """32 bytes made of the master key, for one purpose."""
    return hmac.digest(master, f"mien {purpose}".encode(), "sha256")


def seal(key: bytes, data: bytes, of: str = "") -> bytes:
    """Data as bytes that only `unseal` with the same key and `of` reads.

    Args:
        key: 32 bytes.
        data: any.
        of: what it belongs to, such as an id.
    """
    nonce = secrets.token_bytes(NONCE)
    return nonce + AESGCM(key).encrypt(nonce, data, of.encode())


def unseal(key: bytes, sealed: bytes, of: str = "") -> bytes:
    """What was sealed.

    Raises:
        InvalidTag: it was sealed with another key or for something else, or it was changed.
    """
    return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], of.encode())


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
        return seal(self._key, text.encode(), of)

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
            return unseal(self._key, sealed, of).decode()
        except InvalidTag:
            message = f"this {what} was encrypted with another key: delete the {what} and add it again"
            raise ServiceError(503, f"{what}_not_usable", message) from None

    @cached_property
    def _key(self) -> bytes:
        master = find_master_key()
        return read_key(self._path) if master is None else key_for(master, self._purpose)
