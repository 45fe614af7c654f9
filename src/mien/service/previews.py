"""One image of a camera that somebody asks for: asked by any worker, taken by the process of the camera, soon erased.

What is asked, and the answer, go through cameras.db, since the worker that is asked may not be the one that runs the
cameras. An image is encrypted, and erased some seconds later. A camera gives one only where that was chosen.
"""

import time
from collections.abc import Callable

from mien.service.camera_file import CameraFile
from mien.service.sealing import Sealing

KEPT = 10.0
"""Seconds after which a question with its image is erased."""
Clock = Callable[[], float]


class Previews:
    """The images of a service's cameras that were asked for just now.

    Args:
        file: of its cameras.
        clock: gives the seconds since 1970 (UTC).
    """

    def __init__(self, file: CameraFile, clock: Clock = time.time) -> None:
        self._file, self._sealing, self._clock = file, Sealing(file.folder, "cameras"), clock

    def ask(self, camera: str) -> None:
        """Ask for an image that is taken from now on."""
        with self._file.transaction() as db:
            db.execute("INSERT OR REPLACE INTO previews VALUES (?, ?, NULL)", (camera, self._clock()))

    def wanted(self) -> dict[str, float]:
        """When each camera was asked that has not answered yet; what is old is erased."""
        with self._file.transaction() as db:
            db.execute("DELETE FROM previews WHERE asked <= ?", (self._clock() - KEPT,))
            return dict(db.execute("SELECT camera, asked FROM previews WHERE image IS NULL").fetchall())

    def put(self, camera: str, jpeg: bytes) -> None:
        """Answer who asked; nothing where nobody does any more."""
        with self._file.transaction() as db:
            db.execute("UPDATE previews SET image = ? WHERE camera = ?", (self._sealing.seal(jpeg, camera), camera))

    def find(self, camera: str) -> bytes | None:
        """The image that was asked for, as JPEG bytes; None while there is none."""
        with self._file.transaction() as db:
            row = db.execute("SELECT image FROM previews WHERE camera = ?", (camera,)).fetchone()
        return None if row is None or row[0] is None else self._sealing.open(row[0], camera, "camera")
