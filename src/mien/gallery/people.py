"""Who is enrolled in a gallery, other names for them, and erasing somebody for good.

Opens no model and loads no array library.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mien.errors import GalleryError
from mien.gallery.profiles import Json, Profile
from mien.gallery.records import Erasure, Identity, SubjectRow
from mien.gallery.stores import open_store


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The subjects of a gallery by name, and which embeddings it holds.

    Attributes:
        subjects: by name.
        identity: of the embeddings.
        traces_remain: whether something that was erased is still in the gallery's log, since another process reads.
    """

    subjects: tuple[SubjectRow, ...]
    identity: Identity
    traces_remain: bool = False


def list_subjects(gallery: str | Path) -> Enrolled:
    """List the subjects of a gallery.

    What an earlier removal may have left in logs while another process was reading is erased here.

    Raises:
        GalleryError: there is no such gallery.

    Example:
        >>> [row.name for row in mien.list_subjects("staff.gallery").subjects]
        ['Eileen Collins', 'Grace Hopper']
    """
    store = open_store(gallery)
    try:
        rows = tuple(store.subjects())
        store.erase_traces()
        return Enrolled(rows, store.identity, store.traces_remain())
    finally:
        store.close()


def remove_subject(gallery: str | Path, subject: str) -> Erasure:
    """Erase a subject from a gallery: profile, embeddings, portraits and their traces on disk.

    Args:
        gallery: path or address.
        subject: the name, or the id.

    Returns:
        How many templates were erased, and whether something is still in the gallery's log since another process
        reads; list_subjects finishes that.

    Raises:
        SubjectNotFoundError: there is no such subject.
        GalleryError: several subjects have that name.

    Example:
        >>> mien.remove_subject("staff.gallery", "Grace Hopper")
        Erasure(templates=1, keys='none', log='emptied', outside='none')
    """
    from mien.gallery.names import find_subject

    store = open_store(gallery)
    try:
        return store.remove(find_subject(store, subject).id)
    finally:
        store.close()


def rename_subject(gallery: str | Path, subject: str, name: str) -> None:
    """Give a subject another name, and erase the former one: also from the paths that its samples came from.

    Args:
        gallery: path or address.
        subject: the former name, or the id.
        name: the new one.

    Raises:
        SubjectNotFoundError: there is no such subject.
        GalleryError: another subject has the new name, or it is empty.

    Example:
        >>> mien.rename_subject("staff.gallery", "Eileen Collins", "Eileen Marie Collins")
    """
    from mien.data.sample import canonical_subject
    from mien.gallery.names import find_subject
    from mien.gallery.profiles import require_name

    new = canonical_subject(name)
    require_name(new)
    store = open_store(gallery)
    try:
        row = find_subject(store, subject)
        if any(other.id != row.id for other in store.find(new)):
            raise GalleryError(
                f"{store.address} has a subject '{new}' already; `mien merge {store.address} '{row.name}' '{new}'` "
                "makes one subject of both"
            )
        store.change_subject(row.id, lambda profile: replace(profile, name=new))
    finally:
        store.close()


def suspend_subject(gallery: str | Path, subject: str, *, end: bool = False) -> SubjectRow:
    """Let nobody be recognized as a subject for a while; its samples stay.

    Args:
        gallery: path or address.
        subject: the name, or the id.
        end: whether it is to be recognized again.

    Raises:
        SubjectNotFoundError: there is no such subject.
        GalleryError: several subjects have that name.

    Example:
        >>> mien.suspend_subject("staff.gallery", "Grace Hopper").state
        'suspended'
    """
    return _change(gallery, subject, lambda profile: replace(profile, state="active" if end else "suspended"))


def change_metadata(
    gallery: str | Path, subject: str, changes: Mapping[str, Json], removed: Collection[str] = ()
) -> SubjectRow:
    """Change what is written down about a subject besides its name.

    Args:
        gallery: path or address.
        subject: the name, or the id.
        changes: new values by key; other keys stay.
        removed: keys that are taken out; those that there are not do no harm.

    Raises:
        SubjectNotFoundError: there is no such subject.
        GalleryError: several subjects have that name, or it is more than a subject may have.

    Example:
        >>> mien.change_metadata("staff.gallery", "Eileen Collins", {"floor": 3}).metadata
        {'floor': 3}
    """

    def changed(profile: Profile) -> Profile:
        metadata = {**profile.metadata, **changes}
        return replace(profile, metadata={key: value for key, value in metadata.items() if key not in removed})

    return _change(gallery, subject, changed)


def _change(gallery: str | Path, subject: str, change: Callable[[Profile], Profile]) -> SubjectRow:
    from mien.gallery.names import find_subject

    store = open_store(gallery)
    try:
        return store.change_subject(find_subject(store, subject).id, change)
    finally:
        store.close()


def merge_subjects(gallery: str | Path, subject: str, into: str) -> int:
    """Make one subject of two: all samples of the first one are moved to the other, and its name is erased.

    An image that was enrolled for both stays once.

    Args:
        gallery: path or address.
        subject: whose samples are moved, by name or id.
        into: who gets them, and whose name stays.

    Returns:
        How many samples were moved.

    Raises:
        SubjectNotFoundError: there is no such subject, or no such other one.
        GalleryError: both are the same, or several subjects have one of the names.

    Example:
        >>> mien.merge_subjects("staff.gallery", "E. Collins", "Eileen Collins")
        1
    """
    from mien.gallery.names import find_subject

    store = open_store(gallery)
    try:
        return store.merge(find_subject(store, subject).id, find_subject(store, into).id)
    finally:
        store.close()
