"""CelebA: identities, partitions, 40 attributes, boxes and landmarks, for the wild images and the aligned ones.

The boxes and list_landmarks_celeba.txt belong to the images in the wild (img_celeba), list_landmarks_align_celeba.txt
to the aligned ones (img_align_celeba, 178x218). Neither is ever used on the other: the two are two sources. Boxes are
x y width height; lists begin with a count and a header, and runs of spaces separate their columns. Kaggle's copy has
them as .csv, the images in a folder inside a folder of the same name, and no identities.
"""

from dataclasses import dataclass, field
from pathlib import Path

from mien.data.sample import Problem, Sample, Value
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import find_file, lines, numbers, reason_of
from mien.errors import ManifestError
from mien.types import Box, floats

WILD, ALIGNED = "img_celeba", "img_align_celeba"
SPLITS = {0: "train", 1: "valid", 2: "test"}
IDENTITIES = "identity_CelebA"
LISTS = (IDENTITIES, "list_attr_celeba", "list_eval_partition", "list_landmarks_align_celeba", "list_bbox_celeba")
"""Any of them next to the images makes it CelebA."""


def recognizes_wild(path: Path) -> bool:
    """Whether the identities and the images in the wild are there."""
    return _is_set(path, WILD)


def recognizes_aligned(path: Path) -> bool:
    """Whether the identities and the aligned images are there."""
    return _is_set(path, ALIGNED)


def _is_set(path: Path, images: str) -> bool:
    return path.is_dir() and _images(path, images) is not None and any(_list(path, name) for name in LISTS)


def _list(path: Path, name: str) -> Path | None:
    """A list in its own form or in Kaggle's."""
    return find_file(path, f"{name}.txt", f"{name}.csv")


def _images(path: Path, name: str) -> Path | None:
    folder = next((folder for folder in (path / name, *sorted(path.glob(f"*/{name}"))) if folder.is_dir()), None)
    while folder is not None and (folder / name).is_dir():
        folder = folder / name
    return folder


def read_wild(path: Path) -> Rows:
    """The images in the wild, with their boxes and landmarks."""
    yield from _read(path, WILD, "list_landmarks_celeba", boxes=True)


def read_aligned(path: Path) -> Rows:
    """The aligned images, with their landmarks; there are no boxes for them."""
    yield from _read(path, ALIGNED, "list_landmarks_align_celeba", boxes=False)


def _read(path: Path, images: str, landmark_list: str, *, boxes: bool) -> Rows:
    folder = _images(path, images)
    identity = _list(path, IDENTITIES)
    if folder is None or identity is None:
        raise ManifestError(
            f"{path} needs the folder {images} and {IDENTITIES}.txt, which says who is shown; copies of CelebA "
            "without it (as on Kaggle) are completed by the file of CelebA's own page"
        )
    box_of = _read_list(_list(path, "list_bbox_celeba") if boxes else None, 4)
    points_of = _read_list(_list(path, landmark_list), 10)
    attributes_of = _read_list(_list(path, "list_attr_celeba"), 40)
    split_of = _read_list(_list(path, "list_eval_partition"), 1)
    for found in (box_of, points_of, attributes_of, split_of):
        yield from found.problems
    present = {file.name for file in folder.iterdir()}
    for number, line in lines(identity):
        words = _words(line)
        if number == 1 and words[0] in ("image_id", "identity"):
            continue
        if len(words) != 2:
            yield Problem(f"{identity}, line {number}", f"'{line[:60]}' should be a file name and a number")
            continue
        name, subject = words
        file = folder / name
        # Images are JPEG, or PNG in the lossless copy of the aligned set.
        if name not in present and f"{Path(name).stem}.png" in present:
            file = folder / f"{Path(name).stem}.png"
        elif name not in present:
            yield Problem(f"{identity}, line {number}", f"the image {file} is missing")
            continue
        box, points = box_of.rows.get(name), points_of.rows.get(name)
        yield Sample(
            file,
            subject,
            box=Box(box[0], box[1], box[0] + box[2], box[1] + box[3]) if box and box[2] > 0 < box[3] else None,
            landmarks=floats(points).reshape(5, 2) if points else None,
            known=_known(
                split_of.rows.get(name),
                dict(zip(attributes_of.header, attributes_of.rows.get(name, ()), strict=False)),
            ),
        )
        present.discard(file.name)
    for name in sorted(present):
        yield Problem(str(folder / name), f"{identity.name} does not say who it shows")


def _known(split: list[float] | None, attributes: dict[str, float]) -> dict[str, Value]:
    known: dict[str, Value] = {name: int(value) for name, value in attributes.items()}
    if "Male" in attributes:
        known["sex"] = "male" if attributes["Male"] > 0 else "female"
    if split:
        known["split"] = SPLITS.get(int(split[0]), f"{split[0]:g}")
    return known


@dataclass(frozen=True, slots=True)
class _List:
    """A list: the names of its columns, the numbers of each image, and lines that are not such a row."""

    header: list[str] = field(default_factory=list)
    rows: dict[str, list[float]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def _words(line: str) -> list[str]:
    return line.replace(",", " ").split()


def _read_list(file: Path | None, columns: int) -> _List:
    """A list; empty where the set has no such file."""
    found = _List()
    for number, line in lines(file) if file is not None else ():
        where, words = f"{file}, line {number}", _words(line)
        if number <= 2 and not found.rows and (len(words) == 1 or _is_header(words[1:])):
            # A count, and the names of the columns, of which the image's may be left out.
            found.header[:] = words[-columns:]
        elif len(words) != columns + 1:
            found.problems.append(Problem(where, f"{len(words) - 1} values, and {columns} are expected"))
        else:
            try:
                found.rows[words[0]] = numbers(words[1:], where)
            except ManifestError as fault:
                found.problems.append(Problem(where, reason_of(fault, where)))
    return found


def _is_header(words: list[str]) -> bool:
    return not any(word.lstrip("+-").replace(".", "", 1).isdecimal() for word in words)


WILD_SOURCE = Source(
    name="celeba",
    summary="CelebA, images in the wild",
    note="boxes belong to these images only, and each set has its own landmarks",
    recognizes=recognizes_wild,
    read=read_wild,
)

ALIGNED_SOURCE = Source(
    name="celeba-aligned",
    summary="CelebA, aligned images",
    note="landmarks of the aligned images; there are no boxes",
    recognizes=recognizes_aligned,
    read=read_aligned,
)
