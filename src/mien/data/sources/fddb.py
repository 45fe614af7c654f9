"""FDDB: FDDB-fold-01-ellipseList.txt to 10, ellipses around faces in the images of Faces in the Wild.

A block is the image's path without its ending, the number of faces, and for each face: half of the longer axis,
half of the shorter one, the angle of the longer axis in radians, the centre's x and y, and a 1. Boxes are the upright
rectangles around the ellipses, as is usual for detectors of boxes.
"""

import math
from pathlib import Path

from mien.data.sample import Problem, Sample
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import ImageFinder, blocks, numbers, reason_of
from mien.errors import ManifestError
from mien.types import Box


def recognizes(path: Path) -> bool:
    """Whether it is such a list or a folder with some."""
    return bool(_lists(path))


def _lists(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted({*path.glob("FDDB-fold-*-ellipseList.txt"), *path.glob("*/FDDB-fold-*-ellipseList.txt")})
    return [path] if path.name.endswith("ellipseList.txt") else []


def read(path: Path) -> Rows:
    """Every face; a missing image is one problem for all its faces, and an image without faces one row."""
    for file in _lists(path):
        finder = ImageFinder(
            *(root for folder in (file.parent, file.parent.parent) for root in (folder, *_inside(folder)))
        )
        for number, name, body in blocks(file, lambda line: "/" in line):
            where = f"{file}, line {number}"
            image = finder.find(f"{name}.jpg")
            if image is None:
                yield Problem(where, finder.missing(f"{name}.jpg"))
                continue
            count = body[0][1].strip() if body else ""
            faces = body[1:] if count.isdigit() else body
            if count == "0" and not faces:
                yield Sample(image, "")
            elif count != str(len(faces)):
                said = f"announces '{count}' faces" if count.isdigit() else "does not say how many faces follow"
                yield Problem(where, f"{name} {said}, and {len(faces)} lines follow")
            for place, line in faces:
                yield _face(image, line, f"{file}, line {place}")


def _inside(folder: Path) -> tuple[Path, Path]:
    return folder / "originalPics", folder / "images"


def _face(image: Path, line: str, where: str) -> Sample | Problem:
    try:
        values = numbers(line.split(), where)
    except ManifestError as fault:
        return Problem(where, reason_of(fault, where))
    if len(values) < 5:
        return Problem(where, f"an ellipse has 5 numbers and a 1, and here are {len(values)}")
    long, short, angle, x, y = values[:5]
    if long <= 0 or short <= 0:
        return Problem(where, f"the ellipse of {image.name} is empty")
    half_width = math.hypot(long * math.cos(angle), short * math.sin(angle))
    half_height = math.hypot(long * math.sin(angle), short * math.cos(angle))
    return Sample(image, "", box=Box(x - half_width, y - half_height, x + half_width, y + half_height))


SOURCE = Source(
    name="fddb",
    summary="FDDB's ellipses",
    note="boxes are the upright rectangles around the ellipses; no subjects",
    recognizes=recognizes,
    read=read,
    has_boxes=True,
)
