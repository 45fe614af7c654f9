"""Moves the vectors of a gallery: out to a file, into a database and back, and compares both before the switch.

An export holds vectors and ids and nothing else. An import puts what is missing, so that it can be run again after it
was stopped, and never brings back who was erased since. Opens no model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from mien.errors import ContractError, GalleryError
from mien.gallery.recall import measure_recall
from mien.gallery.records import Identity
from mien.gallery.stores import open_file
from mien.gallery.stores.base import Store, require_identity
from mien.gallery.stores.outside_recall import Recall, is_outdated, keep_recall, kept_recall
from mien.gallery.stores.outside_vectors import Table
from mien.gallery.stores.sqlite import SqliteStore
from mien.gallery.vectors import IN_FILE, asks_for_exact, open_vectors
from mien.gallery.vectors.base import VectorStore
from mien.gallery.vectors.export_file import BLOCK, Block, Export, ExportHead, write_export
from mien.models.report import Check
from mien.progress import OnProgress, Progress, no_progress

ORPHAN_AGE = 600
"""Seconds after which a vector without a row is not an enrolment that is being written."""

NOBODY = "0" * 32
"""The id of no gallery."""

PROBES = 1_000
"""Searches by which two places of vectors are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorComparison:
    """How the vectors at another place differ from those of a gallery. It is true where they do not.

    Attributes:
        here: how many the gallery has.
        there: how many the other place has.
        missing: ids that are here alone, the first ones.
        extra: ids that are there alone, the first ones.
        different: ids whose vectors are not the same bit by bit, the first ones.
        differences: how many ids that are, of all three kinds.
        recall: of searches there; None for a file, which nobody searches.
    """

    here: int
    there: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    different: tuple[str, ...]
    differences: int
    recall: Recall | None

    def __bool__(self) -> bool:
        return self.differences == 0


def require_vectors(address: str, identity: Identity) -> None:
    """Make sure that a database can keep vectors, before a gallery is made for them.

    Args:
        address: of the database.
        identity: of the embeddings.

    Raises:
        GalleryError: it cannot be reached, or keeps another model's vectors there.
    """
    target = open_vectors(address, NOBODY, identity)
    try:
        target.count()
    finally:
        target.close()


def keep_vectors_at(store: Store, address: str) -> None:
    """Let a gallery without samples keep its vectors in a database from the start.

    Args:
        store: of the gallery.
        address: of the database.

    Raises:
        GalleryError: the gallery is not a file, or the database cannot be reached.
    """
    if not isinstance(store, SqliteStore):
        raise GalleryError(f"{store.address} is not a gallery file: its vectors are where it is")
    target = open_vectors(address, store.id, store.identity)
    try:
        target.count()
        store.switch_vectors(target)
    except BaseException:
        target.close()
        raise


def export_vectors(
    gallery: str | Path, file: str | Path, *, plain: bool = False, on_progress: OnProgress = no_progress
) -> ExportHead:
    """Write the ids and vectors of a gallery to a Parquet file, unencrypted and without names.

    Args:
        gallery: path.
        file: to write.
        plain: confirms that the vectors of an encrypted gallery leave it unencrypted.
        on_progress: called after each block.

    Raises:
        GalleryError: there is no such gallery, or it is encrypted and that is not confirmed.
        OSError: the file cannot be written.

    Example:
        >>> mien.export_vectors("door.gallery", "door.parquet").identity.model
        'dlib-resnet'
    """
    store = _open(gallery)
    try:
        if store.is_encrypted and not plain:
            raise GalleryError(
                f"{gallery} is encrypted, and an export is not: say --plain (plain=True) to write the vectors of all "
                "its people unencrypted, and erase the file when they are moved"
            )
        total = store.count()
        rows = _reported(_rows(store), total, on_progress, "exporting")
        return write_export(Path(file), store.id, store.identity, rows)
    finally:
        store.close()


def import_vectors(
    file: str | Path,
    gallery: str | Path,
    vectors: str,
    *,
    probes: int = PROBES,
    on_progress: OnProgress = no_progress,
) -> VectorComparison:
    """Put the vectors of an export into a database, compare them, and keep the gallery's vectors there from now on.

    It can be run again after it was stopped: what is there already is not written again. Who was erased since the
    export stays erased, and who was enrolled since is taken from the gallery.

    Args:
        file: that export_vectors wrote.
        gallery: path of the gallery that it was written of.
        vectors: the address of the database, or "file" for the gallery file itself.
        probes: searches by which the database is compared.
        on_progress: called after each block.

    Returns:
        How the place compares. Where it differs, the gallery was not switched. Vectors that came back into the file
        were compared with what was enrolled, one by one, so that nothing differs there.

    Raises:
        GalleryError: the export was cut or edited, is of another gallery, or the database cannot be reached.
        ContractError: the export holds another model's embeddings.

    Example:
        >>> bool(mien.import_vectors("door.parquet", "door.gallery", "file"))
        True
    """
    store, export = _open(gallery), Export(Path(file))
    try:
        _require_of(export, store)
        export.check()
        if vectors == IN_FILE:
            if store.vectors_at is None:
                return _compare(store, export, 0, on_progress)
            store.switch_vectors(None, export)
            return _unchanged(store.count())
        target = open_vectors(vectors, store.id, store.identity)
        try:
            if store.vectors_at != target.address:
                # One that cannot be reached gets no copies, and nothing is to be removed from it.
                target.count()
                store.note_copies(Table(target.address, store.identity))
            with target.loading(on_progress):
                _fill(store, target, export, on_progress)
            found = _compare(store, target, probes, on_progress)
            if found and store.vectors_at != vectors:
                store.switch_vectors(target)
            if found and found.recall is not None:
                keep_recall(store, found.recall)
            return found
        finally:
            target.close()
    finally:
        export.close()
        store.close()


