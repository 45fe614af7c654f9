"""People whom cameras saw and nobody knows: visits with their samples, for hours, and of the ignored until erased.

A visit is a track that left without a name. Embeddings and portraits are encrypted; visits that end in the same hour
share a key, which is overwritten when none of them is left. Groups and names nobody.
"""

import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mien.service.camera_file import CameraFile
from mien.service.errors import ServiceError, not_found
from mien.service.face_keys import HOUR, FaceKeys
from mien.types import Floats
from mien.watch.unknown import KeptFace

MAX_VISITS, MAX_IGNORED = 1000, 100
"""Maximum number of visits that are kept of a gallery, where the oldest make room, and of people who are ignored."""
COLUMNS = "id, gallery, camera, at, expires, ignored, contract, key"
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Somebody who was before a camera and is not known.

    Attributes:
        id: opaque.
        gallery: the id of the gallery in which they were not found.
        camera: the id of the camera.
        at: when they left, in seconds since 1970 (UTC).
        expires: when it is erased; None where it is of somebody who is ignored.
        ignored: the id of the ignored person; None where they are not ignored.
        contract: of the embeddings.
        key: the id of the key of its values.
    """

    id: str
    gallery: str
    camera: str
    at: float
    expires: float | None
    ignored: str | None
    contract: str
    key: str


class UnknownStore:
    """The visits of a service; safe to call from several threads and processes.

    Args:
        file: of its cameras.
        keys: of faces.
        clock: gives the seconds since 1970 (UTC).
    """

    def __init__(self, file: CameraFile, keys: FaceKeys, clock: Clock = time.time) -> None:
        self._file, self._keys, self._clock = file, keys, clock

    def keep(self, camera: str, faces: Sequence[KeptFace], contract: str) -> Visit | None:
        """Keep a visit for the hours of its camera.

        Args:
            camera: that saw it.
            faces: at least one, the best first.
            contract: of their embeddings.

        Returns:
            The visit; None where the camera is gone, or keeps nobody.
        """
        now, visit = self._clock(), secrets.token_hex(8)
        with self._file.transaction() as db:
            asked = "SELECT gallery, keep_unknown FROM cameras WHERE id = ?"
            gallery, hours = db.execute(asked, (camera,)).fetchone() or ("", 0.0)
            if not hours:
                return None
            expires = now + hours * HOUR
            kept = Visit(
                id=visit,
                gallery=gallery,
                camera=camera,
                at=now,
                expires=expires,
                ignored=None,
                contract=contract,
                key=self._keys.for_hour(db, gallery, expires),
            )
            _insert(db, kept)
            for place, face in enumerate(faces):
                self._write(db, kept, place, face)
            _make_room(db, gallery)
        self.erase_unused_keys()
        return kept

    def visits(self, gallery: str) -> list[Visit]:
        """The visits of a gallery that are still kept, the newest first; also those of people who are ignored."""
        with self._file.transaction() as db:
            rows = db.execute(
                f"SELECT {COLUMNS} FROM unknown_visits WHERE gallery = ? AND coalesce(expires, ?) > ? "  # noqa: S608 - constants
                "ORDER BY number DESC",
                (gallery, self._clock() + 1, self._clock()),
            ).fetchall()
        return [_visit(row) for row in rows]

    def find(self, gallery: str, ids: Sequence[str]) -> list[Visit]:
        """Visits by their ids.

        Raises:
            ServiceError: one is not kept any more, or is of another gallery.
        """
        known = {one.id: one for one in self.visits(gallery)}
        if any(one not in known for one in ids):
            raise not_found("visit")
        return [known[one] for one in dict.fromkeys(ids)]

    def embeddings(self, visits: Sequence[Visit]) -> list[Floats]:
        """(N, D) float32 of each visit; N is 0 where it was erased in the meantime."""
        wanted, found = {one.id: one for one in visits}, dict[str, list[bytes]]()
        with self._file.transaction() as db:
            rows = db.execute(
                "SELECT visit, place, embedding FROM unknown_faces WHERE visit IN (SELECT value FROM json_each(?)) "
                "ORDER BY visit, place",
                (json.dumps(list(wanted)),),
            ).fetchall()
        for visit, place, sealed in rows:
            opened = self._keys.open(wanted[visit].key, _about(visit, place, "embedding"), sealed)
            if opened is not None:
                found.setdefault(visit, []).append(opened)
        return [_vectors(found.get(one.id, [])) for one in visits]

    def faces(self, visit: Visit) -> list[KeptFace]:
        """The samples of a visit, the best first; none where it was erased in the meantime."""
        with self._file.transaction() as db:
            rows = db.execute(
                "SELECT place, embedding, portrait FROM unknown_faces WHERE visit = ? ORDER BY place", (visit.id,)
            ).fetchall()
        found = list[KeptFace]()
        for place, *sealed in rows:
            embedding, portrait = (
                self._keys.open(visit.key, _about(visit.id, place, column), value)
                for column, value in zip(("embedding", "portrait"), sealed, strict=True)
            )
            if embedding is not None and portrait is not None:
                found.append(KeptFace.read(_vectors([embedding])[0], portrait))
        return found

    def ignore(self, visits: Sequence[Visit]) -> str:
        """Make one ignored person of some visits, which are kept until they are erased; gives its id.

        Raises:
            ServiceError: too many people of the gallery are ignored, or a visit was erased in the meantime.
        """
        person, faces = visits[0].id, [self.faces(one) for one in visits]
        if not all(faces):
            raise not_found("visit")
        with self._file.transaction() as db:
            count = "SELECT count(DISTINCT ignored) FROM unknown_visits WHERE gallery = ?"
            if db.execute(count, (visits[0].gallery,)).fetchone()[0] >= MAX_IGNORED:
                message = f"at most {MAX_IGNORED} people of a gallery are ignored: erase one of them first"
                raise ServiceError(409, "too_many", message)
            key = self._keys.for_ignored(db, visits[0].gallery, person)
            for visit, samples in zip(visits, faces, strict=True):
                _delete(db, [visit.id])
                moved = Visit(
                    id=visit.id,
                    gallery=visit.gallery,
                    camera=visit.camera,
                    at=visit.at,
                    expires=None,
                    ignored=person,
                    contract=visit.contract,
                    key=key,
                )
                _insert(db, moved)
                for place, face in enumerate(samples):
                    self._write(db, moved, place, face)
        self.erase_unused_keys()
        return person

    def ignored_state(self, gallery: str) -> str:
        """What changes when somebody of a gallery is ignored, or is not any more."""
        with self._file.transaction() as db:
            state = "SELECT count(*), coalesce(max(number), 0) FROM unknown_visits WHERE ignored IS NOT NULL"
            return str(db.execute(f"{state} AND gallery = ?", (gallery,)).fetchone())

    def ignored(self, gallery: str) -> dict[str, list[list[Floats]]]:
        """The samples, (D,) float32 each, of each person of a gallery who is ignored, by embedding contract."""
        visits = [one for one in self.visits(gallery) if one.ignored is not None]
        people = dict[tuple[str, str | None], list[Floats]]()
        for visit, rows in zip(visits, self.embeddings(visits), strict=True):
            people.setdefault((visit.contract, visit.ignored), []).extend(rows)
        found = dict[str, list[list[Floats]]]()
        for (contract, _), samples in people.items():
            if samples:
                found.setdefault(contract, []).append(samples)
        return found

    def delete(self, visits: Sequence[Visit]) -> None:
        """Erase visits for good."""
        with self._file.transaction() as db:
            _delete(db, [one.id for one in visits])
        self.erase_unused_keys()

    def delete_of_gallery(self, gallery: str) -> None:
        """Erase everybody who was kept for a gallery, ignored or not."""
        self._delete_where("gallery = ?", gallery)

    def delete_of_camera(self, camera: str) -> None:
        """Erase everybody whom a camera did not recognize, but nobody who is ignored."""
        self._delete_where("camera = ? AND ignored IS NULL", camera)

    def _delete_where(self, condition: str, value: str) -> None:
        with self._file.transaction() as db:
            rows = db.execute(f"SELECT id FROM unknown_visits WHERE {condition}", (value,)).fetchall()  # noqa: S608 - constants
            _delete(db, [row[0] for row in rows])
        self.erase_unused_keys()

    def expired(self) -> list[Visit]:
        """Visits that are to be erased now, since their hours are over or their camera was deleted."""
        with self._file.transaction() as db:
            rows = db.execute(
                f"SELECT {COLUMNS} FROM unknown_visits WHERE expires <= ? "  # noqa: S608 - constants
                "OR (ignored IS NULL AND camera NOT IN (SELECT id FROM cameras))",
                (self._clock(),),
            ).fetchall()
        return [_visit(row) for row in rows]

    def _write(self, db: sqlite3.Connection, visit: Visit, place: int, face: KeptFace) -> None:
        values = {"embedding": face.embedding.astype("<f4").tobytes(), "portrait": face.portrait_bytes()}
        sealed = [self._keys.seal(visit.key, _about(visit.id, place, name), value) for name, value in values.items()]
        db.execute("INSERT INTO unknown_faces VALUES (?, ?, ?, ?)", (visit.id, place, *sealed))

    def erase_unused_keys(self) -> None:
        """Overwrite the keys that nothing has any more."""
        with self._file.transaction() as db:
            self._keys.erase_unused(db)


def _insert(db: sqlite3.Connection, visit: Visit) -> None:
    values = tuple(getattr(visit, name) for name in COLUMNS.split(", "))
    db.execute(f"INSERT INTO unknown_visits ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)  # noqa: S608 - constants


def _make_room(db: sqlite3.Connection, gallery: str) -> None:
    """Take away the oldest visits of a gallery where it has too many."""
    rows = db.execute(
        "SELECT id FROM unknown_visits WHERE gallery = ? AND ignored IS NULL ORDER BY number DESC LIMIT -1 OFFSET ?",
        (gallery, MAX_VISITS),
    )
    _delete(db, [row[0] for row in rows.fetchall()])


def _delete(db: sqlite3.Connection, visits: Sequence[str]) -> None:
    for visit in visits:
        # The thumbnail of its events shows the same person, who was named, is ignored, or is erased.
        db.execute("DELETE FROM thumbnails WHERE visit = ?", (visit,))
        db.execute("DELETE FROM unknown_faces WHERE visit = ?", (visit,))
        db.execute("DELETE FROM unknown_visits WHERE id = ?", (visit,))


def _visit(row: Sequence[object]) -> Visit:
    return Visit(**dict(zip(COLUMNS.split(", "), row, strict=True)))  # type: ignore[arg-type]


def _about(visit: str, place: int, column: str) -> str:
    """What a value is bound to, so that none can be put in the place of another."""
    return f"mien unknown {visit} {place} {column}"


def _vectors(rows: Sequence[bytes]) -> Floats:
    if not rows:
        return np.zeros((0, 0), np.float32)
    return np.stack([np.frombuffer(one, "<f4") for one in rows]).astype(np.float32)
