"""`.lst` files of InsightFace's face2rec2.py: aligned (0 or 1), path, label, and perhaps a box and five points.

Fields are separated by tabs: `1 path label`, then x1 y1 x2 y2, then the five x and the five y.
"""

import re
from pathlib import Path

from mien.data.sample import Problem, Sample
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import ImageFinder, lines, numbers, reason_of
from mien.errors import ManifestError
from mien.types import Box, floats

LABEL = re.compile(r"(-?\d+)(?:\.0*)?")
"""A class number, digit by digit: 007 and 7 are two classes. Some programs write 7.000000."""


def recognizes(path: Path) -> bool:
    """Whether it is a .lst file or a folder with one and no .rec file."""
    if path.is_dir():
        return bool(list(path.glob("*.lst"))) and not list(path.glob("*.rec"))
    return path.suffix == ".lst" and path.is_file()


def read(path: Path) -> Rows:
    """Every line; an image that is missing is a problem."""
    for file in sorted(path.glob("*.lst")) if path.is_dir() else [path]:
        finder = ImageFinder(file.parent)
        for number, line in lines(file):
            yield _row(line, f"{file}, line {number}", finder)


def _row(line: str, where: str, finder: ImageFinder) -> Sample | Problem:
    words = line.split("\t")
    if len(words) not in (3, 7, 17):
        return Problem(where, f"has {len(words)} fields separated by tabs, not 3, 7 or 17")
    label = LABEL.fullmatch(words[2].strip())
    if label is None:
        return Problem(where, f"the label '{words[2][:40]}' is not a class number")
    try:
        aligned, *values = numbers([words[0], *words[3:]], where)
    except ManifestError as fault:
        return Problem(where, reason_of(fault, where))
    image = finder.find(words[1])
    if image is None:
        return Problem(where, finder.missing(words[1]))
    # glint2lst.py writes a box of zeros where only the points are known.
    box = Box(*values[:4]) if any(values[:4]) else None
    if box is not None and box.area <= 0:
        return Problem(where, f"the box of {image.name} is empty")
    points = floats(values[4:]).reshape(2, 5).T if len(values) == 14 else None
    return Sample(image, label[1], box=box, landmarks=points, aligned=aligned == 1)


SOURCE = Source(
    name="lst",
    summary="an image list of face2rec2.py",
    note="columns are separated by tabs; a box and five points are optional",
    recognizes=recognizes,
    read=read,
)
