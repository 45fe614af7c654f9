"""Detection lists with landmarks: RetinaFace's label.txt and SCRFD's labelv2.txt, a row for each face.

label.txt: `# path`, then for each face x y width height, five times x y v, and blur; v is 0 for a visible point, 1
for an occluded one, -1 for a missing one. labelv2.txt: `# path width height`, then x1 y1 x2 y2, and five times x y v
or nothing; a fifth single number of 1 means a face to ignore. Landmarks are kept where all five are known.
"""

from pathlib import Path

from mien.data.sample import Problem, Sample, Value
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import ImageFinder, lines, numbers, reason_of
from mien.errors import ManifestError
from mien.types import Box, Floats, floats

NAMES = ("label.txt", "labelv2.txt", "labelv2_val.txt", "labelv2_train.txt")


def recognizes(path: Path) -> bool:
    """Whether it is such a list or a folder with one."""
    return bool(_lists(path))


def _lists(path: Path) -> list[Path]:
    if path.is_dir():
        return [path / name for name in NAMES if (path / name).is_file()]
    return [path] if path.name in NAMES else []


def read(path: Path) -> Rows:
    """Every face; an image without faces is one row without a box, a missing image one problem for all its faces."""
    for file in _lists(path):
        finder = ImageFinder(file.parent, file.parent / "images", file.parent.parent / "images")
        image: Path | None = None
        faces = 0
        for number, line in lines(file):
            where = f"{file}, line {number}"
            if not line.startswith("#"):
                faces += 1
                if image is not None:
                    yield _face(image, line, where)
                continue
            if image is not None and not faces:
                yield Sample(image, "")
            image, faces = _find(finder, line[1:].strip(), file.name), 0
            if image is None:
                yield Problem(where, finder.missing(_names(line[1:].strip(), file.name)[0]))
        if image is not None and not faces:
            yield Sample(image, "")


def _find(finder: ImageFinder, text: str, file: str) -> Path | None:
    return next((found for name in _names(text, file) if (found := finder.find(name)) is not None), None)


def _names(text: str, file: str) -> list[str]:
    """What the image may be called: names hold blanks, and in labelv2.txt a width and a height follow."""
    words = text.rsplit(None, 2)
    sized = len(words) == 3 and words[1].isdecimal() and words[2].isdecimal()
    return [words[0], text] if sized and file != "label.txt" else [text, words[0]] if sized else [text]


def _face(image: Path, line: str, where: str) -> Sample | Problem:
    try:
        values = numbers(line.split(), where)
    except ManifestError as fault:
        return Problem(where, reason_of(fault, where))
    known: dict[str, Value] = {}
    if len(values) == 20:
        box = Box(values[0], values[1], values[0] + values[2], values[1] + values[3])
        points, known = values[4:19], {"blur_score": values[19]}
    elif len(values) in (4, 5, 19):
        box = Box(values[0], values[1], values[2], values[3])
        points = values[4:] if len(values) == 19 else []
        known = {"ignore": len(values) == 5 and values[4] == 1}
    else:
        return Problem(where, f"a face has 4, 5, 19 or 20 numbers, and here are {len(values)}")
    if box.area <= 0:
        return Problem(where, f"the box of {image.name} is empty")
    return Sample(image, "", box=box, landmarks=_landmarks(points), known=known)


def _landmarks(points: list[float]) -> Floats | None:
    triples = floats(points).reshape(-1, 3)
    return None if not len(triples) or (triples[:, :2] < 0).any() else triples[:, :2].copy()


SOURCE = Source(
    name="retinaface",
    summary="detection boxes with landmarks",
    note="RetinaFace's `label.txt` and SCRFD's `labelv2.txt`; a row for each face; no subjects",
    recognizes=recognizes,
    read=read,
    has_boxes=True,
)
