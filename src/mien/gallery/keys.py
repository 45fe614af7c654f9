"""The keys of encrypted galleries: made, exchanged, backed up and brought back. Opens no model."""

from pathlib import Path

from mien.errors import GalleryError
from mien.gallery.stores import open_file
from mien.gallery.stores.key_backup import KeyBackup, read_key_backup, write_key_backup
from mien.gallery.stores.key_file import LOOKUP, KeyFile, key_path
from mien.gallery.stores.master_key import read_master_key
from mien.gallery.stores.sealed_vault import require_master_key
from mien.gallery.stores.sqlite import SqliteStore
from mien.gallery.stores.sqlite_file import SqliteFile


def encrypt_gallery(gallery: str | Path) -> None:
    """Encrypt a plain gallery with keys of its subjects, and these with the master key of the environment.

    Other processes that have it open must open it again.

    Args:
        gallery: path.

    Raises:
        GalleryError: there is no master key, or the gallery is encrypted already; nothing was changed.

    Example:
        >>> import os
        >>> os.environ["MIEN_MASTER_KEY_FILE"] = "master.key"
        >>> mien.encrypt_gallery("door.gallery")
    """
    store = _open(gallery)
    try:
        store.encrypt(require_master_key(store.address))
    finally:
        store.close()


def rotate_master_key(gallery: str | Path, new_key: Path) -> None:
    """Encrypt the keys of a gallery with another master key, in one step.

    Other processes that have the gallery open must open it again with the new one.

    Args:
        gallery: path of an encrypted gallery, whose master key is the one of the environment.
        new_key: the file of the new one, which the environment has to name from then on.

    Raises:
        GalleryError: the gallery is not encrypted, or a key cannot be read; nothing was changed.

    Example:
        >>> import os
        >>> mien.write_master_key(Path("new.key"))
        >>> mien.rotate_master_key("door.gallery", Path("new.key"))
        >>> os.environ["MIEN_MASTER_KEY_FILE"] = "new.key"
    """
    keys = _keys(Path(gallery))
    try:
        keys.rotate(read_master_key(new_key))
    finally:
        keys.close()


def backup_keys(gallery: str | Path, target: str | Path, passphrase: str, days: float) -> int:
    """Write the keys of a gallery to a file of their own, encrypted with a passphrase.

    Args:
        gallery: path of an encrypted gallery.
        target: the file to write; keep it apart from backups of the gallery.
        passphrase: at least 12 characters.
        days: after which mien refuses the file.

    Returns:
        How many subjects have a key in it.

    Raises:
        GalleryError: the gallery is not encrypted, or the file cannot be written.

    Example:
        >>> mien.backup_keys("door.gallery", "door.keys", "correct horse battery", days=30)
        2
    """
    keys = _keys(Path(gallery))
    try:
        found = keys.all_keys()
        write_key_backup(Path(target), KeyBackup(keys.gallery, found), passphrase, days)
        return sum(key is not None for subject, key in found.items() if subject != LOOKUP)
    finally:
        keys.close()


def restore_keys(backup: str | Path, gallery: str | Path, passphrase: str) -> int:
    """Bring back keys that a gallery lacks, but none that was erased.

    Args:
        backup: a file that backup_keys wrote.
        gallery: path of the gallery.
        passphrase: that it was written with.

    Returns:
        How many keys were brought back.

    Raises:
        GalleryError: the backup is of another gallery or has ended, or the passphrase is wrong.

    Example:
        >>> mien.restore_keys("door.keys", "door.gallery", "correct horse battery")
        0
    """
    found = read_key_backup(Path(backup), passphrase)
    file = SqliteFile(Path(gallery), read_only=True)
    try:
        [(uid,)] = file.read("SELECT uid FROM gallery")
        erased = {one for (one,) in file.read("SELECT uid FROM erased")}
    finally:
        file.close()
    if uid != found.gallery:
        raise GalleryError(f"{backup} holds the keys of another gallery than {gallery}")
    lookup = found.keys.pop(LOOKUP, None)
    if lookup is None:
        raise GalleryError(f"{backup} has no key to find names by: take a different backup")
    place = key_path(Path(gallery))
    master = require_master_key(str(gallery))
    keys = KeyFile(place, master) if place.exists() else KeyFile.create(place, uid, master, lookup)
    try:
        return keys.put_back({subject: None if subject in erased else key for subject, key in found.keys.items()})
    finally:
        keys.close()


def _keys(gallery: Path) -> KeyFile:
    store = _open(gallery)
    is_encrypted = store.is_encrypted
    store.close()
    if not is_encrypted:
        raise GalleryError(f"{gallery} is not encrypted: `mien gallery encrypt {gallery}` does that")
    return KeyFile(key_path(gallery), require_master_key(str(gallery)))


def _open(gallery: str | Path) -> SqliteStore:
    return open_file(gallery, ", and only those are encrypted")
