"""Key files of the service's folder: made where one is missing, whole, and once for all workers. Encrypts nothing."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from mien.service.errors import ServiceError

KEY = 32
"""Bytes."""


def read_key(path: Path) -> bytes:
    """The key in a file that only the service's user may read; it is made where there is none.

    Raises:
        ServiceError: the file holds no key.
    """
    if not path.exists():
        _make(path)
    key = path.read_bytes()
    if len(key) != KEY:
        message = (
            f"the file {path.name} of the service holds no key: the operator has to bring it back from a backup, or "
            "to remove it, and what was made with it is lost"
        )
        raise ServiceError(503, "key_not_usable", message)
    return key


def _make(path: Path) -> None:
    """Make the file as a whole; where another worker was quicker, its key stays."""
    scratch = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(KEY))
        file.flush()
        os.fsync(file.fileno())
    try:
        with suppress(FileExistsError):
            os.link(scratch, path)
    except OSError:
        # A file system without links.
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
