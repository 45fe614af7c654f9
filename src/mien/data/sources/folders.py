"""Folders of subjects: ROOT/subject/*.jpg, or ROOT/adults/subject and ROOT/children/subject. Knows no annotations.

Which folders are groups and which are people is decided in mien.data.layout, for every verb. The age group and the
sex of the folders above a person become columns.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from mien.data.layout import Layout, PersonFolder, is_grouped, read_layout, unusable
from mien.data.sample import Problem, Sample, Value
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import folders_in
from mien.image import has_image_suffix


def recognizes(path: Path) -> bool:
    """Whether there are folders with images."""
    return path.is_dir() and any(_holds_image(folder) for folder in folders_in(path))


def _holds_image(folder: Path) -> bool:
    return any(has_image_suffix(Path(file)) for _, _, files in os.walk(folder) for file in files)


def recognizes_groups(path: Path) -> bool:
    """Whether people are in folders of adults or children."""
    return path.is_dir() and is_grouped(path)


def read(path: Path) -> Rows:
    """Every image of every folder, under the folder's name."""
    return _rows(read_layout(path, grouped=False))


def read_groups(path: Path) -> Rows:
    """Every image, with its age group, and with its sex where the folders say it."""
    return _rows(read_layout(path, grouped=True))


def _rows(layout: Layout) -> Rows:
    for person in layout.people:
        yield from person_samples(layout.root, person)
    for place, reason in unusable(layout):
        yield Problem(str(place), reason)


def person_samples(root: Path, person: PersonFolder) -> Iterator[Sample]:
    """The images of one person."""
    known: dict[str, Value] = {}
    if person.group:
        known["age_group"] = person.group
    if person.sex:
        known["sex"] = person.sex
    for image in person.images:
        yield Sample(root / image, person.name, known=known)


GROUPS_SOURCE = Source(
    name="portraits",
    summary="adults and children",
    note="ROOT/adults/ID, ROOT/children/ID, or in Vietnamese; also ROOT/adults/female/ID; age group and sex become "
    "columns, and so strata",
    recognizes=recognizes_groups,
    read=read_groups,
)

SOURCE = Source(
    name="folders",
    summary="folders of subjects",
    note="ROOT/subject/*.jpg",
    recognizes=recognizes,
    read=read,
)
