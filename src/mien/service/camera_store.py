"""Cameras of a service and their events. Addresses are encrypted; no name is kept.

Events hold ids of subjects alone: who reads them looks the name up in the gallery, so nothing of somebody who was
erased is left here but an id that means nobody. Starts no camera.
"""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from mien.service.camera_file import CameraFile
from mien.service.errors import ServiceError, not_found
from mien.service.sealing import Sealing

MAX_CAMERAS, REMEMBERED = 16, 20_000
"""Maximum number of cameras, and of events that are kept of each."""
State = Literal["starting", "watching", "lost", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A camera of the service, as it was at one moment.

    Attributes:
        id: opaque.
        name: what people call it.
        gallery: the id of the gallery in which faces are looked for.
        policy: the error rate of a track.
        created: when it was added, in seconds since 1970 (UTC).
        state: whether it is watched.
        message: why not; empty where it is.
        rate: frames per second that are watched.
        delay: seconds from when a frame is read to when it is done.
        seen: when its process spoke last; None where it never did.
        keep_unknown: hours for which samples of people are kept who were not recognized; 0 keeps none.
        keep_thumbnails: hours for which a thumbnail of each track is kept with its events; 0 keeps none.
        preview: whether an image of the camera may be asked for.
    """

    id: str
    name: str
    gallery: str
    policy: str
    created: float
    state: State
    message: str
    rate: float
    delay: float
    seen: float | None
    keep_unknown: float
    keep_thumbnails: float
    preview: bool


@dataclass(frozen=True, slots=True)
class CameraEvent:
    """An event of a camera: its number, which only grows, when it was, and what it was, without a name."""

    number: int
    at: float
    body: Mapping[str, Any]


class CameraStore:
    """The cameras of a service; safe to call from several threads and processes."""

    def __init__(self, file: CameraFile) -> None:
        self._file, self._sealing = file, Sealing(file.folder, "cameras")

    def add(
        self,
        name: str,
        gallery: str,
        address: str,
        policy: str,
        *,
        keep_unknown: float = 0.0,
        keep_thumbnails: float = 0.0,
        preview: bool = False,
    ) -> Camera:
        """Write a camera down; see Camera.

        Raises:
            ServiceError: there are too many.
        """
        camera = secrets.token_hex(8)
        sealed = self._sealing.seal(address.encode(), camera)
        with self._file.transaction() as db:
            if db.execute("SELECT count(*) FROM cameras").fetchone()[0] >= MAX_CAMERAS:
                raise ServiceError(409, "too_many", f"a service has at most {MAX_CAMERAS} cameras: delete one first")
            db.execute(
                "INSERT INTO cameras "
                "(id, name, gallery, address, policy, created, keep_unknown, keep_thumbnails, preview) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (camera, name, gallery, sealed, policy, time.time(), keep_unknown, keep_thumbnails, preview),
            )
        return self.find(camera)

    def all(self) -> list[Camera]:
        """All cameras by name."""
        names = [one.name for one in fields(Camera)]
        with self._file.transaction() as db:
            rows = db.execute(f"SELECT {', '.join(names)} FROM cameras ORDER BY name, id").fetchall()  # noqa: S608 - constants
        found = [dict(zip(names, row, strict=True)) for row in rows]
        return [Camera(**{**one, "preview": bool(one["preview"])}) for one in found]

    def find(self, camera: str) -> Camera:
        """One camera.

        Raises:
            ServiceError: there is none.
        """
        found = next((one for one in self.all() if one.id == camera), None)
        if found is None:
            raise not_found("camera")
        return found

    def address(self, camera: str) -> str:
        """The address with its credentials; for the process that opens it, and nobody else.

        Raises:
            ServiceError: there is no such camera, or its address was encrypted with another key.
        """
        with self._file.transaction() as db:
            row = db.execute("SELECT address FROM cameras WHERE id = ?", (camera,)).fetchone()
        if row is None:
            raise not_found("camera")
        return self._sealing.open(row[0], camera, "camera").decode()

    def delete(self, camera: str) -> None:
        """Remove a camera and its events."""
        self.find(camera)
        with self._file.transaction() as db:
            db.execute("DELETE FROM camera_events WHERE camera = ?", (camera,))
            db.execute("DELETE FROM cameras WHERE id = ?", (camera,))

    def delete_of_gallery(self, gallery: str) -> None:
        """Remove the cameras of a gallery and their events."""
        for camera in self.all():
            if camera.gallery == gallery:
                self.delete(camera.id)

    def note(self, camera: str, state: State, message: str = "", rate: float = 0.0, delay: float = 0.0) -> None:
        """Write down how a camera is."""
        with self._file.transaction() as db:
            db.execute(
                "UPDATE cameras SET state = ?, message = ?, rate = ?, delay = ?, seen = ? WHERE id = ?",
                (state, message, rate, delay, time.time(), camera),
            )

    def add_event(self, camera: str, at: float, body: Mapping[str, Any]) -> None:
        """Write an event down, of a camera that is still there; the oldest ones are dropped."""
        with self._file.transaction() as db:
            if db.execute("SELECT 1 FROM cameras WHERE id = ?", (camera,)).fetchone() is None:
                return
            number = db.execute(
                "INSERT INTO camera_events (camera, at, body) VALUES (?, ?, ?)", (camera, at, json.dumps(body))
            ).lastrowid
            if number is not None and number % 100 == 0:
                db.execute(
                    "DELETE FROM camera_events WHERE camera = ? AND number <= (SELECT number FROM camera_events "
                    "WHERE camera = ? ORDER BY number DESC LIMIT 1 OFFSET ?)",
                    (camera, camera, REMEMBERED),
                )

    def events(self, camera: str, after: int, limit: int) -> list[CameraEvent]:
        """Events of a camera after a number, in order."""
        with self._file.transaction() as db:
            rows = db.execute(
                "SELECT number, at, body FROM camera_events WHERE camera = ? AND number > ? ORDER BY number LIMIT ?",
                (camera, after, limit),
            ).fetchall()
        return [CameraEvent(number, at, json.loads(body)) for number, at, body in rows]

    def latest(self) -> int:
        """The number of the latest event of all cameras; 0 where there is none."""
        with self._file.transaction() as db:
            number: int = db.execute("SELECT coalesce(max(number), 0) FROM camera_events").fetchone()[0]
        return number

    def events_of_gallery(self, gallery: str, after: int, limit: int) -> list[tuple[str, CameraEvent]]:
        """Events of all cameras of a gallery after a number, in order, each with its camera."""
        with self._file.transaction() as db:
            rows = db.execute(
                "SELECT camera, number, at, body FROM camera_events JOIN cameras ON cameras.id = camera "
                "WHERE gallery = ? AND number > ? ORDER BY number LIMIT ?",
                (gallery, after, limit),
            ).fetchall()
        return [(camera, CameraEvent(number, at, json.loads(body))) for camera, number, at, body in rows]
