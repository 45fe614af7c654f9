"""The file of a gallery's subject keys: one slot each, overwritten in place when a subject is erased.

It is next to the gallery, and no backup of the gallery contains it: an erased subject cannot be read in any copy.
Each key is encrypted with the master key (AES-256-GCM, with the gallery and the subject bound in). A slot whose key
was overwritten keeps the id, so that nothing brings it back. Knows no gallery and no queries.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_bytes
from threading import RLock
from typing import TYPE_CHECKING

from mien.errors import GalleryError, MasterKeyError, MissingExtraError
from mien.faults import describe
from mien.gallery.stores.master_key import BYTES, fingerprint
from mien.whole_files import PRIVATE_FILE, whole_file

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"mienkeys\x00\x01"
SLOT = 128
"""Bytes of a slot. It divides a sector of a disk, so that a slot is written as a whole."""
NONCE, TAG = 12, 16
BINARY = getattr(os, "O_BINARY", 0)
"""Without it Windows changes line ends."""
ID = 16
WRAPPED = slice(ID, ID + NONCE + BYTES + TAG)
ERASED = bytes(NONCE + BYTES + TAG)
LOOKUP = "ff" * ID
"""The id of the key by which names are found."""


class KeyFile:
    """The keys of one gallery. Safe to call from several threads and processes; keys are not kept in memory."""

    def __init__(self, path: Path, master: bytes) -> None:
        self.path, self._master = path, master
        self._lock = RLock()
        self._places: dict[str, int] = {}
        self.erased: set[str] = set()
        """Whose key was erased when the file was read."""
        self._descriptor = -1
        self._open()

    @classmethod
    def create(cls, path: Path, gallery: str, master: bytes, lookup_key: bytes | None = None) -> KeyFile:
        """Make the file of a gallery without subjects.

        Args:
            path: where nothing is yet.
            gallery: its id.
            master: the master key.
            lookup_key: by which names are found; by default a new one.

        Raises:
            GalleryError: there is such a file, or it cannot be written.
        """
        header = MAGIC.ljust(ID, b"\0") + bytes.fromhex(gallery) + fingerprint(master)
        lookup = bytes.fromhex(LOOKUP) + _wrap(master, gallery, LOOKUP, lookup_key or token_bytes(BYTES))
        try:
            opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, PRIVATE_FILE)
            with os.fdopen(opened, "wb") as stream:
                stream.write(header.ljust(SLOT, b"\0") + lookup.ljust(SLOT, b"\0"))
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as reason:
            raise GalleryError(f"the keys of the gallery cannot be made: {describe(reason, str(path))}") from reason
        return cls(path, master)

    def close(self) -> None:
        """Give back the file."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        # A number of an open file is nothing that Python would give back by itself.
        self.close()

    def _open(self) -> None:
        self.close()
        try:
            self._read_only = not os.access(self.path, os.W_OK)
            self._descriptor = os.open(self.path, (os.O_RDONLY if self._read_only else os.O_RDWR) | BINARY)
            header = _read_at(self._descriptor, SLOT, 0)
        except OSError as reason:
            raise GalleryError(
                f"the gallery is encrypted, and its keys cannot be read: {describe(reason, str(self.path))}; put its "
                "key file there, or bring it back with `mien keys restore`"
            ) from reason
        if not header.startswith(MAGIC) or len(header) < SLOT:
            raise GalleryError(f"{self.path} holds no keys of a gallery: bring them back with `mien keys restore`")
        self.gallery = header[ID : 2 * ID].hex()
        if header[2 * ID : 3 * ID] != fingerprint(self._master):
            raise MasterKeyError(
                f"the master key is not the one of {self.path}: set MIEN_MASTER_KEY or MIEN_MASTER_KEY_FILE to the "
                "key that it was made or last rotated with"
            )
        self._places, self.erased = {}, set()
        self._end = SLOT
        self._catch_up()

    def _catch_up(self) -> None:
        """Look at the slots that were written since."""
        size = os.fstat(self._descriptor).st_size // SLOT * SLOT
        while self._end < size:
            block = _read_at(self._descriptor, min(size - self._end, SLOT * 8192), self._end)
            for start in range(0, len(block) // SLOT * SLOT, SLOT):
                subject = block[start : start + ID].hex()
                self._places[subject] = self._end + start
                if block[start : start + SLOT][WRAPPED] == ERASED:
                    self.erased.add(subject)
            self._end += len(block) // SLOT * SLOT

    def _require_current(self) -> None:
        """Open the file again where another process has put a new one in its place."""
        try:
            about = self.path.stat()
        except OSError as reason:
            raise GalleryError(f"the keys of the gallery are gone: {describe(reason, str(self.path))}") from reason
        if self._descriptor < 0 or about.st_ino != os.fstat(self._descriptor).st_ino:
            self._open()

    def _slot(self, subject: str) -> bytes | None:
        with self._lock:
            for _ in range(2):
                self._require_current()
                if subject not in self._places:
                    self._catch_up()
                place = self._places.get(subject)
                slot = None if place is None else _read_at(self._descriptor, SLOT, place)
                # Another process overwrites the former file after it has put a new one in its place.
                if slot is None or slot[:ID].hex() == subject:
                    return slot
                self._open()
            raise GalleryError(f"{self.path} is damaged: bring the keys back with `mien keys restore`")

    def find(self, subject: str) -> bytes | None:
        """The key of a subject; None where it was erased.

        Raises:
            GalleryError: there never was one, or it is damaged.
        """
        slot = self._slot(subject)
        if slot is None:
            raise GalleryError(
                f"{self.path} has no key for the subject {subject}, so it is older than the gallery: bring back "
                "newer keys with `mien keys restore`"
            )
        return self._unwrap(subject, slot)

    def _unwrap(self, subject: str, slot: bytes) -> bytes | None:
        wrapped = slot[WRAPPED]
        if wrapped == ERASED:
            return None
        try:
            return cipher(self._master).decrypt(wrapped[:NONCE], wrapped[NONCE:], _about(self.gallery, subject))
        except Exception as reason:
            raise GalleryError(
                f"{self.path} is damaged at the key of {subject}: bring the keys back with `mien keys restore`"
            ) from reason

    def make(self, subject: str) -> bytes:
        """Give a new subject a key; it is on disk after sync."""
        key = token_bytes(BYTES)
        self._append(bytes.fromhex(subject) + _wrap(self._master, self.gallery, subject, key))
        return key

    def _append(self, slot: bytes) -> None:
        with self._lock, self._locked():
            self._catch_up()
            _write_at(self._descriptor, slot.ljust(SLOT, b"\0"), self._end)
            self._catch_up()

    def sync(self) -> None:
        """Put on disk what was written."""
        with self._lock:
            os.fsync(self._descriptor)

    def erase(self, subject: str) -> None:
        """Overwrite the key of a subject, or note that a sample was erased; it is on disk when this returns."""
        slot = bytes.fromhex(subject) + ERASED
        with self._lock, self._locked():
            self._catch_up()
            place = self._places.get(subject)
            _write_at(self._descriptor, slot.ljust(SLOT, b"\0"), self._end if place is None else place)
            os.fsync(self._descriptor)
            self._catch_up()
            self.erased.add(subject)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes from writing, in the file that is there now."""
        while True:
            self._require_current()
            if self._read_only:
                raise GalleryError(f"{self.path} can only be read: change its rights, so that keys can be written")
            _flock(self._descriptor, hold=True)
            if self.path.stat().st_ino == os.fstat(self._descriptor).st_ino:
                break
        held = self._descriptor
        try:
            yield
        finally:
            with suppress(OSError):
                _flock(held, hold=False)

    def rotate(self, master: bytes) -> None:
        """Encrypt all keys with another master key, in one step, and overwrite the former file.

        Raises:
            GalleryError: a key is damaged, or the file cannot be written; nothing was changed.
        """
        with self._lock, self._locked():
            self._catch_up()
            slots = []
            for subject in sorted(self._places, key=self._places.__getitem__):
                slot = _read_at(self._descriptor, SLOT, self._places[subject])
                key = self._unwrap(subject, slot)
                wrapped = ERASED if key is None else _wrap(master, self.gallery, subject, key)
                slots.append((bytes.fromhex(subject) + wrapped).ljust(SLOT, b"\0"))
            header = MAGIC.ljust(ID, b"\0") + bytes.fromhex(self.gallery) + fingerprint(master)
            former, self._descriptor = self._descriptor, -1
            try:
                with whole_file(self.path, private=True) as scratch:
                    scratch.write_bytes(header.ljust(SLOT, b"\0") + b"".join(slots))
                _overwrite(former)
            except OSError as reason:
                raise GalleryError(f"the keys were not rotated: {describe(reason, str(self.path))}") from reason
            finally:
                os.close(former)
            self._master = master
            self._open()

    def all_keys(self) -> dict[str, bytes | None]:
        """All keys by the ids of their subjects, None for one that was erased; for a backup of the keys alone."""
        with self._lock:
            self._require_current()
            self._catch_up()
            return {subject: self.find(subject) for subject in self._places}

    def put_back(self, keys: Mapping[str, bytes | None]) -> int:
        """Add keys of a backup that it lacks, and erase those that are erased there; give how many were added."""
        added = 0
        with self._lock, self._locked():
            self._catch_up()
            for subject, key in keys.items():
                if key is not None and subject not in self._places:
                    slot = bytes.fromhex(subject) + _wrap(self._master, self.gallery, subject, key)
                    _write_at(self._descriptor, slot.ljust(SLOT, b"\0"), self._end)
                    self._catch_up()
                    added += 1
            os.fsync(self._descriptor)
        for subject, key in keys.items():
            if key is None and subject not in self.erased:
                self.erase(subject)
        return added


def key_path(gallery: Path) -> Path:
    """Where the keys of a gallery are."""
    return gallery.with_name(f"{gallery.name}.keys")


def discard_keys(path: Path, gallery: str) -> None:
    """Take away keys that were made for a plain gallery by a process that ended before it could encrypt it.

    Raises:
        GalleryError: the file holds keys of another gallery.
    """
    if not path.is_file():
        return
    with path.open("rb") as stream:
        header = stream.read(SLOT)
    if header[: len(MAGIC)] != MAGIC or header[ID : 2 * ID].hex() != gallery:
        raise GalleryError(f"{path} belongs to another gallery: move it elsewhere")
    path.unlink()


def _read_at(descriptor: int, count: int, place: int) -> bytes:
    # Windows has no os.pread. Callers hold the lock of their file.
    os.lseek(descriptor, place, os.SEEK_SET)
    return os.read(descriptor, count)


def _write_at(descriptor: int, data: bytes, place: int) -> int:
    os.lseek(descriptor, place, os.SEEK_SET)
    return os.write(descriptor, data)


def _overwrite(descriptor: int) -> None:
    left, place = os.fstat(descriptor).st_size, 0
    while place < left:
        place += _write_at(descriptor, bytes(min(left - place, 1 << 20)), place)
    os.fsync(descriptor)


def cipher(key: bytes) -> AESGCM:
    """AES-256-GCM with a key.

    Raises:
        MissingExtraError: the package for it is not installed.
    """
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise MissingExtraError("encrypted galleries need cryptography: pip install 'mien[serve]'") from None
    return AESGCM(key)


def _about(gallery: str, subject: str) -> bytes:
    return f"mien key {gallery} {subject}".encode()


def _wrap(master: bytes, gallery: str, subject: str, key: bytes) -> bytes:
    nonce = token_bytes(NONCE)
    return nonce + cipher(master).encrypt(nonce, key, _about(gallery, subject))


def _flock(descriptor: int, *, hold: bool) -> None:
    """Lock a file between processes, where the system can."""
    try:
        import fcntl
    except ImportError:
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX if hold else fcntl.LOCK_UN)
