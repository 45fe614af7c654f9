"""Copies of galleries that are made and brought back while others work. Opens no model.

A copy of an encrypted gallery holds no keys, so whoever is erased cannot be read in any copy that was made before.
"""

from pathlib import Path

from mien.errors import GalleryError
from mien.gallery.stores import open_file
from mien.gallery.stores.sqlite import SqliteStore
from mien.gallery.stores.sqlite_backup import Restoration, copy_gallery, count_rows


def backup_gallery(gallery: str | Path, target: str | Path) -> None:
    """Write a copy of a gallery, as it is at this moment; others may read and write meanwhile.

    Args:
        gallery: path or address.
        target: the file to write; it must not be there yet.

    Raises:
        GalleryError: there is no such gallery, there is such a file, or it cannot be written.

    Example:
        >>> mien.backup_gallery("door.gallery", "door.backup")
    """
    place = Path(target)
    if place.exists():
        raise GalleryError(f"{place} exists already: choose a different file for the backup")
    store = _open(gallery)
    try:
        copy_gallery(store.path, place)
    finally:
        store.close()


def restore_gallery(backup: str | Path, gallery: str | Path) -> Restoration:
    """Bring back what a backup has and a gallery lacks; where there is no gallery, the backup becomes it.

    Nobody who was erased comes back, as far as that is known: from the gallery, or from its keys where it is
    encrypted. What was enrolled since the backup stays.

    Args:
        backup: a file that backup_gallery wrote.
        gallery: path; an encrypted one needs its key file next to it.

    Returns:
        What was brought back, and how much of the backup stays erased.

    Raises:
        GalleryError: the backup is damaged or of another gallery, or the gallery cannot be written.

    Example:
        >>> mien.restore_gallery("door.backup", "door.gallery")
        Restoration(subjects=0, samples=0, erased=0)
    """
    place = Path(gallery)
    is_new = not place.exists()
    held = count_rows(Path(backup))
    if is_new:
        copy_gallery(Path(backup), place)
    try:
        store = _open(place)
    except BaseException:
        if is_new:
            place.unlink(missing_ok=True)
        raise
    try:
        if not is_new:
            return store.bring_back(Path(backup))
        # Opening it has erased whatever its keys say is erased.
        subjects, samples = len(store.subjects()), store.count()
        return Restoration(subjects, samples, sum(held) - subjects - samples)
    finally:
        store.close()


def _open(gallery: str | Path) -> SqliteStore:
    return open_file(gallery, ": make backups with the tools of its database")
