"""`.lst` files of InsightFace's face2rec2.py: aligned (0 or 1), path, label, and perhaps a box and five points.

Fields are separated by tabs: `1 path label`, then x1 y1 x2 y2, then the five x and the five y.
"""

from pathlib import Path

from mien.data.sample import Problem, Sample
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import lines, numbers
from mien.errors import ManifestError
from mien.types import Box, floats


def recognizes(path: Path) -> bool:
    """Whether it is a .lst file or a folder with one and no .rec file."""
    if path.is_dir():
        return bool(list(path.glob("*.lst"))) and not list(path.glob("*.rec"))
    return path.suffix == ".lst" and path.is_file()


def read(path: Path) -> Rows:
    """Every line; an image that is missing is a problem."""
    for file in sorted(path.glob("*.lst")) if path.is_dir() else [path]:
        for number, line in lines(file):
            where = f"{file}, line {number}"
            words = line.split("\t")
            if len(words) not in (3, 7, 17):
                yield Problem(where, f"has {len(words)} fields separated by tabs, not 3, 7 or 17")
                continue
            try:
                values = numbers([words[0], *words[2:]], where)
            except ManifestError as reason:
                yield Problem(where, str(reason))
                continue
            image = file.parent / words[1]
            if not image.is_file():
                yield Problem(where, f"the image {image} is missing")
                continue
            # glint2lst.py writes a box of zeros where only the points are known.
            box = Box(*values[2:6]) if len(values) >= 6 and any(values[2:6]) else None
            points = floats(values[6:16]).reshape(2, 5).T if len(values) == 16 else None
            yield Sample(image, str(int(values[1])), box=box, landmarks=points, aligned=values[0] == 1)


SOURCE = Source(
    name="lst",
    summary="an image list of face2rec2.py",
    note="columns are separated by tabs; a box and five points are optional",
    recognizes=recognizes,
    read=read,
)
