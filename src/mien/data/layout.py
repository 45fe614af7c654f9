"""The folders of a data set: [GROUP/][SEX/]SUBJECT/IMAGE, as every verb reads them.

Owns which folders are age groups and which are people, what counts as the same name, and the list of everything that
is where it should not be. Adults and children may be in folders of their own (`adults`, `người lớn`, `children`,
`trẻ con`, ...; whatever the case, the form of Unicode, and with `_` or `-` for blanks), and men and women below them.
Opens no image, so that half a million files are listed in seconds. Follows links to folders, and enters no folder
twice.
"""

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mien.image import has_image_suffix

Group = Literal["adult", "child", ""]
Sex = Literal["male", "female", ""]

SYSTEM = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "@eadir", "__macosx"})
"""What operating systems leave in folders; neither reported nor looked into, like hidden files."""

DEPTH = 16
"""Folders below a person's folder that are looked into."""


@dataclass(frozen=True, slots=True)
class GroupNames:
    """How the folders of groups are called.

    Attributes:
        adults: names of the adults' folder.
        children: names of the children's folder.
        male: names of folders of men or boys, inside of a group's folder.
        female: names of folders of women or girls.
    """

    adults: tuple[str, ...] = ("adults", "adult", "nguoi lon", "người lớn")
    children: tuple[str, ...] = ("children", "child", "tre con", "trẻ con", "tre em", "trẻ em")
    male: tuple[str, ...] = ("male", "men", "nam")
    female: tuple[str, ...] = ("female", "women", "nu", "nữ")

    def group(self, name: str) -> Group:
        """The age group that a folder's name stands for; nothing where it stands for none."""
        return "adult" if _among(name, self.adults) else "child" if _among(name, self.children) else ""

    def sex(self, name: str) -> Sex:
        """The sex that a folder's name stands for; nothing where it stands for none."""
        return "male" if _among(name, self.male) else "female" if _among(name, self.female) else ""


USUAL_NAMES = GroupNames()


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFolder:
    """A folder of images of one person.

    Attributes:
        folder: relative to the root; its last part is the person's name.
        images: relative to the root, those of nested folders too.
        group: of the folder above; nothing where there is none.
        sex: of the folder above; nothing where there is none.
    """

    folder: str
    images: tuple[str, ...]
    group: Group = ""
    sex: Sex = ""

    @property
    def name(self) -> str:
        """The person's name, letter by letter."""
        return Path(self.folder).name


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something that is not where it should be.

    Attributes:
        kind: unknown-folder, double-group, missing-group, loose-image, stray-file, empty-folder, nested-folder,
            repeated-folder or unreadable-folder.
        place: the folder or file, relative to the root.
        others: folders that belong to it.
        group: for a group that is missing.
    """

    kind: str
    place: str
    others: tuple[str, ...] = ()
    group: Group = ""


@dataclass(slots=True)
class Layout:
    """What is in a folder.

    Attributes:
        root: the folder.
        grouped: whether people are in folders of age groups.
        people: everybody's folder, by group and name.
        oddities: what is not where it should be.
    """

    root: Path
    grouped: bool = False
    people: list[PersonFolder] = field(default_factory=list)
    oddities: list[Oddity] = field(default_factory=list)


def same_name(name: str) -> str:
    """A name in the form in which spellings are compared: composed, without case, blanks at the ends or doubled."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def _among(name: str, names: tuple[str, ...]) -> bool:
    return _plain(name) in {_plain(one) for one in names}


def _plain(name: str) -> str:
    return same_name(name.replace("_", " ").replace("-", " "))


def visible(folder: Path) -> tuple[list[Path], list[Path]]:
    """The visible folders and files in a folder, by name.

    Raises:
        OSError: it cannot be read.
    """
    folders: list[Path] = []
    files: list[Path] = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            if entry.name.startswith(".") or entry.name.lower() in SYSTEM:
                continue
            try:
                (folders if entry.is_dir() else files).append(folder / entry.name)
            except OSError:
                files.append(folder / entry.name)
    return folders, files


def is_grouped(root: Path, names: GroupNames = USUAL_NAMES) -> bool:
    """Whether people are in folders of age groups: a group's folder that holds folders, or folders of both groups.

    A group's folder with images directly in it, and no other group next to it, is a person who is called so.
    """
    scan = _Scan(Layout(root))
    groups = [(folder, group) for folder in scan.inside(root)[0] if (group := names.group(folder.name))]
    if len({group for _, group in groups}) == 2:
        return True
    inside = [scan.inside(folder) for folder, _ in groups]
    return any(folders and not any(has_image_suffix(file) for file in files) for folders, files in inside)


