"""The folders of a data set: groups, identities, images, and everything that is where it should not be.

Owns the grammar GROUP/[SEX/]IDENTITY/IMAGE and what counts as the same name. Opens no image, so that half a million
files are listed in seconds. What cannot be this structure at all is an error that says what was found and how to call
it.
"""

import os
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mien.errors import AuditError
from mien.image import has_image_suffix
from mien.portrait.dataset.findings import Finding
from mien.portrait.rules.schema import Structure

Group = Literal["adult", "child", ""]
SYSTEM = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "@eadir", "__macosx"})
"""What operating systems leave in folders; neither reported nor looked into, like hidden files."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An image of the data set.

    Attributes:
        path: relative to the data set's folder.
        subject: its identity, by the first spelling that was met; one name for all twins.
        group: adult, child, or nothing where that is not known.
        sex: male, female, or nothing where that is not known.
    """

    path: str
    subject: str
    group: str = ""
    sex: str = ""


@dataclass(slots=True)
class Listing:
    """What is in a data set's folder."""

    root: Path
    entries: list[Entry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def same_name(name: str) -> str:
    """A name in the form in which spellings are compared: composed, without case, blanks at the ends or doubled."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def _group_name(name: str) -> str:
    return same_name(name.replace("_", " ").replace("-", " "))


def list_data_set(root: Path, structure: Structure, *, flat: bool = False) -> Listing:
    """List a data set.

    Args:
        root: its folder.
        structure: how the groups' folders are called.
        flat: whether identities are in it directly, without groups.

    Raises:
        AuditError: no such folder, nothing in it, or another structure.
    """
    if not root.is_dir():
        raise AuditError(f"{root} is not a folder; `mien check` checks single photographs")
    listing = Listing(root)
    folders, files = _scan(root, listing)
    names = {
        **{_group_name(name): "adult" for name in structure.adults},
        **{_group_name(name): "child" for name in structure.children},
    }
    if flat:
        _identities(listing, [(root, "", "")], loose=False)
        _loose(listing, root, files)
        return _checked(listing)
    groups = [(folder, names.get(_group_name(folder.name))) for folder in folders]
    if not any(group for _, group in groups):
        raise AuditError(_what_it_is(root, folders, files, structure))
    _loose(listing, root, files)
    seen: dict[str, Path] = {}
    starts: list[tuple[Path, Group, str]] = []
    for folder, group in groups:
        if group is None:
            listing.findings.append(Finding(kind="unknown-folder", place=_relative(folder, root)))
            continue
        if group in seen:
            listing.findings.append(
                Finding(kind="double-group", place=_relative(seen[group], root), others=(_relative(folder, root),))
            )
        seen.setdefault(group, folder)
        starts += _by_sex(folder, "adult" if group == "adult" else "child", structure, listing)
    for wanted, called in (("adult", structure.adults[0]), ("child", structure.children[0])):
        if wanted not in seen:
            listing.findings.append(Finding(kind="missing-group", place=".", arguments={"group": called}))
    _identities(listing, starts)
    return _checked(listing)


def _by_sex(folder: Path, group: Group, structure: Structure, listing: Listing) -> list[tuple[Path, Group, str]]:
    """The folders that hold a group's identities: its own, and those of a sex."""
    names = {
        **{_group_name(name): "male" for name in structure.male},
        **{_group_name(name): "female" for name in structure.female},
    }
    inside = [(one, names.get(_group_name(one.name))) for one in _scan(folder, listing)[0]]
    return [(folder, group, ""), *((one, group, sex) for one, sex in inside if sex)]


def _identities(
    listing: Listing,
    starts: Iterable[tuple[Path, Group, str]],
    *,
    loose: bool = True,
) -> None:
    """Every identity's folder below the given ones; twins are joined under the first spelling.

    Args:
        listing: what is added to.
        starts: folders with identities, their group and sex.
        loose: whether files next to the identities are still to be reported.
    """
    starts = list(starts)
    between = {start for start, _, _ in starts}
    first: dict[tuple[str, str], Path] = {}
    groups: dict[str, dict[str, Path]] = {}
    for start, group, sex in starts:
        inside, files = _scan(start, listing)
        if loose:
            _loose(listing, start, files)
        if not inside and not files:
            listing.findings.append(Finding(kind="empty-folder", place=_relative(start, listing.root)))
        for folder in inside:
            if folder in between:
                continue
            name = same_name(folder.name)
            known = first.setdefault((group, name), folder)
            if known != folder:
                listing.findings.append(
                    Finding(
                        kind="twin-folder",
                        place=_relative(known, listing.root),
                        others=(_relative(folder, listing.root),),
                    )
                )
            elsewhere = groups.setdefault(name, {})
            elsewhere.setdefault(group, folder)
            if known == folder and len(elsewhere) == 2:
                others = tuple(_relative(one, listing.root) for one in elsewhere.values())
                listing.findings.append(Finding(kind="both-groups", place=folder.name, others=others))
            subject = _relative(known, listing.root)
            before = len(listing.entries)
            listing.entries += (Entry(path, subject, group, sex) for path in _images(folder, listing))
            if len(listing.entries) == before:
                listing.findings.append(Finding(kind="empty-folder", place=_relative(folder, listing.root)))


def _images(folder: Path, listing: Listing, depth: int = 0) -> Iterator[str]:
    """Images of an identity, those of nested folders too; what is not an image is reported."""
    inside, files = _scan(folder, listing)
    for file in files:
        if has_image_suffix(file):
            yield _relative(file, listing.root)
        else:
            listing.findings.append(Finding(kind="stray-file", place=_relative(file, listing.root)))
    for nested in inside:
        listing.findings.append(Finding(kind="nested-folder", place=_relative(nested, listing.root)))
        if depth < 16:
            yield from _images(nested, listing, depth + 1)


def _loose(listing: Listing, folder: Path, files: list[Path]) -> None:
    for file in files:
        kind = "loose-image" if has_image_suffix(file) else "stray-file"
        listing.findings.append(Finding(kind=kind, place=_relative(file, listing.root)))


def _scan(folder: Path, listing: Listing) -> tuple[list[Path], list[Path]]:
    """The visible folders and files in a folder, by name; what cannot be read is reported."""
    folders: list[Path] = []
    files: list[Path] = []
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                if entry.name.startswith(".") or entry.name.lower() in SYSTEM:
                    continue
                try:
                    (folders if entry.is_dir() else files).append(folder / entry.name)
                except OSError:
                    files.append(folder / entry.name)
    except OSError:
        listing.findings.append(Finding(kind="unreadable-folder", place=_relative(folder, listing.root)))
    return folders, files


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path != root else "."


def _checked(listing: Listing) -> Listing:
    if not listing.entries:
        raise AuditError(f"{listing.root} holds no images in folders of identities; nothing can be audited")
    return listing


def _what_it_is(root: Path, folders: list[Path], files: list[Path], structure: Structure) -> str:
    """What was found instead, and how to call it."""
    images = sum(has_image_suffix(file) for file in files)
    wanted = f"{structure.adults[0]}/IDENTITY/*.jpg and {structure.children[0]}/IDENTITY/*.jpg"
    if not folders and not files:
        return f"{root} is empty: lay the data set out as {wanted}"
    scratch = Listing(root)
    holding = sum(any(has_image_suffix(f) for f in _scan(folder, scratch)[1]) for folder in folders[:200])
    shown = f"{holding}" if len(folders) <= 200 else f"{len(folders)}"
    if holding:
        return (
            f"{root} has no folder of adults or children but {shown} folders with images ({folders[0].name}, ...): "
            f"if each is a person, audit it with --flat; else lay it out as {wanted}"
        )
    if images:
        return f"{root} holds {images} images and no folders of people: `mien check` checks single photographs"
    inside = ", ".join(folder.name for folder in folders[:4]) or "no folders"
    return f"{root} has no folder of adults or children ({inside}): name the folder that holds them, as {wanted}"
