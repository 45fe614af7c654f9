"""YOLO labels: a text file for each image, a row for each face, in shares of the image's size.

A row is `class x y width height`, with the middle of the box, and perhaps five points as `x y` or `x y visible`, as
`mien detect --as yolo` writes them. Labels are in `labels/` next to `images/`, or next to the images. An image with
an empty label file shows no face. Shares outside of 0 to 1 are refused and not clipped: they are pixels, or of
another image. The size of each image is read from its header.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mien.data.sample import Problem, Sample
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import lines, numbers, reason_of
from mien.errors import ImageError, ManifestError
from mien.image import find_images, read_size
from mien.types import Box, Floats, floats

TOLERANCE = 1e-4
"""How far outside of 0 to 1 a share may be, for rounding."""
FIELDS = {5: 0, 15: 2, 20: 3}
"""Numbers of a row: a box alone, or with five points of two or three numbers each."""


def recognizes(path: Path) -> bool:
    """Whether there are folders of images and of labels, side by side."""
    return path.is_dir() and any(True for _ in _folders(path))


def _folders(path: Path) -> Iterator[tuple[Path, Path]]:
    """Folders of images and of their labels: images/ and labels/, also as train/images, or as images/train."""
    for labels in (path / "labels", *sorted(path.glob("*/labels"))):
        images = labels.with_name("images")
        if labels.is_dir() and images.is_dir():
            yield images, labels


def read(path: Path) -> Rows:
    """Every face of every image; an image without faces is one row, one without a label file a problem."""
    folders = list(_folders(path)) or [(path, path)]
    for images, labels in folders:
        known = set()
        for image in find_images(images):
            label = labels / image.relative_to(images).with_suffix(".txt")
            known.add(label)
            if label.is_file():
                yield from _image(image, label)
            else:
                yield Problem(str(image), "has no label file; an image without faces needs an empty one")
        for label in sorted(labels.rglob("*.txt")) if images != labels else ():
            if label not in known and label.name != "classes.txt":
                yield Problem(str(label), f"there is no image of this name in {images}")


def _image(image: Path, label: Path) -> Rows:
    try:
        size = read_size(image)
        rows = list(lines(label))
    except (ImageError, ManifestError) as fault:
        yield Problem(str(label), str(fault))
        return
    if not rows:
        yield Sample(image, "")
    for number, line in rows:
        yield _face(image, line, f"{label}, line {number}", size)


def _face(image: Path, line: str, where: str, size: tuple[int, int]) -> Sample | Problem:
    words = line.split()
    if len(words) not in FIELDS:
        return Problem(where, f"a face has 5, 15 or 20 numbers, and here are {len(words)}")
    try:
        values = floats(numbers(words[1:], where))
    except ManifestError as fault:
        return Problem(where, reason_of(fault, where))
    x, y, width, height = values[:4].tolist()
    if values[:4].min() < -TOLERANCE or values[:4].max() > 1 + TOLERANCE:
        return Problem(where, "a box is in shares of the image, from 0 to 1; these are outside: are they pixels?")
    if width <= 0 or height <= 0:
        return Problem(where, f"the box of {image.name} is empty")
    edges = floats([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
    box = Box(*(edges * floats([*size, *size])).tolist())
    return Sample(image, "", box=box, landmarks=_landmarks(values[4:], FIELDS[len(words)], size))


def _landmarks(values: Floats, fields: int, size: tuple[int, int]) -> Floats | None:
    """Five points in pixels; None where there are none, or not all are known."""
    if not fields:
        return None
    points = values.reshape(5, fields)
    shares, seen = points[:, :2], points[:, 2] if fields == 3 else np.ones(5)
    if not (seen > 0).all() or (shares <= 0).all() or np.abs(shares - 0.5).max() > 1:
        return None
    return floats(shares * floats(size))


SOURCE = Source(
    name="yolo",
    summary="YOLO's labels",
    note="`images/` and `labels/` side by side, or labels next to the images with `--as yolo`; shares outside of 0 "
    "to 1 are refused, not clipped; no subjects",
    recognizes=recognizes,
    read=read,
    has_boxes=True,
)