def read_layout(root: Path, names: GroupNames = USUAL_NAMES, *, grouped: bool | None = None) -> Layout:
    """List a folder of people.

    Args:
        root: the folder.
        names: how the folders of groups are called.
        grouped: whether there are folders of groups; None to find out.
    """
    layout = Layout(root, is_grouped(root, names) if grouped is None else grouped)
    scan = _Scan(layout)
    folders, files = scan.enter(root)
    if not layout.grouped:
        scan.add_people(folders, "", "")
        scan.report_loose(files)
        return layout
    scan.report_loose(files)
    first: dict[Group, Path] = {}
    for folder in folders:
        group = names.group(folder.name)
        if not group:
            scan.report("unknown-folder", folder)
            continue
        if group in first:
            scan.report("double-group", first[group], folder)
        first.setdefault(group, folder)
        scan.add_group(folder, group, names)
    for wanted in _GROUPS:
        if wanted not in first:
            layout.oddities.append(Oddity("missing-group", ".", group=wanted))
    return layout


_GROUPS: tuple[Group, ...] = ("adult", "child")


class _Scan:
    """Fills a layout."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._entered: dict[tuple[int, int], Path] = {}

    def add_group(self, folder: Path, group: Group, names: GroupNames) -> None:
        """Add the people of a group: those in its folder, and those in its folders of a sex."""
        starts: list[tuple[Path, Sex]] = [(folder, "")]
        while starts:
            start, sex = starts.pop(0)
            folders, files = self.enter(start)
            self.report_loose(files)
            if not folders and not files:
                self.report("empty-folder", start)
            if not sex:
                between = [(one, kind) for one in folders if (kind := names.sex(one.name)) and self._is_between(one)]
                starts += between
                folders = [one for one in folders if one not in {start for start, _ in between}]
            self.add_people(folders, group, sex)

    def _is_between(self, folder: Path) -> bool:
        """Whether people are below a folder, and not a person who is called `Nam` is in it."""
        folders, files = self.inside(folder)
        return bool(folders) and not any(has_image_suffix(file) for file in files)

    def add_people(self, folders: list[Path], group: Group, sex: Sex) -> None:
        """Add people's folders."""
        for folder in folders:
            images = tuple(self._images(folder))
            if not images:
                self.report("empty-folder", folder)
            person = PersonFolder(folder=self._relative(folder), images=images, group=group, sex=sex)
            self.layout.people.append(person)

    def _images(self, folder: Path, depth: int = 0) -> Iterator[str]:
        """Images of a person, those of nested folders too; what is not an image is reported."""
        folders, files = self.enter(folder)
        for file in files:
            if has_image_suffix(file):
                yield self._relative(file)
            else:
                self.report("stray-file", file)
        for nested in folders:
            self.report("nested-folder", nested)
            if depth < DEPTH:
                yield from self._images(nested, depth + 1)

    def report_loose(self, files: list[Path]) -> None:
        """Report files that are in no person's folder."""
        for file in files:
            self.report("loose-image" if has_image_suffix(file) else "stray-file", file)

    def report(self, kind: str, place: Path, *others: Path) -> None:
        """Add an oddity."""
        found = Oddity(kind, self._relative(place), tuple(self._relative(one) for one in others))
        self.layout.oddities.append(found)

    def enter(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """The folders and files in a folder; nothing in one that was entered before, through a link."""
        try:
            found = folder.stat()
        except OSError:
            self.report("unreadable-folder", folder)
            return [], []
        earlier = self._entered.setdefault((found.st_dev, found.st_ino), folder)
        if earlier == folder:
            return self.inside(folder)
        self.report("repeated-folder", folder, earlier)
        return [], []

    def inside(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """The visible folders and files in a folder; what cannot be read is reported."""
        try:
            return visible(folder)
        except OSError:
            self.report("unreadable-folder", folder)
            return [], []

    def _relative(self, path: Path) -> str:
        return str(path.relative_to(self.layout.root)) if path != self.layout.root else "."


def unusable(layout: Layout) -> Iterator[tuple[Path, str]]:
    """What is left out of a data set, or merged in it, and why.

    Files that are not images, folders in a person's folder and a group that is missing do no harm, and are not here.
    """
    for odd in layout.oddities:
        reason = _REASONS.get(odd.kind)
        if reason is not None:
            yield layout.root / odd.place, reason.format(others=", ".join(odd.others))
    seen: dict[str, Group] = {}
    for person in layout.people:
        if seen.setdefault(same_name(person.name), person.group) != person.group:
            yield layout.root / person.folder, f"the identity {person.name} is under adults and under children"


_REASONS = {
    "unknown-folder": "is neither adults nor children, so its images are left out",
    "double-group": "and {others} are the same age group",
    "loose-image": "is not in a subject's folder",
    "empty-folder": "the folder holds no images",
    "repeated-folder": "is a link to {others}, which was read already",
    "unreadable-folder": "the folder cannot be read: change its permissions",
}
