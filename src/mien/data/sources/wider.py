"""WIDER FACE: wider_face_train_bbx_gt.txt or wider_face_val_bbx_gt.txt, a row for each face.

A block is the image's path, the count of faces, and for each face x y width height blur expression illumination
invalid occlusion pose, in the order of the set's own readme. An image without faces has one line of zeros. Such sets
know no subjects.
"""

from pathlib import Path

from mien.data.sample import Problem, Sample, Value
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import ImageFinder, blocks, find_file, numbers, reason_of
from mien.errors import ManifestError
from mien.image import has_image_suffix
from mien.types import Box

ATTRIBUTES = ("blur", "expression", "illumination", "invalid", "occlusion", "pose")
FILES = ("wider_face_train_bbx_gt.txt", "wider_face_val_bbx_gt.txt")


def recognizes(path: Path) -> bool:
    """Whether it is such a list or a folder with one."""
    return bool(_lists(path))


def _lists(path: Path) -> list[Path]:
    if path.is_dir():
        return [found for name in FILES if (found := find_file(path, name)) is not None]
    return [path] if path.name.endswith("_bbx_gt.txt") else []


def read(path: Path) -> Rows:
    """Every face with its box and attributes; an image without faces is one row without a box."""
    for file in _lists(path):
        split = "train" if "train" in file.name else "val"
        finder = ImageFinder(*_roots(file, split))
        for number, name, body in blocks(file, lambda line: has_image_suffix(Path(line))):
            where = f"{file}, line {number}"
            image = finder.find(name)
            if image is None:
                yield Problem(where, finder.missing(name))
                continue
            count = body[0][1].strip() if body else ""
            faces = body[1:] if count.isdigit() else body
            # Even without faces there is one line, of zeros.
            empty = count == "0" and not any(any(word.strip("0.") for word in line.split()) for _, line in faces)
            if empty:
                yield Sample(image, "", known={"split": split})
                continue
            if count != str(len(faces)):
                said = f"announces '{count}' faces" if count.isdigit() else "does not say how many faces follow"
                yield Problem(where, f"{name} {said}, and {len(faces)} lines follow")
            for place, line in faces:
                yield _face(image, line, f"{file}, line {place}", split)


def _roots(file: Path, split: str) -> list[Path]:
    folders = [
        folder / name
        for folder in (file.parent, file.parent.parent)
        for name in (f"WIDER_{split}/images", "images")
        if (folder / name).is_dir()
    ]
    return [*folders, file.parent]


def _face(image: Path, line: str, where: str, split: str) -> Sample | Problem:
    try:
        values = numbers(line.split(), where)
    except ManifestError as fault:
        return Problem(where, reason_of(fault, where))
    if len(values) != 4 + len(ATTRIBUTES):
        return Problem(where, f"a face has 10 numbers, and here are {len(values)}")
    if values[2] <= 0 or values[3] <= 0:
        return Problem(where, f"the box of {image.name} is empty")
    known: dict[str, Value] = {name: int(value) for name, value in zip(ATTRIBUTES, values[4:], strict=True)}
    box = Box(values[0], values[1], values[0] + values[2], values[1] + values[3])
    return Sample(image, "", box=box, known={"split": split, **known})


SOURCE = Source(
    name="wider",
    summary="WIDER FACE",
    note="a row for each face with its attributes; no subjects",
    recognizes=recognizes,
    read=read,
    has_boxes=True,
)
