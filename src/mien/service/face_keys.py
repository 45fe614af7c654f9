"""Keys of faces that cameras saw, in `faces.keys`: what a key has encrypted is gone when it is overwritten.

The file is one of mien.gallery.stores.key_file, encrypted with a key made of the master key, or, without one, with
the one in `faces.key`. Where no backup has the key file, an erasure reaches every backup. What each key is for is a
table of cameras.db: visits and thumbnails that end within the same hour share one, each person who is ignored has
one, and so has each subject of whom there is a thumbnail. Keeps no faces.
"""

import secrets
import sqlite3
import threading
from functools import cached_property
from pathlib import Path

from mien.errors import GalleryError, MasterKeyError
from mien.gallery.stores.key_file import ID, NONCE, KeyFile, cipher
from mien.service.errors import ServiceError
from mien.service.sealing import keys_for

FILE, PURPOSE = "faces.keys", "faces"
HOUR = 3600.0


class FaceKeys:
    """Makes and erases keys, and seals and opens values with them.

    Args:
        folder: of the service.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._opening = folder, threading.Lock()

    @cached_property
    def _file(self) -> KeyFile:
        with self._opening:
            own, *former = keys_for(self._folder, PURPOSE)
            path = self._folder / FILE
            if not path.exists():
                try:
                    return KeyFile.create(path, secrets.token_hex(ID), own)
                except GalleryError:
                    # Another worker was quicker, or it cannot be made: opening it says which.
                    pass
            found = open_keys(path, own, former)
            if found is None:
                message = (
                    "faces that cameras saw were encrypted with another key: start the service with the master key "
                    f"of then (`mien keys rotate` changes it for the whole service), or remove {FILE} while it is "
                    "stopped, and what was kept is lost"
                )
                raise ServiceError(503, "faces_not_usable", message)
            return found

    def for_hour(self, db: sqlite3.Connection, gallery: str, ends: float) -> str:
        """The id of the key of what is kept for a gallery and ends within the same hour; made where there is none.

        Args:
            db: of the cameras, in a transaction.
            gallery: by its id.
            ends: in seconds since 1970 (UTC).
        """
        return self._of(db, gallery, f"hour {ends // HOUR:.0f}")

    def for_subject(self, db: sqlite3.Connection, gallery: str, subject: str) -> str:
        """The id of the key of a subject of a gallery; made where there is none."""
        return self._of(db, gallery, f"subject {subject}")

    def for_ignored(self, db: sqlite3.Connection, gallery: str, person: str) -> str:
        """The id of the key of somebody who is ignored in a gallery; made where there is none."""
        return self._of(db, gallery, f"ignored {person}")

    def _of(self, db: sqlite3.Connection, gallery: str, purpose: str) -> str:
        asked = "SELECT key FROM face_keys WHERE gallery = ? AND purpose = ?"
        row = db.execute(asked, (gallery, purpose)).fetchone()
        if row is not None and self._find(row[0]) is not None:
            return str(row[0])
        key = self._make()
        # A former one was in a file that was removed.
        db.execute("INSERT OR REPLACE INTO face_keys VALUES (?, ?, ?)", (gallery, purpose, key))
        return key

    def _make(self) -> str:
        """The id of a new key, which is on disk when this returns."""
        key = secrets.token_hex(ID)
        self._file.make(key)
        self._file.sync()
        return key

    def subjects(self, db: sqlite3.Connection) -> list[tuple[str, str]]:
        """Gallery and subject of those who have a key."""
        rows = db.execute("SELECT gallery, substr(purpose, 9) FROM face_keys WHERE purpose LIKE 'subject %'")
        return list(rows)

    def erase_subject(self, db: sqlite3.Connection, gallery: str, subject: str) -> None:
        """Overwrite the key of a subject; it is done when this returns."""
        found = db.execute(
            "SELECT key FROM face_keys WHERE gallery = ? AND purpose = ?", (gallery, f"subject {subject}")
        ).fetchall()
        self._erase(db, [key for (key,) in found])

    def erase_unused(self, db: sqlite3.Connection) -> None:
        """Overwrite the keys with which nothing is encrypted any more, but for those of subjects: who comes again
        needs theirs again, and a key for each time would let the file grow for ever.
        """
        unused = (
            "SELECT key FROM face_keys WHERE purpose NOT LIKE 'subject %' "
            "AND key NOT IN (SELECT key FROM unknown_visits UNION SELECT key FROM thumbnails)"
        )
        self._erase(db, [key for (key,) in db.execute(unused).fetchall()])

    def _erase(self, db: sqlite3.Connection, keys: list[str]) -> None:
        for key in keys:
            self._file.erase(key)
            db.execute("DELETE FROM face_keys WHERE key = ?", (key,))

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


def open_keys(path: Path, own: bytes, former: list[bytes]) -> KeyFile | None:
    """A file of keys, encrypted with a key from then on that may be another one than before.

    Args:
        path: of a file that is there.
        own: the key with which it is to be encrypted.
        former: those with which it may be encrypted.

    Returns:
        The file; None where it is encrypted with none of them.

    Raises:
        GalleryError: it cannot be read, or is damaged.
    """
    for key in (own, *former):
        try:
            found = KeyFile(path, key)
        except MasterKeyError:
            continue
        if key != own:
            found.rotate(own)
        return found
    return None
