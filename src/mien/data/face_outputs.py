"""What can be written of found faces: the faces cut out, and copies with covered faces; of images and of videos.

Finds no faces. Every output is an object with the same two methods, so that a caller can add its own.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mien.detect.redaction import cut, redact
from mien.detect.stream import TrackedFrame
from mien.save_image import save_image
from mien.types import Faces, Image
from mien.video import Video, write_video

AddFrame = Callable[[TrackedFrame], None]


class FaceOutput(Protocol):
    """Writes something of found faces into a folder."""

    @property
    def folder(self) -> Path:
        """Where it writes."""
        ...

    def write_image(self, name: str, image: Image, faces: Faces) -> None:
        """Write what is wanted of an image.

        Args:
            name: of the image's file, unique among the images of one call.
            image: (H, W, 3) uint8 RGB.
            faces: in its pixels, best first.
        """
        ...

    def video(self, name: str, video: Video) -> AbstractContextManager[AddFrame]:
        """Write what is wanted of a video.

        Args:
            name: of the video, without an ending.
            video: it is open.

        Returns:
            A context that gives a function for its frames; what is written is complete when the context ends.
        """
        ...


@dataclass(frozen=True, slots=True)
class FaceCrops:
    """Each face with its surroundings as a file; of a video, the best view of each followed face."""

    folder: Path

    def write_image(self, name: str, image: Image, faces: Faces) -> None:
        """Write every face of an image as NAME-01.jpg, NAME-02.jpg, ..."""
        for number, face in enumerate(faces, start=1):
            part = cut(image, face.box)
            if part.size:
                save_image(part, self.folder / f"{Path(name).stem}-{number:02d}.jpg")

    @contextmanager
    def video(self, name: str, video: Video) -> Iterator[AddFrame]:
        """Write every followed face of a video as NAME-0001.jpg, ...; also of a video that is interrupted."""
        best = BestViews()
        try:
            yield best.add
        finally:
            for number, crop in best.crops():
                save_image(crop, self.folder / f"{name}-{number:04d}.jpg")


class BestViews:
    """Of each followed face the view that is large and sure."""

    def __init__(self) -> None:
        self._best: dict[int, tuple[float, Image]] = {}

    def add(self, seen: TrackedFrame) -> None:
        """Take in a frame."""
        for number, face in zip(seen.numbers, seen.faces, strict=True):
            worth = face.score * face.box.area**0.5
            if number not in self._best or worth > self._best[number][0]:
                part = cut(seen.frame.image, face.box)
                if part.size:
                    self._best[number] = worth, part

    def crops(self) -> Iterator[tuple[int, Image]]:
        """The number of each face, and its best view."""
        for number, (_, crop) in self._best.items():
            yield number, crop


@dataclass(frozen=True, slots=True)
class CoveredFaces:
    """Copies of images and videos in which faces are covered."""

    folder: Path

    def write_image(self, name: str, image: Image, faces: Faces) -> None:
        """Write a covered copy of an image."""
        save_image(redact(image, faces), self.folder / name)

    @contextmanager
    def video(self, name: str, video: Video) -> Iterator[AddFrame]:
        """Write a covered copy of a video."""
        with write_video(self.folder / f"{name}.mp4", video) as write:
            yield lambda seen: write(redact(seen.frame.image, seen.faces))
