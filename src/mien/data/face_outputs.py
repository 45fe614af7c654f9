"""What can be written of found faces: the faces cut out, and copies with covered faces; of images and of videos.

Finds no faces. Every output is an object with the same two methods, so that a caller can add its own.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mien.detect.redaction import cut, redact
from mien.detect.stream import TrackedFrame
from mien.output_names import OutputGuard, OutputName
from mien.save_image import encode_to
from mien.types import Faces, Image
from mien.video import Video, write_video

AddFrame = Callable[[TrackedFrame], None]

OnNote = Callable[[str], None]

NUMBERED = re.compile(r"(.*)-\d{2,}\.jpg", re.DOTALL)
"""The name of a crop."""


def ignore_note(note: str) -> None:
    """Say nothing; the default of outputs that take a callback."""


class FaceOutput(Protocol):
    """Writes something of found faces into a folder."""

    @property
    def folder(self) -> Path:
        """Where it writes."""
        ...

    def check(self, images: Sequence[OutputName], videos: Sequence[OutputName] = ()) -> None:
        """Refuse what cannot be written, before anything is written.

        Raises:
            OutputError: a file is there that must not be replaced.
        """
        ...

    def write_image(self, name: OutputName, image: Image, faces: Faces) -> None:
        """Write what is wanted of an image.

        Args:
            name: what to call it; unique among the inputs of one call.
            image: (H, W, 3) uint8 RGB.
            faces: in its pixels, best first.
        """
        ...

    def video(self, name: OutputName, video: Video, on_note: OnNote) -> AbstractContextManager[AddFrame]:
        """Write what is wanted of a video.

        Args:
            name: what to call it; unique among the inputs of one call.
            video: it is open.
            on_note: called with a sentence about what the copy of a video lacks.

        Returns:
            A context that gives a function for its frames; what is written is complete when the context ends.
        """
        ...


@dataclass(frozen=True, slots=True)
class FaceCrops:
    """Each face with its surroundings as a file; of a video, the best view of each followed face.

    Attributes:
        folder: where.
        guard: knows what must not be replaced.
    """

    folder: Path
    guard: OutputGuard = field(default_factory=OutputGuard)

    def check(self, images: Sequence[OutputName], videos: Sequence[OutputName] = ()) -> None:
        """Refuse what is there already under the name of a crop; how many faces there will be is not known yet."""
        names = {name.path(self.folder, "").name: name.source for name in (*images, *videos)}
        folders = {name.path(self.folder, "").parent for name in (*images, *videos)}
        files = [path for folder in folders if folder.is_dir() for path in folder.iterdir()]
        named = ((path, NUMBERED.fullmatch(path.name)) for path in sorted(files))
        self.guard.check_outputs((path, names[found[1]]) for path, found in named if found and found[1] in names)

    def write_image(self, name: OutputName, image: Image, faces: Faces) -> None:
        """Write every face of an image as NAME-01.jpg, NAME-02.jpg, ..."""
        for number, face in enumerate(faces, start=1):
            part = cut(image, face.box)
            if part.size:
                self._write(part, name.path(self.folder, f"-{number:02d}.jpg"))

    @contextmanager
    def video(self, name: OutputName, video: Video, on_note: OnNote = ignore_note) -> Iterator[AddFrame]:
        """Write every followed face of a video as NAME-0001.jpg, ...; also of a video that is interrupted."""
        best = BestViews()
        try:
            yield best.add
        finally:
            for number, crop in best.crops():
                self._write(crop, name.path(self.folder, f"-{number:04d}.jpg"))

    def _write(self, crop: Image, path: Path) -> None:
        with self.guard.write(path, private=True) as scratch:
            encode_to(scratch, crop)


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
    """Copies of images and videos in which faces are covered.

    Attributes:
        folder: where.
        guard: knows what must not be replaced.
    """

    folder: Path
    guard: OutputGuard = field(default_factory=OutputGuard)

    def check(self, images: Sequence[OutputName], videos: Sequence[OutputName] = ()) -> None:
        """Refuse what is there already and must not be replaced."""
        check_copies(self.folder, self.guard, images, videos)

    def write_image(self, name: OutputName, image: Image, faces: Faces) -> None:
        """Write a covered copy of an image as NAME.jpg."""
        with self.guard.write(name.path(self.folder, ".jpg"), name.source) as scratch:
            encode_to(scratch, redact(image, faces))

    def video(
        self, name: OutputName, video: Video, on_note: OnNote = ignore_note
    ) -> AbstractContextManager[AddFrame]:
        """Write a covered copy of a video as NAME.mp4."""
        return copy_of_video(
            self.folder, self.guard, name, video, lambda seen: redact(seen.frame.image, seen.faces), on_note
        )


@contextmanager
def copy_of_video(
    folder: Path,
    guard: OutputGuard,
    name: OutputName,
    video: Video,
    change: Callable[[TrackedFrame], Image],
    on_note: OnNote,
) -> Iterator[AddFrame]:
    """Write a copy of a video with changed frames as NAME.mp4; it is there when it is whole."""
    with guard.write(name.path(folder, ".mp4"), name.source) as scratch:
        with write_video(scratch, video) as copy:
            yield lambda seen: copy.add(change(seen), seen.frame.seconds)
        if copy.note:
            on_note(copy.note)


def check_copies(
    folder: Path, guard: OutputGuard, images: Sequence[OutputName], videos: Sequence[OutputName]
) -> None:
    """Refuse a folder of copies, NAME.jpg and NAME.mp4, if one would replace what it must not.

    Raises:
        OutputError: see mien.output_names.
    """
    kinds = ((images, ".jpg"), (videos, ".mp4"))
    guard.check_outputs((name.path(folder, ending), name.source) for names, ending in kinds for name in names)
