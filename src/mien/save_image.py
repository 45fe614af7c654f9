"""Writes images to files, complete or not at all, and names them. Reads nothing and draws nothing."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image as Pillow

from mien.types import Image
from mien.whole_files import whole_file

QUALITY = 90
"""Of JPEG files."""


def save_image(image: Image, path: Path) -> Path:
    """Write (H, W, 3) uint8 RGB as PNG or JPEG, by the ending of the path; missing folders are created."""
    kind = "PNG" if path.suffix.lower() == ".png" else "JPEG"
    with whole_file(path) as scratch:
        Pillow.fromarray(image).save(scratch, kind, quality=QUALITY)
    return path


def file_names(paths: Sequence[Path]) -> list[str]:
    """A file name for what is written of each image; equal ones get a number."""
    used: dict[str, int] = {}
    names = []
    for path in paths:
        count = used[path.stem] = used.get(path.stem, 0) + 1
        names.append(f"{path.stem}.jpg" if count == 1 else f"{path.stem}-{count}.jpg")
    return names
