"""Thumbnails of a camera's events: one of each track, for hours that were chosen, until its subject is erased.

Each is encrypted with the key of the hour in which it ends, and then, where it shows a subject, with the subject's:
overwriting either of them erases it from copies too. A track's thumbnail is that of its best view so far. Shows
nobody; see mien.service.routes.thumbnails.
"""

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mien.service.camera_file import CameraFile
from mien.service.errors import not_found
from mien.service.face_keys import HOUR, FaceKeys

MAX_THUMBNAILS = 5000
"""Maximum number of thumbnails that are kept of a camera, where the oldest make room."""
DAY = 24 * HOUR
"""Seconds for which a track is known whose thumbnail was erased with its subject; no track is seen for longer."""
COLUMNS = "id, camera, gallery, expires, subject"
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    """A thumbnail without its image.

    Attributes:
        id: opaque.
        camera: the id of the camera.
        gallery: the id of the gallery in which its faces are looked for.
        expires: when it is erased, in seconds since 1970 (UTC).
        subject: the id of the subject as whom the track was named last; None where it never was.
    """

    id: str
    camera: str
    gallery: str
    expires: float
    subject: str | None


class ThumbnailStore:
    """The thumbnails of a service; safe to call from several threads and processes.

    Args:
        file: of its cameras.
        keys: of faces.
        clock: gives the seconds since 1970 (UTC).
    """

    def __init__(self, file: CameraFile, keys: FaceKeys, clock: Clock = time.time) -> None:
        self._file, self._keys, self._clock = file, keys, clock

    def keep(self, camera: str, thumbnail: str, jpeg: bytes, subject: str | None) -> None:
        """Keep the thumbnail of a track in the place of its former one; nothing where the camera keeps none.

        Nothing more is kept of a track whose subject was erased, who may still stand before the camera.

        Args:
            camera: that saw it.
            thumbnail: its id; the same for all events of a track.
            jpeg: its bytes.
            subject: as whom the track is named; None where it is not, and then it stays the former subject's.
        """
        with self._file.transaction() as db:
            asked = "SELECT gallery, keep_thumbnails FROM cameras WHERE id = ?"
            gallery, hours = db.execute(asked, (camera,)).fetchone() or ("", 0.0)
            if not hours or db.execute("SELECT 1 FROM erased_thumbnails WHERE id = ?", (thumbnail,)).fetchone():
                return
            former = db.execute("SELECT subject, visit FROM thumbnails WHERE id = ?", (thumbnail,)).fetchone()
            subject = subject or (former[0] if former else None)
            expires = self._clock() + hours * HOUR
            keys = [self._keys.for_hour(db, gallery, expires)]
            if subject is not None:
                keys.append(self._keys.for_subject(db, gallery, subject))
            for key in keys:
                jpeg = self._keys.seal(key, _about(thumbnail), jpeg)
            visit = former[1] if former else None
            db.execute(
                "INSERT OR REPLACE INTO thumbnails "
                "(id, camera, gallery, expires, subject, visit, key, subject_key, image) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (thumbnail, camera, gallery, expires, subject, visit, *(*keys, None)[:2], jpeg),
            )
            _make_room(db, camera)
            self._keys.erase_unused(db)

    def attach(self, thumbnail: str, visit: str) -> None:
        """Let a thumbnail go with the visit of an unknown person, however that ends."""
        with self._file.transaction() as db:
            db.execute("UPDATE thumbnails SET visit = ? WHERE id = ?", (visit, thumbnail))

    def there(self, camera: str) -> set[str]:
        """The ids of the thumbnails of a camera that are still kept."""
        with self._file.transaction() as db:
            asked = "SELECT id FROM thumbnails WHERE camera = ? AND expires > ?"
            return {one for (one,) in db.execute(asked, (camera, self._clock()))}

    def find(self, camera: str, thumbnail: str) -> Thumbnail:
        """One thumbnail of a camera.

        Raises:
            ServiceError: it is not kept any more, or is of another camera.
        """
        found = self._where("id = ? AND camera = ? AND expires > ?", thumbnail, camera, self._clock())
        if not found:
            raise not_found("thumbnail")
        return found[0]

    def image(self, thumbnail: Thumbnail) -> bytes:
        """JPEG bytes.

        Raises:
            ServiceError: it was erased in the meantime.
        """
        with self._file.transaction() as db:
            asked = "SELECT subject_key, key, image FROM thumbnails WHERE id = ?"
            *keys, image = db.execute(asked, (thumbnail.id,)).fetchone() or (None,)
        for key in keys:
            if key is not None and image is not None:
                image = self._keys.open(key, _about(thumbnail.id), image)
        if image is None:
            raise not_found("thumbnail")
        opened: bytes = image
        return opened

    def expired(self) -> list[Thumbnail]:
        """Those that are to be erased now, since their hours are over or their camera was deleted."""
        return self._where("expires <= ? OR camera NOT IN (SELECT id FROM cameras)", self._clock())

    def subjects(self) -> list[tuple[str, str]]:
        """Gallery and subject of whom there is, or was, a thumbnail."""
        with self._file.transaction() as db:
            return self._keys.subjects(db)

    def erase_subject(self, gallery: str, subject: str) -> None:
        """Erase the thumbnails of a subject, from copies too."""
        now = self._clock()
        with self._file.transaction() as db:
            self._keys.erase_subject(db, gallery, subject)
            db.execute("DELETE FROM erased_thumbnails WHERE until <= ?", (now,))
            db.execute(
                "INSERT OR REPLACE INTO erased_thumbnails "
                "SELECT id, ? FROM thumbnails WHERE gallery = ? AND subject = ?",
                (now + DAY, gallery, subject),
            )
            db.execute("DELETE FROM thumbnails WHERE gallery = ? AND subject = ?", (gallery, subject))
            self._keys.erase_unused(db)

    def delete(self, thumbnails: Sequence[Thumbnail]) -> None:
        """Erase thumbnails for good."""
        with self._file.transaction() as db:
            db.executemany("DELETE FROM thumbnails WHERE id = ?", [(one.id,) for one in thumbnails])
            self._keys.erase_unused(db)

    def delete_of_camera(self, camera: str) -> None:
        """Erase those of a camera."""
        self.delete(self._where("camera = ?", camera))

    def delete_of_gallery(self, gallery: str) -> None:
        """Erase those of a gallery, and the keys of its subjects."""
        self.delete(self._where("gallery = ?", gallery))
        for owner, subject in self.subjects():
            if owner == gallery:
                self.erase_subject(gallery, subject)

    def _where(self, condition: str, *values: object) -> list[Thumbnail]:
        with self._file.transaction() as db:
            rows = db.execute(f"SELECT {COLUMNS} FROM thumbnails WHERE {condition}", values).fetchall()  # noqa: S608 - constants
        return [Thumbnail(**dict(zip(COLUMNS.split(", "), row, strict=True))) for row in rows]


def _make_room(db: sqlite3.Connection, camera: str) -> None:
    """Take away the oldest thumbnails of a camera where it has too many."""
    db.execute(
        "DELETE FROM thumbnails WHERE camera = ? AND number <= (SELECT number FROM thumbnails WHERE camera = ? "
        "ORDER BY number DESC LIMIT 1 OFFSET ?)",
        (camera, camera, MAX_THUMBNAILS),
    )


def _about(thumbnail: str) -> str:
    """What an image is bound to, so that none can be put in the place of another."""
    return f"mien thumbnail {thumbnail}"
