"""Encrypts what the service has to read again and nobody else may: AES-256-GCM with a nonce of each text's own.

`seal` and `unseal` are all the encryption of the service's own files; kept answers, results of jobs, addresses with
credentials and secrets of webhooks differ in their keys alone. The key of `Sealing` is made of the master key;
without one it is in a file of its own that only the service's user may read. What was sealed with that file before
there was a master key is opened with it still, until `mien keys rotate` (mien.service.key_rotation) seals all again.
"""

import hmac
import secrets
from contextlib import suppress
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


def keys_for(folder: Path, purpose: str) -> list[bytes]:
    """The keys of a purpose: first the one that seals, then one that may have sealed before there was a master key.

    Args:
        folder: of the service.
        purpose: whose key file is `PURPOSE.key`.
    """
    master, path = find_master_key(), folder / f"{purpose}.key"
    if master is None:
        return [read_key(path)]
    return [key_for(master, purpose), *([read_key(path)] if path.exists() else [])]


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
    """Seals and opens what is of one purpose.

    Args:
        folder: of the service.
        purpose: what it is, such as cameras; what is of another purpose cannot be opened.
    """

    def __init__(self, folder: Path, purpose: str) -> None:
        self._folder, self._purpose = folder, purpose

    def seal(self, data: bytes, of: str) -> bytes:
        """Bytes that only `open` with the same `of` reads."""
        return seal(self._keys[0], data, of)

    def open(self, sealed: bytes, of: str, what: str) -> bytes:
        """What was sealed.

        Args:
            sealed: by `seal`.
            of: the id of what it belongs to.
            what: it belongs to, for the message.

        Raises:
            ServiceError: it was sealed with another key.
        """
        for key in self._keys:
            with suppress(InvalidTag):
                return unseal(key, sealed, of)
        message = (
            f"this {what} was encrypted with another key: start the service with the master key of then (`mien keys "
            f"rotate` changes it for the whole service), or delete the {what} and add it again"
        )
        raise ServiceError(503, f"{what}_not_usable", message)

    @cached_property
    def _keys(self) -> list[bytes]:
        return keys_for(self._folder, self._purpose)
