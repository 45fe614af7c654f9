"""mien gallery export, import, compare and compact: where the vectors of a gallery are kept."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.progress import progress_bar
from mien.cli.terminal import OK, PARTLY, emit, err, out, plural
from mien.gallery.stores.outside_recall import Recall
from mien.gallery.transfer import (
    PROBES,
    VectorComparison,
    compact_vectors,
    compare_vectors,
    export_vectors,
    import_vectors,
)

Probes = Annotated[
    int, typer.Option("--probes", min=0, help="Searches by which a database is compared with an exact search.")
]


def export(
    gallery: options.Gallery,
    file: Annotated[Path, typer.Argument(help="The Parquet file to write.", show_default=False)],
    plain: Annotated[
        bool,
        typer.Option("--plain", help="Confirm that the vectors leave an encrypted gallery unencrypted."),
    ] = False,
) -> int:
    """Write the vectors of a gallery to a file, to move them: ids, vectors, embedding contract and checksums.

    Names, portraits and keys do not leave the gallery. Vectors are biometric data: faces can be recognized by them.

    Example:

      mien gallery export staff.gallery staff.parquet
    """
    with progress_bar() as on_progress:
        head = export_vectors(gallery, file, plain=plain, on_progress=on_progress)
    out.print(f"{plural(head.count, 'vector')} of {head.identity.model} in {file}, readable by its owner alone")
    return OK


def import_(
    file: Annotated[Path, typer.Argument(help="A file that `mien gallery export` wrote.", show_default=False)],
    gallery: options.Gallery,
    vectors: Annotated[
        str,
        typer.Option(
            "--vectors",
            help="Where the vectors are kept from now on: postgresql://HOST/NAME, milvus://HOST, or file for the "
            "gallery file.",
            show_default=False,
        ),
    ],
    probes: Probes = PROBES,
    json: options.Json = False,
) -> int:
    """Move the vectors of a gallery into a database, or back into its file; exit code 4: they differ, nothing moved.

    Run it again after it was stopped: what is there already is not written again. Before the switch it compares
    counts, ids, vectors bit by bit, and the answers of searches. Everything else of the gallery stays in its file.

    Examples:

      mien gallery import staff.parquet staff.gallery --vectors postgresql://mien@db.example.org/mien

      mien gallery import staff.parquet staff.gallery --vectors file
    """
    with progress_bar() as on_progress:
        found = import_vectors(file, gallery, vectors, probes=probes, on_progress=on_progress)
    code = _show(found, json=json)
    if found:
        err.print(f"the vectors of {gallery} are at {vectors} now")
    return code


def compare(
    gallery: options.Gallery,
    other: Annotated[
        str, typer.Argument(help="An export, or the address of a database.", metavar="OTHER", show_default=False)
    ],
    probes: Probes = PROBES,
    json: options.Json = False,
) -> int:
    """Compare the vectors of a gallery with an export or a database; exit code 4: they differ.

    Of a database it also measures the recall: how many of the nearest templates its searches find.

    Examples:

      mien gallery compare staff.gallery staff.parquet

      mien gallery compare staff.gallery postgresql://mien@db.example.org/mien
    """
    with progress_bar() as on_progress:
        found = compare_vectors(gallery, other, probes=probes, on_progress=on_progress)
    return _show(found, json=json)


def _show(found: VectorComparison, *, json: bool) -> int:
    if json:
        emit(asdict(found) | {"same": bool(found)})
        return OK if found else PARTLY
    out.print(
        f"{plural(found.here, 'vector')} here, {found.there:,} there, {plural(found.differences, 'difference')}"
    )
    for what, ids in (("only here", found.missing), ("only there", found.extra), ("different", found.different)):
        if ids:
            out.print(f"{what}: {', '.join(ids)}")
    if found.recall is not None:
        recall = found.recall
        out.print(
            f"recall {recall.value:.4f}: {recall.found:,} of the {recall.wanted:,} nearest templates were found in "
            f"{recall.probes:,} searches, all of them in {recall.whole:,}"
        )
        out.print(_effort(recall))
    return OK if found else PARTLY


def _effort(recall: Recall) -> str:
    if recall.effort is None:
        return "searches compare every vector, so that none of the nearest is missed; it takes longer with more"
    if recall.is_enough:
        return f"searches weigh up {recall.effort:,} templates"
    return (
        f"searches weigh up {recall.effort:,} templates, and miss people: add exact=true to the options of the "
        "address, which takes long, or import the vectors into the file"
    )


def compact(
    gallery: options.Gallery,
    gone: Annotated[
        str | None,
        typer.Option(
            "--gone",
            metavar="ADDRESS",
            help="A former database that exists no more: wait no longer for what was to be removed from it.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Remove vectors that belong to nobody from the database of a gallery, and give back the room of erased ones.

    Example:

      mien gallery compact staff.gallery
    """
    out.print(compact_vectors(gallery, gone=gone))
    return OK
