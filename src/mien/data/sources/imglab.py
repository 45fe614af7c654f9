"""dlib's imglab format: an XML file of images with boxes, some to be ignored, some with the 68 points of a face.

`<image file='a.jpg'><box top= left= width= height= ignore='1'><part name='00' x= y=/>...`. The five landmarks are the
means of each eye's six points, the tip of the nose and the mouth corners.
"""

import math
import re
import xml.etree.ElementTree as Tree
from pathlib import Path

from mien.align import five_of_68
from mien.data.sample import Problem, Sample
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import ImageFinder
from mien.errors import ManifestError
from mien.types import Box, Floats, floats


def recognizes(path: Path) -> bool:
    """Whether it is such a file."""
    if path.suffix.lower() != ".xml" or not path.is_file():
        return False
    with path.open("rb") as stream:
        return b"<dataset" in stream.read(2000)


def read(path: Path) -> Rows:
    """Every box; an image without one is a row without a box, a missing image one problem."""
    try:
        data = path.read_bytes()
    except OSError as reason:
        raise ManifestError(f"{path} cannot be read: {reason.strerror}") from reason
    if re.search(rb"<!(DOCTYPE|ENTITY)", data):
        raise ManifestError(f"{path} declares XML entities, which are not allowed in annotation files")
    try:
        root = Tree.fromstring(data)  # noqa: S314 - entities are refused above
    except Tree.ParseError as reason:
        raise ManifestError(f"{path} is not XML: {reason}") from reason
    finder = ImageFinder(path.parent)
    for number, image in enumerate(root.iter("image"), start=1):
        where = f"{path}, image {number}"
        name = image.get("file", "")
        file = finder.find(name)
        if file is None:
            yield Problem(where, finder.missing(name))
            continue
        boxes = image.findall("box")
        if not boxes:
            yield Sample(file, "")
        for box in boxes:
            yield _face(file, box, where)


def _face(file: Path, box: Tree.Element, where: str) -> Sample | Problem:
    try:
        left, top, width, height = (float(box.get(key, "")) for key in ("left", "top", "width", "height"))
        points = {int(part.get("name", "")): (part.get("x"), part.get("y")) for part in box.findall("part")}
        landmarks = _five(points)
    except (ValueError, TypeError):
        return Problem(where, "a box lacks left, top, width or height, or one of its points is not a number")
    if not all(map(math.isfinite, (left, top, width, height))) or width <= 0 or height <= 0:
        return Problem(where, f"a box of {file.name} is empty")
    known = {"ignore": box.get("ignore") == "1"}
    return Sample(file, "", box=Box(left, top, left + width, top + height), landmarks=landmarks, known=known)


def _five(points: dict[int, tuple[str | None, str | None]]) -> Floats | None:
    if len(points) != 68:
        return None
    table = floats([[float(value or "x") for value in points[number]] for number in range(68)])
    return five_of_68(table)


SOURCE = Source(
    name="imglab",
    summary="boxes in dlib's XML",
    note="boxes to ignore are marked; five landmarks are computed from the 68; no subjects",
    recognizes=recognizes,
    read=read,
    has_boxes=True,
)