def compare_vectors(
    gallery: str | Path, other: str | Path, *, probes: int = PROBES, on_progress: OnProgress = no_progress
) -> VectorComparison:
    """Compare the vectors of a gallery with those of an export, or of a database: counts, ids, bits and answers.

    Args:
        gallery: path.
        other: an export, or the address of a database.
        probes: searches by which a database is compared.
        on_progress: called after each block.

    Raises:
        GalleryError: one of them cannot be read, or the export is of another gallery.

    Example:
        >>> bool(mien.compare_vectors("door.gallery", "door.parquet"))
        True
    """
    store = _open(gallery)
    try:
        if "://" not in str(other):
            export = Export(Path(other))
            try:
                _require_of(export, store)
                return _compare(store, export, 0, on_progress)
            finally:
                export.close()
        target = open_vectors(str(other), store.id, store.identity)
        try:
            found = _compare(store, target, probes, on_progress)
        finally:
            target.close()
        if found.recall is not None and store.vectors_at == str(other):
            keep_recall(store, found.recall)
        return found
    finally:
        store.close()


def compact_vectors(gallery: str | Path, *, gone: str | None = None) -> str:
    """Remove vectors that belong to nobody from the database of a gallery, and let it give back their room.

    Also removes the copies that an import or a re-enrolment left which was stopped and is not to be finished.

    Args:
        gallery: its path.
        gone: the address of a former database that exists no more. What was to be removed from it is not waited for
            any longer, and nothing else is done.

    Returns:
        How far the database could do that, in a sentence.

    Raises:
        GalleryError: the database cannot be reached, or the gallery waits for nothing at the one that is gone.

    Example:
        >>> mien.compact_vectors("door.gallery")
        'the vectors are in the gallery file, which keeps nothing of who is erased'
    """
    store = _open(gallery)
    try:
        if gone is not None:
            count = store.give_up(gone)
            store.erase_traces()
            vectors = "1 vector was" if count == 1 else f"{count} vectors were"
            return (
                f"the gallery waits no longer for {gone}, from which {vectors} to be removed: whoever has a copy of "
                "that database still has them"
            )
        store.discard_copies()
        if store.vectors_at is None:
            store.erase_traces()
            return "the vectors are in the gallery file, which keeps nothing of who is erased"
        target = open_vectors(store.vectors_at, store.id, store.identity)
        try:
            store.erase_traces()
            known = {one for _, one in _all_ids(store)}
            # A vector is put before its row is written, so a young one may get its row yet.
            old = [one for block in target.ids(older_than=ORPHAN_AGE) for one in block if one not in known]
            store.remove_orphans(target, old)
            return target.compact()
        finally:
            target.close()
    finally:
        store.close()


def _open(gallery: str | Path) -> SqliteStore:
    return open_file(gallery, ": its vectors are moved with the tools of its database")


def _require_of(export: Export, store: SqliteStore) -> None:
    head = export.head
    if head.gallery != store.id:
        raise GalleryError(f"{export.path} is an export of another gallery than {store.path}")
    if head.identity.contract != store.identity.contract:
        raise ContractError(
            f"{export.path} holds embeddings of {head.identity.model} and {store.path} of {store.identity.model}: "
            "write a new export with `mien gallery export`"
        )
    require_identity(store, head.identity)


def _rows(store: SqliteStore) -> Iterator[Block]:
    """Ids and vectors of all samples in order of enrolment."""
    last = 0
    while len(ids := store.sample_ids(last, BLOCK)):
        numbers = np.array(list(ids), np.int64)
        vectors = store.embeddings(numbers)
        # Another process may have erased one between both reads.
        present = np.flatnonzero(~np.isnan(vectors[:, 0]))
        yield [ids[int(numbers[place])] for place in present], vectors[present]
        last = int(numbers[-1])


def _reported(
    blocks: Iterator[Block], total: int, on_progress: OnProgress, stage: str = "vectors"
) -> Iterator[Block]:
    done = 0
    for ids, vectors in blocks:
        yield ids, vectors
        done += len(ids)
        on_progress(Progress(stage=stage, done=min(done, total), total=total))


