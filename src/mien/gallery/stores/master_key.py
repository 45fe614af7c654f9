"""The master key of encrypted galleries: 32 bytes from the environment or a file. Never shown, logged or stored.

MIEN_MASTER_KEY holds it in base64 or hexadecimal digits; MIEN_MASTER_KEY_FILE names a file that holds the same, or
the bytes themselves.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from collections.abc import Mapping
from pathlib import Path
from secrets import token_bytes

from mien.errors import GalleryError, MasterKeyError
from mien.faults import describe
from mien.whole_files import PRIVATE_FILE

KEY, KEY_FILE = "MIEN_MASTER_KEY", "MIEN_MASTER_KEY_FILE"
BYTES = 32


def find_master_key(environment: Mapping[str, str] = os.environ) -> bytes | None:
    """The master key of the environment; None where there is none.

    Raises:
        MasterKeyError: it is not a key, or its file cannot be read.
    """
    if text := environment.get(KEY):
        return _key_of(text.encode(), f"the variable {KEY}")
    if name := environment.get(KEY_FILE):
        return read_master_key(Path(name))
    return None


def read_master_key(path: Path) -> bytes:
    """The master key in a file.

    Raises:
        MasterKeyError: the file cannot be read, or holds no key.
    """
    try:
        return _key_of(path.read_bytes(), f"the file {path}")
    except OSError as reason:
        raise MasterKeyError(f"the master key cannot be read: {describe(reason, str(path))}") from reason


def write_master_key(path: Path) -> None:
    """Write a new key, drawn at random, to a file that only its owner may read; a file that is there stays.

    Raises:
        GalleryError: there is such a file, or it cannot be written.

    Example:
        >>> mien.write_master_key(Path("master.key"))
        >>> Path("master.key").stat().st_size
        45
    """
    text = base64.b64encode(token_bytes(BYTES)) + b"\n"
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        with os.fdopen(opened, "wb") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as reason:
        raise GalleryError(f"no master key was written: {describe(reason, str(path))}") from reason


def fingerprint(key: bytes) -> bytes:
    """16 bytes by which a master key is recognized, and from which it cannot be found."""
    return hmac.digest(key, b"mien master key", "sha256")[:16]


def _key_of(data: bytes, where: str) -> bytes:
    if len(data) == BYTES:
        return data
    text = data.strip()
    try:
        key = bytes.fromhex(text.decode("ascii")) if len(text) == 2 * BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != BYTES:
        raise MasterKeyError(
            f"{where} holds no master key: it must be {BYTES} bytes, in base64 or hexadecimal digits; `mien keys new "
            "FILE` makes one"
        )
    return key
