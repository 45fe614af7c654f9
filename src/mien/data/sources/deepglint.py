"""DeepGlint's Trillion Pairs: MS-Celeb-1M-v1c (msra) and Asian-Celeb (celebrity), images with `_lmk` files.

A line of a `_lmk` file has 12 fields: path, label, and five points x y in the order left eye, right eye, nose, left
and right mouth corner. A test list has 11, without the label. Labels of the two parts overlap, so a subject is called
by its part and its label.
"""

from pathlib import Path

from mien.data.sample import Problem, Sample
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import ImageFinder, lines, numbers, reason_of
from mien.errors import ManifestError
from mien.types import floats


def recognizes(path: Path) -> bool:
    """Whether it is a `_lmk` file or a folder with one."""
    return bool(_lists(path))


def _lists(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for pattern in ("*_lmk", "*_lmk.txt", "*/*_lmk") for file in path.glob(pattern))
    return [path] if path.name.endswith(("_lmk", "_lmk.txt")) else []


def read(path: Path) -> Rows:
    """Every line of every list; an image that is missing is a problem."""
    for file in _lists(path):
        part = file.name.removesuffix(".txt").removesuffix("_lmk")
        # The paths of a list are relative to its own folder, or to the one of the part's name.
        folder = file.parent
        finder = ImageFinder(folder, folder / part, folder / f"train_{part}", folder.parent)
        for number, line in lines(file):
            yield _row(line, f"{file}, line {number}", part, finder)


def _row(line: str, where: str, part: str, finder: ImageFinder) -> Sample | Problem:
    # The path comes first and may hold blanks.
    words = line.rsplit(None, 11)
    if len(words) == 11:
        return Problem(where, "has 11 fields, a test list's: there is no label, so no subject is known")
    if len(words) != 12:
        return Problem(where, f"has {len(words)} fields, not the 12 of path, label and five points")
    try:
        points = floats(numbers(words[2:], where)).reshape(5, 2)
    except ManifestError as fault:
        return Problem(where, reason_of(fault, where))
    image = finder.find(words[0])
    if image is None:
        return Problem(where, finder.missing(words[0]))
    return Sample(image, f"{part}-{words[1]}", landmarks=points)


SOURCE = Source(
    name="deepglint",
    summary="DeepGlint's images with _lmk files",
    note="MS-Celeb-1M-v1c and Asian-Celeb; landmarks are used and nothing is detected; the labels of the two parts "
    "overlap, so subjects are called `msra-0`, `celebrity-0`",
    recognizes=recognizes,
    read=read,
)
