"""Finds the subject that a person means by a name or an id. Opens no gallery."""

from mien.data.sample import canonical_subject
from mien.errors import GalleryError, SubjectNotFoundError
from mien.gallery.records import SubjectRow
from mien.gallery.stores.base import Store


def find_subject(store: Store, subject: str) -> SubjectRow:
    """The subject of this name; else the one of this id.

    Raises:
        SubjectNotFoundError: there is no such subject.
        GalleryError: several subjects have the name, with their ids.
    """
    found = store.find(canonical_subject(subject))
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(row.id for row in found)
        raise GalleryError(
            f"{store.address} has {len(found)} subjects called '{subject}': say which by its id ({ids})"
        )
    try:
        return store.subject(subject)
    except SubjectNotFoundError:
        raise SubjectNotFoundError(
            f"{store.address} has no subject '{subject}'; see `mien subjects {store.address}`"
        ) from None
