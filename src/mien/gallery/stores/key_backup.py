"""A backup of the keys of a gallery, apart from any backup of the gallery itself: encrypted with a passphrase.

Whoever has both backups and the passphrase can read whoever was enrolled then, also those who were erased since, so a
backup of keys ends: after its last day mien refuses it, and it should be destroyed. Bringing keys back never brings
back one that was erased.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes

from mien.errors import GalleryError
from mien.faults import describe
from mien.gallery.stores.key_file import NONCE, cipher
from mien.whole_files import write_whole_bytes

DAY = 86_400
N, R, P = 1 << 15, 8, 3
"""The cost of scrypt (RFC 7914), one of those that OWASP's cheat sheet on password storage advises; 32 MB."""
SHORTEST = 12
"""Characters of a passphrase."""


@dataclass(frozen=True, slots=True)
class KeyBackup:
    """What a backup of keys holds.

    Attributes:
        gallery: the id of the gallery.
        keys: by the ids of subjects; None for one that was erased.
    """

    gallery: str
    keys: dict[str, bytes | None]


def write_key_backup(path: Path, backup: KeyBackup, passphrase: str, days: float) -> None:
    """Write keys, encrypted.

    Raises:
        GalleryError: the passphrase is too short, the days are not above 0, or the file is there already.
    """
    if len(passphrase) < SHORTEST:
        raise GalleryError(f"a passphrase for keys has at least {SHORTEST} characters")
    if not 0 < days <= 36_500:
        raise GalleryError("a backup of keys ends after a number of days from 1 to 36500")
    if path.exists():
        raise GalleryError(f"{path} exists already: choose a different file for the backup")
    salt, nonce = token_bytes(16), token_bytes(NONCE)
    head = {"mien": "keys 1", "gallery": backup.gallery, "until": time.time() + days * DAY}
    data = json.dumps({subject: key and key.hex() for subject, key in backup.keys.items()}).encode()
    sealed = cipher(_stretched(passphrase, salt)).encrypt(nonce, data, _about(head))
    parts = {
        name: base64.b64encode(value).decode() for name, value in (("salt", salt), ("nonce", nonce), ("data", sealed))
    }
    try:
        write_whole_bytes(path, json.dumps({**head, **parts}).encode(), private=True)
    except OSError as reason:
        raise GalleryError(f"the keys were not written: {describe(reason, str(path))}") from reason


def read_key_backup(path: Path, passphrase: str) -> KeyBackup:
    """Read keys that were backed up.

    Raises:
        GalleryError: it is not such a backup, the passphrase is wrong, or its last day is over.
    """
    try:
        value = json.loads(path.read_bytes())
        head = {name: value[name] for name in ("mien", "gallery", "until")}
        salt, nonce, sealed = (base64.b64decode(value[name]) for name in ("salt", "nonce", "data"))
        gallery, until = str(head["gallery"]), float(head["until"])
    except OSError as reason:
        raise GalleryError(describe(reason, str(path))) from reason
    except (ValueError, KeyError, TypeError) as reason:
        raise GalleryError(f"{path} is not a backup of keys, which `mien keys backup` writes") from reason
    try:
        data = cipher(_stretched(passphrase, salt)).decrypt(nonce, sealed, _about(head))
    except Exception as reason:
        raise GalleryError(f"{path} cannot be opened: the passphrase is wrong, or the file was changed") from reason
    if until < time.time():
        raise GalleryError(f"{path} has ended: destroy it, and make backups of the keys more often than they end")
    keys = json.loads(data)
    return KeyBackup(gallery, {subject: key and bytes.fromhex(key) for subject, key in keys.items()})


def _stretched(passphrase: str, salt: bytes) -> bytes:
    return hashlib.scrypt(passphrase.encode(), salt=salt, n=N, r=R, p=P, maxmem=64 << 20, dklen=32)


def _about(head: dict[str, object]) -> bytes:
    return json.dumps(head, sort_keys=True).encode()
