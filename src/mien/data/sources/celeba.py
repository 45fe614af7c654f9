"""CelebA: identities, partitions, 40 attributes, boxes and landmarks, for the wild images and the aligned ones.

The boxes and list_landmarks_celeba.txt belong to the images in the wild (img_celeba), list_landmarks_align_celeba.txt
to the aligned ones (img_align_celeba, 178x218). Neither is ever used on the other: the two are two sources. Boxes are
x y width height; lists begin with a count and a header, and runs of spaces separate their columns.
"""

from collections.abc import Iterator
from pathlib import Path

from mien.data.sample import Problem, Sample, Value
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import find_file, lines, numbers
from mien.errors import ManifestError
from mien.types import Box, floats

WILD, ALIGNED = "img_celeba", "img_align_celeba"
SPLITS = {"0": "train", "1": "valid", "2": "test"}


def recognizes_wild(path: Path) -> bool:
    """Whether the identities and the images in the wild are there."""
    return _is_set(path, WILD)


def recognizes_aligned(path: Path) -> bool:
    """Whether the identities and the aligned images are there."""
    return _is_set(path, ALIGNED)


def _is_set(path: Path, images: str) -> bool:
    return path.is_dir() and find_file(path, "identity_CelebA.txt") is not None and _images(path, images) is not None


def _images(path: Path, name: str) -> Path | None:
    return next((folder for folder in (path / name, *sorted(path.glob(f"*/{name}"))) if folder.is_dir()), None)


def read_wild(path: Path) -> Rows:
    """The images in the wild, with their boxes and landmarks."""
    yield from _read(path, WILD, "list_landmarks_celeba.txt", boxes=True)


def read_aligned(path: Path) -> Rows:
    """The aligned images, with their landmarks; there are no boxes for them."""
    yield from _read(path, ALIGNED, "list_landmarks_align_celeba.txt", boxes=False)


def _read(path: Path, images: str, landmark_file: str, *, boxes: bool) -> Rows:
    folder = _images(path, images)
    identity = find_file(path, "identity_CelebA.txt")
    if folder is None or identity is None:
        raise ManifestError(f"{path} needs the folder {images} and identity_CelebA.txt")
    box_of = _table(path, "list_bbox_celeba.txt", 4)[1] if boxes else {}
    points_of = _table(path, landmark_file, 10)[1]
    names, attributes_of = _table(path, "list_attr_celeba.txt", 40)
    split_of = dict(_pairs(find_file(path, "list_eval_partition.txt")))
    present = {file.name for file in folder.iterdir()}
    for number, (name, subject) in enumerate(_pairs(identity), start=1):
        file = folder / name
        # Images are JPEG, or PNG in the lossless copy of the aligned set.
        if name not in present and f"{Path(name).stem}.png" in present:
            file = folder / f"{Path(name).stem}.png"
        elif name not in present:
            yield Problem(f"{identity}, line {number}", f"the image {file} is missing")
            continue
        box, points = box_of.get(name), points_of.get(name)
        yield Sample(
            file,
            subject,
            box=Box(box[0], box[1], box[0] + box[2], box[1] + box[3]) if box and box[2] > 0 < box[3] else None,
            landmarks=floats(points).reshape(5, 2) if points else None,
            known=_known(split_of.get(name), dict(zip(names, attributes_of.get(name, ()), strict=False))),
        )
        present.discard(file.name)
    for name in sorted(present):
        yield Problem(str(folder / name), f"{identity.name} does not say who it shows")


def _known(split: str | None, attributes: dict[str, float]) -> dict[str, Value]:
    known: dict[str, Value] = {name: int(value) for name, value in attributes.items()}
    if "Male" in attributes:
        known["sex"] = "male" if attributes["Male"] > 0 else "female"
    if split is not None:
        known["split"] = SPLITS.get(split, split)
    return known


def _pairs(path: Path | None) -> Iterator[tuple[str, str]]:
    for number, line in lines(path) if path else ():
        words = line.split()
        if len(words) != 2:
            raise ManifestError(f"{path}, line {number}: '{line[:60]}' should be a file name and a number")
        yield words[0], words[1]


def _table(path: Path, name: str, columns: int) -> tuple[list[str], dict[str, list[float]]]:
    """The header and the rows of a list; empty where the set has no such file."""
    file = find_file(path, name)
    if file is None:
        return [], {}
    header: list[str] = []
    rows = {}
    for number, line in lines(file):
        words = line.split()
        if number == 1:
            continue
        if number == 2:
            header = words[-columns:]
            continue
        if len(words) != columns + 1:
            raise ManifestError(f"{file}, line {number}: {len(words) - 1} values, and {columns} are expected")
        rows[words[0]] = numbers(words[1:], f"{file}, line {number}")
    return header, rows


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