def _fill(store: SqliteStore, target: VectorStore, export: Export, on_progress: OnProgress) -> None:
    """Put what the target lacks, from the export and, for who was enrolled since, from the gallery."""
    total = store.count()
    known = {one for _, one in _all_ids(store)}
    exported: set[str] = set()
    for ids, vectors in _reported(export.blocks(), export.head.count, on_progress, "importing"):
        store.put_enrolled(target, ids, vectors)
        exported.update(ids)
    if known - exported:
        for ids, vectors in _reported(_rows(store), total, on_progress, "importing"):
            kept = [place for place, one in enumerate(ids) if one not in exported]
            store.put_enrolled(target, [ids[place] for place in kept], vectors[kept])
    if store.vectors_at != target.address:
        # Another copy of the gallery, or an older mien, may have put somebody there who was erased since.
        for ids in list(target.ids()):
            target.remove([one for one in ids if one not in known])


def _all_ids(store: SqliteStore) -> Iterator[tuple[int, str]]:
    last = 0
    while ids := store.sample_ids(last, BLOCK):
        yield from ids.items()
        last = max(ids)


NAMED = 10
"""Ids of each kind that a comparison names."""


def _compare(
    store: SqliteStore, other: VectorStore | Export, probes: int, on_progress: OnProgress
) -> VectorComparison:
    there_ids = {one for block in other.ids() for one in block}
    missing: list[str] = []
    different: list[str] = []
    here: set[str] = set()
    for ids, vectors in _reported(_rows(store), store.count(), on_progress, "comparing"):
        here.update(ids)
        missing += [one for one in ids if one not in there_ids]
        both = [place for place, one in enumerate(ids) if one in there_ids]
        if both:
            others = other.get([ids[place] for place in both])
            # Bit by bit: 0.0 and -0.0 are not the same.
            same = (np.ascontiguousarray(others).view(np.uint32) == vectors[both].view(np.uint32)).all(axis=1)
            different += [ids[place] for place, equal in zip(both, same, strict=True) if not equal]
    extra = sorted(there_ids - here)
    is_searched = not isinstance(other, Export) and probes and here and not missing and not different
    return VectorComparison(
        here=len(here),
        there=len(there_ids),
        missing=tuple(missing[:NAMED]),
        extra=tuple(extra[:NAMED]),
        different=tuple(different[:NAMED]),
        differences=len(missing) + len(extra) + len(different),
        recall=measure_recall(store, other, probes) if is_searched and not isinstance(other, Export) else None,
    )


def _unchanged(count: int) -> VectorComparison:
    return VectorComparison(here=count, there=count, missing=(), extra=(), different=(), differences=0, recall=None)


def check_vectors(gallery: str | Path) -> list[Check]:
    """Examine where the vectors of a gallery are, for `mien doctor`.

    Raises:
        GalleryError: there is no such gallery.
    """
    store = _open(gallery)
    try:
        if store.vectors_at is None:
            return [Check("vectors", "good", f"{store.count():,} in {gallery}"), *_check_copies(store)]
        address = store.vectors_at
        about = (_check_recall(store, address), _check_waiting(store), _check_copies(store))
        return [_check_database(store, address), *chain.from_iterable(about)]
    finally:
        store.close()


def _check_database(store: SqliteStore, address: str) -> Check:
    target = open_vectors(address, store.id, store.identity)
    try:
        here, there = store.count(), target.count()
    except GalleryError as reason:
        return Check("vectors", "bad", str(reason), f"mien doctor {store.path}")
    finally:
        target.close()
    if here > there:
        remedy = f"mien gallery compare {store.path} {address}"
        return Check("vectors", "bad", f"{address} has {there:,} of {here:,}", remedy)
    return Check("vectors", "good", f"{here:,} at {address}")


def _check_recall(store: SqliteStore, address: str) -> list[Check]:
    if asks_for_exact(address):
        return []
    recall, remedy = kept_recall(store), f"mien gallery compare {store.path} '{address}'"
    target = open_vectors(address, store.id, store.identity)
    proven = target.safe_effort is None
    target.close()
    follows = (
        "searches compare every vector, which takes long in a large gallery"
        if proven
        else "nobody knows how many of the nearest are found"
    )
    if recall is None:
        return [Check("recall", "note", f"was not measured: {follows}", remedy)]
    about = f"{recall.value:.4f} of {recall.templates:,} templates in {recall.probes:,} searches"
    if is_outdated(recall, store.count()):
        return [Check("recall", "note", f"{about}; the gallery has {store.count():,} now, and {follows}", remedy)]
    if recall.effort is None:
        return [Check("recall", "good", f"{about}: every vector is compared, since the index finds too few")]
    if not recall.is_enough:
        missed = f"{about}: people can be missed; add exact=true to the address, or keep the vectors in the file"
        return [Check("recall", "note", missed, remedy)]
    return [Check("recall", "good", about)]


def _check_waiting(store: SqliteStore) -> list[Check]:
    if not store.traces_remain():
        return []
    return [Check("erasure", "note", "vectors of erased people wait to be removed", f"mien subjects {store.path}")]


def _check_copies(store: SqliteStore) -> list[Check]:
    about = "was not finished: it left copies of vectors, which erasures reach; finish it, or remove them"
    return [
        Check(
            "copies",
            "note",
            f"an import or a re-enrolment to {address} {about}",
            f"mien gallery compact {store.path}",
        )
        for address in store.copies_at
    ]
