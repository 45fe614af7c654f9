"""Changes the master key of a whole service: galleries, addresses, secrets, faces that cameras saw, kept results.

Everything is read first, so that nothing is changed where something cannot be read. Each file changes in one step;
what was interrupted is finished by doing it again with the same two keys. Starts no service, and needs it stopped.
"""

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cryptography.exceptions import InvalidTag

from mien.errors import GalleryError, MasterKeyError, SettingsError
from mien.gallery.stores.key_file import KeyFile, key_path
from mien.gallery.stores.master_key import find_master_key, read_master_key
from mien.service import camera_file, face_keys, galleries, state_file
from mien.service.folder_lock import folder_alone
from mien.service.key_files import read_key
from mien.service.sealing import key_for, seal, unseal

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column that is sealed with a key made of the master key.

    Attributes:
        file: in the service's folder.
        table: of the file.
        column: that is sealed.
        purpose: of the key.
        of: what each value is bound to, in SQL.
        is_plain_without: whether values are JSON in the clear where there is no master key.
    """

    file: str
    table: str
    column: str
    purpose: str
    of: str
    is_plain_without: bool = False


COLUMNS = (
    SealedColumn(camera_file.FILE, "cameras", "address", "cameras", "id"),
    SealedColumn(state_file.FILE, "webhooks", "address", "webhooks", "id"),
    SealedColumn(state_file.FILE, "webhooks", "secret", "webhooks", "id"),
    SealedColumn(state_file.FILE, "pairs", "decision", "pairs", "job || ' ' || row"),
    SealedColumn(state_file.FILE, "pairs", "names", "pairs", "job || ' ' || row"),
    SealedColumn(state_file.FILE, "jobs", "result", "jobs", "''", is_plain_without=True),
)
"""All of them. Kept answers of `state.db` are sealed with keys of their clients, and are dropped."""


@dataclass(frozen=True, slots=True)
class RotatedKeys:
    """What a rotation has changed: files of keys, and values in other files."""

    files: int
    values: int


def is_service_folder(path: Path) -> bool:
    """Whether a path is the folder of a service."""
    return (path / state_file.FILE).is_file()


def service_of(gallery: Path) -> Path | None:
    """The folder of the service that a gallery file is of; None where it is of none."""
    folder = gallery.resolve().parent
    return folder.parent if folder.name == galleries.FOLDER and is_service_folder(folder.parent) else None


def rotate_service_keys(folder: Path, new_key: Path) -> RotatedKeys:
    """Encrypt what a service has encrypted with another master key.

    Galleries in the clear stay so. Answers that are kept for an Idempotency-Key are dropped.

    Args:
        folder: of a service that does not run, whose master key is the one of the environment, where it has one.
        new_key: the file of the new one, which the environment has to name from then on.

    Raises:
        SettingsError: there is no service in the folder, or it runs.
        GalleryError: something is encrypted with neither key, or cannot be read or written.
    """
    if not is_service_folder(folder):
        raise SettingsError(f"{folder} is not the folder of a service: it has no {state_file.FILE}")
    new, former = read_master_key(new_key), find_master_key()
    with folder_alone(folder):
        paths = [key_path(path) for path in sorted((folder / galleries.FOLDER).glob(f"*{galleries.SUFFIX}"))]
        files = [_found(path, [] if former is None else [former], new) for path in paths if path.exists()]
        files += _faces(folder, former, new)
        changes = {column: _sealed_again(folder, column, former, new) for column in COLUMNS}
        for file in files:
            file.change()
        for column, values in changes.items():
            _write(folder / column.file, column, values)
        _drop_answers(folder / state_file.FILE)
        for purpose in {face_keys.PURPOSE, *(column.purpose for column in COLUMNS)}:
            # Nothing is encrypted with it any more.
            (folder / f"{purpose}.key").unlink(missing_ok=True)
    return RotatedKeys(sum(one.keys is not None for one in files), sum(map(len, changes.values())))


@dataclass(frozen=True, slots=True)
class _KeyFileChange:
    """A file of keys that has to change; `keys` is None where it has changed already."""

    keys: KeyFile | None
    new: bytes

    def change(self) -> None:
        """Encrypt its keys with the new one."""
        if self.keys is not None:
            with closing(self.keys) as keys:
                keys.rotate(self.new)


def _faces(folder: Path, former: bytes | None, new: bytes) -> list[_KeyFileChange]:
    path = folder / face_keys.FILE
    if not path.exists():
        return []
    return [_found(path, _former_keys(folder, face_keys.PURPOSE, former), key_for(new, face_keys.PURPOSE))]


def _found(path: Path, former: Sequence[bytes], new: bytes) -> _KeyFileChange:
    for key in (new, *former):
        with suppress(MasterKeyError):
            keys = KeyFile(path, key)
            if key != new:
                return _KeyFileChange(keys, new)
            keys.close()
            return _KeyFileChange(None, new)
    raise MasterKeyError(
        f"{path} is encrypted neither with the master key of the environment nor with the new one: set "
        "MIEN_MASTER_KEY or MIEN_MASTER_KEY_FILE to the key that it was made or last rotated with"
    )


def _former_keys(folder: Path, purpose: str, former: bytes | None) -> list[bytes]:
    """With which values of a purpose may be encrypted before the change."""
    path = folder / f"{purpose}.key"
    return [
        *([] if former is None else [key_for(former, purpose)]),
        *([read_key(path)] if path.exists() else []),
    ]


def _sealed_again(folder: Path, column: SealedColumn, former: bytes | None, new: bytes) -> list[tuple[bytes, int]]:
    """The values of a column that have to change, sealed with the new key, each with its row."""
    path, wanted = folder / column.file, key_for(new, column.purpose)
    keys = [wanted, *_former_keys(folder, column.purpose, former)]
    found = list[tuple[bytes, int]]()
    for row, of, sealed in _rows(path, column):
        place, data = _opened(keys, sealed, of)
        if data is None and column.is_plain_without and _is_json(sealed):
            place, data = len(keys), sealed
        if data is None:
            raise MasterKeyError(
                f"{path}: the {column.column} in row {row} of {column.table} is encrypted neither with the master "
                "key of the environment nor with the new one: set MIEN_MASTER_KEY or MIEN_MASTER_KEY_FILE to the key "
                "that the service ran with"
            )
        if place:
            found.append((seal(wanted, data, of), row))
    return found


def _opened(keys: Sequence[bytes], sealed: bytes, of: str) -> tuple[int, bytes | None]:
    """The place of the key with which a value is sealed, and the value; None where no key opens it."""
    for place, key in enumerate(keys):
        with suppress(InvalidTag):
            return place, unseal(key, sealed, of)
    return 0, None


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except ValueError:
        return False
    return True


def _rows(path: Path, column: SealedColumn) -> list[tuple[int, str, bytes]]:
    if not path.exists():
        return []

    def read(db: sqlite3.Connection) -> list[tuple[int, str, bytes]]:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (column.table,)).fetchone():
            return []
        values = f"rowid, {column.of}, {column.column}"
        return db.execute(f"SELECT {values} FROM {column.table} WHERE {column.column} IS NOT NULL").fetchall()  # noqa: S608 - constants

    return _in_file(path, read)


def _write(path: Path, column: SealedColumn, values: Sequence[tuple[bytes, int]]) -> None:
    if values:
        change = f"UPDATE {column.table} SET {column.column} = ? WHERE rowid = ?"  # noqa: S608 - constants
        _in_file(path, lambda db: db.executemany(change, values))


def _drop_answers(path: Path) -> None:
    _in_file(path, lambda db: db.execute("DELETE FROM replays"))


def _in_file(path: Path, work: Callable[[sqlite3.Connection], T]) -> T:
    """Do something with a file, as one step; what it overwrites is in the file no more.

    Raises:
        GalleryError: it cannot be read or written.
    """
    try:
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA secure_delete=ON")
            with db:
                found = work(db)
            # Nobody else has it open, so the log is emptied.
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return found
    except sqlite3.Error as reason:
        raise GalleryError(f"{path} cannot be changed: {reason}") from reason
