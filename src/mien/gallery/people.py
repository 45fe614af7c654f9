"""Who is enrolled in a gallery, other names for them, and erasing somebody for good.

Opens no model and loads no array library.
"""

from dataclasses import dataclass
from pathlib import Path

from mien.errors import GalleryError
from mien.gallery.records import Identity, SubjectRow
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


def remove_subject(gallery: str | Path, subject: str) -> int:
    """Erase a subject from a gallery: embeddings, portraits and their traces on disk.

    Returns:
        How many templates were erased.

    Raises:
        SubjectNotFoundError: there is no such subject.
        GalleryError: traces remain, with what to do about it.

    Example:
        >>> mien.remove_subject("staff.gallery", "Grace Hopper")
        1
    """
    from mien.data.sample import canonical_subject

    store = open_store(gallery)
    try:
        return store.remove(canonical_subject(subject))
    finally:
        store.close()


def rename_subject(gallery: str | Path, subject: str, name: str) -> None:
    """Give a subject another name, and erase the former one: also from the paths that its portraits came from.

    Args:
        gallery: path or address.
        subject: the former name.
        name: the new one.

    Raises:
        SubjectNotFoundError: there is no such subject.
        GalleryError: another subject has the new name, it is empty, or traces remain, with what to do about it.

    Example:
        >>> mien.rename_subject("staff.gallery", "Eileen Collins", "Eileen Marie Collins")
    """
    from mien.data.sample import canonical_subject

    new = canonical_subject(name)
    if not new:
        raise GalleryError(f"a subject needs a name that is not empty: '{subject}' keeps its name")
    store = open_store(gallery)
    try:
        store.rename(canonical_subject(subject), new)
    finally:
        store.close()


def merge_subjects(gallery: str | Path, subject: str, into: str) -> int:
    """Make one subject of two: all samples of the first one are moved to the other, and its name is erased.

    An image that was enrolled for both stays once.

    Args:
        gallery: path or address.
        subject: whose samples are moved.
        into: who gets them, and whose name stays.

    Returns:
        How many samples were moved.

    Raises:
        SubjectNotFoundError: there is no such subject, or no such other one.
        GalleryError: both are the same, or traces remain, with what to do about it.

    Example:
        >>> mien.merge_subjects("staff.gallery", "E. Collins", "Eileen Collins")
        1
    """
    from mien.data.sample import canonical_subject

    store = open_store(gallery)
    try:
        return store.merge(canonical_subject(subject), canonical_subject(into))
    finally:
        store.close()
