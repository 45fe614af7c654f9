"""The samples of a subject: listed, written as files, and erased one at a time. Opens no model."""

from pathlib import Path

from mien.errors import SampleNotFoundError
from mien.gallery.records import Erasure, SampleRow
from mien.gallery.stores import open_store


def list_samples(gallery: str | Path, subject: str) -> tuple[SampleRow, ...]:
    """List the samples of a subject, with what was doubtful of each when it was enrolled.

    Args:
        gallery: path or address.
        subject: the name, or the id.

    Raises:
        GalleryError: there is no such gallery, or several subjects have that name.
        SubjectNotFoundError: there is no such subject.

    Example:
        >>> [(row.number, row.source) for row in mien.list_samples("staff.gallery", "Eileen Collins")]
        [(1, 'people/Eileen Collins/1.png')]
    """
    from mien.gallery.names import find_subject

    store = open_store(gallery)
    try:
        return tuple(store.samples(find_subject(store, subject).id))
    finally:
        store.close()


def write_portraits(
    gallery: str | Path, subject: str, folder: str | Path, *, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write the kept portraits of a subject as JPEG files, which only their owner may read.

    Args:
        gallery: path or address.
        subject: the name, or the id.
        folder: where; each portrait is called by the number of its sample.
        overwrite: replace files that mien did not write.

    Raises:
        SubjectNotFoundError: there is no such subject.
        OutputError: a file of that name was not made by mien.

    Example:
        >>> [path.name for path in mien.write_portraits("staff.gallery", "Eileen Collins", "portraits")]
        ['1.jpg']
    """
    from mien.gallery.names import find_subject
    from mien.output_names import OutputGuard

    guard = OutputGuard(overwrite=overwrite)
    store = open_store(gallery)
    try:
        rows = [row for row in store.samples(find_subject(store, subject).id) if row.has_portrait]
        paths = {row.id: Path(folder) / f"{row.number}.jpg" for row in rows}
        guard.check(paths.values())
        for sample, path in paths.items():
            portrait = store.portrait(sample)
            # Another process may have erased it in the meantime.
            if portrait is not None:
                with guard.write(path, private=True) as scratch:
                    scratch.write_bytes(portrait.jpeg)
        return tuple(paths.values())
    finally:
        store.close()


def remove_sample(gallery: str | Path, subject: str, number: int) -> tuple[Erasure, bool]:
    """Erase one sample of a subject: its embedding, its portrait and their traces on disk.

    Args:
        gallery: path or address.
        subject: the name, or the id.
        number: of the sample; see list_samples.

    Returns:
        What was erased, and whether it was the last one, so that the subject is gone too.

    Raises:
        SubjectNotFoundError: there is no such subject.
        GalleryError: the subject has no such sample, or several subjects have that name.

    Example:
        >>> mien.remove_sample("staff.gallery", "Eileen Marie Collins", 1)
        (Erasure(templates=1, keys='none', log='emptied', outside='none'), False)
    """
    from mien.gallery.names import find_subject

    store = open_store(gallery)
    try:
        owner = find_subject(store, subject)
        rows = {row.number: row for row in store.samples(owner.id)}
        if number not in rows:
            raise SampleNotFoundError(
                f"{store.address} has no sample {number} of '{owner.name}'; see `mien samples {store.address} "
                f"'{owner.name}'`"
            )
        return store.remove_sample(rows[number].id, with_subject=True), len(rows) == 1
    finally:
        store.close()
