"""The folders of a data set as an audit sees them: identities, images, and findings about what is out of place.

Which folders are groups and which are people is decided in mien.data.layout, for every verb. Owns what is made of it
here: identities of the same name are one, and everything out of place is a finding. Opens no image. What cannot be
this structure at all is an error that says what was found and how to call it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mien.data.layout import GroupNames, Layout, Oddity, PersonFolder, read_layout, same_name, visible
from mien.data.stored_paths import as_stored
from mien.errors import AuditError
from mien.image import has_image_suffix, has_unread_suffix
from mien.portrait.dataset.findings import Finding
from mien.portrait.rules.schema import Structure

__all__ = ["Entry", "Listing", "list_data_set", "same_name"]


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
    names = GroupNames(structure.adults, structure.children, structure.male, structure.female)
    try:
        folders, files = visible(root)
    except OSError as reason:
        raise AuditError(f"{root} cannot be read: {reason.strerror or reason}") from reason
    if not flat and not any(names.group(folder.name) for folder in folders):
        raise AuditError(_what_it_is(root, folders, files, structure))
    layout = read_layout(root, names, grouped=not flat)
    listing = Listing(root, findings=[_finding(odd, structure) for odd in layout.oddities])
    _add_people(listing, layout)
    return _checked(listing, flat)


def _finding(odd: Oddity, structure: Structure) -> Finding:
    if odd.kind != "missing-group":
        to_convert = odd.kind == "stray-file" and has_unread_suffix(Path(odd.place))
        variant = "convert" if to_convert else "text"
        return Finding(kind=odd.kind, place=odd.place, others=odd.others, variant=variant)
    called = structure.adults[0] if odd.group == "adult" else structure.children[0]
    return Finding(kind=odd.kind, place=odd.place, arguments={"group": called})


def _add_people(listing: Listing, layout: Layout) -> None:
    """Add everybody's images; twins are joined under the first spelling."""
    first: dict[tuple[str, str], str] = {}
    groups: dict[str, dict[str, PersonFolder]] = {}
    for person in layout.people:
        name = same_name(person.name)
        known = first.setdefault((person.group, name), person.folder)
        if known != person.folder:
            listing.findings.append(Finding(kind="twin-folder", place=known, others=(person.folder,)))
        elsewhere = groups.setdefault(name, {})
        elsewhere.setdefault(person.group, person)
        if known == person.folder and len(elsewhere) == 2:
            listing.findings.append(_in_both(person.name, elsewhere.values()))
        listing.entries += (
            Entry(as_stored(path), as_stored(known), person.group, person.sex) for path in person.images
        )


def _in_both(name: str, folders: Iterable[PersonFolder]) -> Finding:
    return Finding(kind="both-groups", place=name, others=tuple(one.folder for one in folders))


def _checked(listing: Listing, flat: bool) -> Listing:
    if listing.entries:
        return listing
    loose = sum(finding.kind == "loose-image" for finding in listing.findings)
    images = f"{loose} loose image{'' if loose == 1 else 's'}"
    found = f"{images} and no folder of a person with images" if loose else "no images of people"
    wanted = "IDENTITY/*.jpg" if flat else "GROUP/IDENTITY/*.jpg"
    raise AuditError(
        f"{listing.root} holds {found}: put the images of each person into a folder of its own, as {wanted}"
        + ("; `mien check` checks single photographs" if loose else "")
    )


def _what_it_is(root: Path, folders: list[Path], files: list[Path], structure: Structure) -> str:
    """What was found instead, and how to call it."""
    images = sum(has_image_suffix(file) for file in files)
    wanted = f"{structure.adults[0]}/IDENTITY/*.jpg and {structure.children[0]}/IDENTITY/*.jpg"
    if not folders and not files:
        return f"{root} is empty: lay the data set out as {wanted}"
    holding = sum(_holds_images(folder) for folder in folders[:200])
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


def _holds_images(folder: Path) -> bool:
    try:
        return any(has_image_suffix(file) for file in visible(folder)[1])
    except OSError:
        return False
