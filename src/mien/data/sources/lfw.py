"""Labeled Faces in the Wild: Name/Name_0001.jpg, and its protocol files.

people.txt gives the ten folds of View 2, peopleDevTrain.txt and peopleDevTest.txt the two parts of View 1; they
are next to the images or one folder up. Pair lists are read by mien.data.pairs.
"""

from pathlib import Path

from mien.data.sample import Problem, Sample, Value
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import find_file, folders_in, lines
from mien.image import find_images, has_image_suffix


def recognizes(path: Path) -> bool:
    """Whether folders of names hold images of the same name and a number of four digits."""
    return path.is_dir() and _root(path) is not None


def _root(path: Path) -> Path | None:
    inside = folders_in(path)
    # A folder next to others holds one group of people, such as adults, and the set is more than that.
    for root in (path, *inside) if len(inside) == 1 else (path,):
        people = folders_in(root)[:50]
        if people and all(_is_person(folder) for folder in people):
            return root
    return None


def _is_person(folder: Path) -> bool:
    return any(child.name.startswith(f"{folder.name}_0") for child in folder.iterdir())


def read(path: Path) -> Rows:
    """Every image with its split and fold; people whom the lists name and the folder lacks are problems."""
    root = _root(path) or path
    known = _people(root if find_file(root, "people.txt", "peopleDevTrain.txt") else root.parent)
    seen = set()
    for folder in folders_in(root):
        seen.add(folder.name)
        files = find_images(folder)
        if not files:
            yield Problem(str(folder), "the folder holds no images")
        for file in files:
            yield Sample(file, folder.name, known=known.get(folder.name, {}))
    for file in sorted(root.iterdir()):
        if file.is_file() and has_image_suffix(file):
            yield Problem(str(file), "is not in a subject's folder")
    for name in sorted(set(known) - seen):
        yield Problem(str(root / name), "the lists name this person, and there is no such folder")


def _people(folder: Path) -> dict[str, dict[str, Value]]:
    """What the lists say of each person."""
    known: dict[str, dict[str, Value]] = {}
    for file, column, value in (
        ("people.txt", "fold", None),
        ("peopleDevTrain.txt", "split", "dev-train"),
        ("peopleDevTest.txt", "split", "dev-test"),
    ):
        path = find_file(folder, file)
        fold = -1
        for number, line in lines(path) if path else ():
            words = line.split("\t")
            if len(words) == 1:
                # people.txt begins with the number of folds, and each fold with its number of people.
                fold += number > 1
            else:
                known.setdefault(words[0], {})[column] = fold if value is None else value
    return known


SOURCE = Source(
    name="lfw",
    summary="Labeled Faces in the Wild",
    note="the folds and the parts of View 1 become columns where the lists are there",
    recognizes=recognizes,
    read=read,
)
