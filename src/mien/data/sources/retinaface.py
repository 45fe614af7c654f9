"""Detection lists with landmarks: RetinaFace's label.txt and SCRFD's labelv2.txt, a row for each face.

label.txt: `# path`, then for each face x y width height, five times x y v, and blur; v is 0 for a visible point, 1
for an occluded one, -1 for a missing one. labelv2.txt: `# path width height`, then x1 y1 x2 y2, and five times x y v
or nothing; a fifth single number of 1 means a face to ignore. Landmarks are kept where all five are known.
"""

from pathlib import Path

from mien.data.sample import Problem, Sample, Value
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import lines, numbers
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
    """Every face; a missing image is one problem for all its faces."""
    for file in _lists(path):
        image: Path | None = None
        root: Path | None = None
        for number, line in lines(file):
            where = f"{file}, line {number}"
            if line.startswith("#"):
                name = line[1:].split()[0]
                root = root or _root(file, name)
                image = root / name
                if not image.is_file():
                    yield Problem(where, f"the image {image} is missing")
                    image = None
            elif image is not None:
                yield _face(image, numbers(line.split(), where), where)


def _root(file: Path, first: str) -> Path:
    for folder in (file.parent, file.parent / "images", file.parent.parent / "images"):
        if (folder / first).is_file():
            return folder
    return file.parent / "images"


def _face(image: Path, values: list[float], where: str) -> Sample | Problem:
    known: dict[str, Value] = {}
    if len(values) == 20:
        box = Box(values[0], values[1], values[0] + values[2], values[1] + values[3])
        points, known = values[4:19], {"blur_score": values[19]}
    elif len(values) in (4, 5, 19):
        box = Box(values[0], values[1], values[2], values[3])
        points = values[4:] if len(values) == 19 else []
        known = {"ignore": len(values) == 5 and values[4] == 1}
    else:
        raise ManifestError(f"{where}: a face has 4, 5, 19 or 20 numbers, and here are {len(values)}")
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
