"""What a service keeps of its cameras, opened together: they share one file and its keys. Starts no camera."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mien.service.camera_file import CameraFile
from mien.service.camera_store import CameraStore
from mien.service.face_keys import FaceKeys
from mien.service.previews import Previews
from mien.service.thumbnail_store import ThumbnailStore
from mien.service.unknown_store import UnknownStore


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraStores:
    """The stores of one service.

    Attributes:
        file: in which all of it is.
        keys: of faces.
        cameras: and their events.
        unknown: people whom cameras saw and nobody knows.
        thumbnails: of events.
        previews: images that were asked for.
    """

    file: CameraFile
    keys: FaceKeys
    cameras: CameraStore
    unknown: UnknownStore
    thumbnails: ThumbnailStore
    previews: Previews

    @classmethod
    def open(cls, folder: Path, clock: Callable[[], float] = time.time) -> "CameraStores":
        """Open them; their files are made when they are first used.

        Args:
            folder: of the service.
            clock: gives the seconds since 1970 (UTC).
        """
        file, keys = CameraFile(folder), FaceKeys(folder)
        return cls(
            file=file,
            keys=keys,
            cameras=CameraStore(file),
            unknown=UnknownStore(file, keys, clock),
            thumbnails=ThumbnailStore(file, keys, clock),
            previews=Previews(file, clock),
        )

    def close(self) -> None:
        """Close the files."""
        self.keys.close()
        self.file.close()

    def delete_camera(self, camera: str) -> None:
        """Delete a camera with its events, thumbnails, and whom it did not recognize."""
        self.cameras.delete(camera)
        self.unknown.delete_of_camera(camera)
        self.thumbnails.delete_of_camera(camera)

    def delete_gallery(self, gallery: str) -> None:
        """Delete the cameras of a gallery, with all that is kept of them and of people whom nobody knows."""
        self.cameras.delete_of_gallery(gallery)
        self.unknown.delete_of_gallery(gallery)
        self.thumbnails.delete_of_gallery(gallery)
