"""FDDB: FDDB-fold-01-ellipseList.txt to 10, ellipses around faces in the images of Faces in the Wild.

A block is the image's path without its ending, the number of faces, and for each face: half of the longer axis,
half of the shorter one, the angle of the longer axis in radians, the centre's x and y, and a 1. Boxes are the upright
rectangles around the ellipses, as is usual for detectors of boxes.
"""

import math
from pathlib import Path

from mien.data.sample import Problem, Sample
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import lines, numbers
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
    """Every face; a missing image is one problem for all its faces."""
    for file in _lists(path):
        rows = lines(file)
        for number, name in rows:
            where = f"{file}, line {number}"
            image = _find(file, name.strip())
            count = next(rows, (0, ""))[1].strip()
            if not count.isdigit():
                raise ManifestError(f"{where}: after {name.strip()} the number of its faces is expected")
            if image is None:
                yield Problem(where, f"the image {name.strip()}.jpg is missing")
            elif count == "0":
                yield Sample(image, "")
            for _ in range(int(count)):
                number, line = next(rows, (number, ""))
                if image is not None:
                    yield _face(image, numbers(line.split(), f"{file}, line {number}"), f"{file}, line {number}")


def _find(file: Path, name: str) -> Path | None:
    for folder in (file.parent, file.parent.parent):
        for root in (folder, folder / "originalPics", folder / "images"):
            if (found := root / f"{name}.jpg").is_file():
                return found
    return None


def _face(image: Path, values: list[float], where: str) -> Sample | Problem:
    if len(values) < 5:
        return Problem(where, f"an ellipse has 5 numbers and a 1, and here are {len(values)}")
    long, short, angle, x, y = values[:5]
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
