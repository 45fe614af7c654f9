"""The samples of a subject: listed, written as files, and erased one at a time. Opens no model."""

from pathlib import Path

from mien.gallery.records import SampleRow
from mien.gallery.stores import open_store


def list_samples(gallery: str | Path, subject: str) -> tuple[SampleRow, ...]:
    """List the samples of a subject, with what was doubtful of each when it was enrolled.

    Args:
        gallery: path or address.
        subject: the name.

    Raises:
        GalleryError: there is no such gallery.
        SubjectNotFoundError: there is no such subject.

    Example:
        >>> [(row.number, row.source) for row in mien.list_samples("staff.gallery", "Eileen Collins")]
        [(1, 'people/Eileen Collins/1.png')]
    """
    from mien.data.sample import canonical_subject

    store = open_store(gallery)
    try:
        return tuple(store.samples(canonical_subject(subject)))
    finally:
        store.close()


def write_portraits(
    gallery: str | Path, subject: str, folder: str | Path, *, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write the portraits of a subject as JPEG files, which only their owner may read.

    Args:
        gallery: path or address.
        subject: the name.
        folder: where; each portrait is called by the id of its sample.
        overwrite: replace files that mien did not write.

    Raises:
        SubjectNotFoundError: there is no such subject.
        OutputError: a file of that name was not made by mien.

    Example:
        >>> [path.name for path in mien.write_portraits("staff.gallery", "Eileen Collins", "portraits")]
        ['1.jpg']
    """
    from mien.data.sample import canonical_subject
    from mien.output_names import OutputGuard

    name, guard = canonical_subject(subject), OutputGuard(overwrite=overwrite)
    store = open_store(gallery)
    try:
        paths = {row.number: Path(folder) / f"{row.number}.jpg" for row in store.samples(name)}
        guard.check(paths.values())
        for number, portrait in store.portraits_of(name):
            with guard.write(paths[number], private=True) as scratch:
                scratch.write_bytes(portrait.jpeg)
        return tuple(paths.values())
    finally:
        store.close()


def remove_sample(gallery: str | Path, subject: str, number: int) -> bool:
    """Erase one sample of a subject: its embedding, its portrait and their traces on disk.

    Args:
        gallery: path or address.
        subject: the name.
        number: the id of the sample; see list_samples.

    Returns:
        Whether it was the last one, so that the subject is gone too.

    Raises:
        SubjectNotFoundError: there is no such subject.
        GalleryError: the subject has no such sample, or traces remain, with what to do about it.

    Example:
        >>> mien.remove_sample("staff.gallery", "Eileen Marie Collins", 1)
        False
    """
    from mien.data.sample import canonical_subject

    store = open_store(gallery)
    try:
        return store.remove_sample(canonical_subject(subject), number)
    finally:
        store.close()
