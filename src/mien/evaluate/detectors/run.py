"""Runs a detector over annotated pictures. Judges nothing."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mien.data.annotated import AnnotatedImage
from mien.detect.detector import Detector
from mien.errors import ImageError
from mien.image import read_image
from mien.models.engines import usable_cores
from mien.prefetch import prefetch
from mien.types import Faces

Seen = tuple[AnnotatedImage, Faces | None, str]
"""A picture, its faces, or why it could not be read."""


def detect_all(detector: Detector, pictures: Sequence[AnnotatedImage]) -> Iterator[Seen]:
    """The faces of each picture, in their order; a picture that cannot be read has a reason instead."""

    def look(picture: AnnotatedImage) -> Seen:
        try:
            return picture, detector.detect([read_image(picture.path)])[0], ""
        except ImageError as reason:
            return picture, None, str(reason)

    workers = usable_cores()
    with ThreadPoolExecutor(workers, "detector") as pool:
        yield from prefetch(pool, look, iter(pictures), workers + 2)


def find_pictures(folder: Path) -> dict[tuple[str, str], Path]:
    """The pictures of WIDER FACE's layout, FOLDER/EVENT/NAME.jpg, by event and name."""
    return {
        (path.parent.name, path.stem): path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in (".jpg", ".jpeg", ".png")
    }
