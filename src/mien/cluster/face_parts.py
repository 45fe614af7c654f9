"""Finds the faces of each image of an album once, in parts that resume. Groups nothing.

A part is a Parquet file with embeddings and small images of faces; all parts are removed when the groups are written,
unless they are to be kept. An image that changed is read again.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mien.cluster.faces import AlbumImage, album_image, as_rows, from_rows
from mien.data.resumable import WorkParts
from mien.data.stored_paths import stored_path
from mien.data.work_folder import Stamp, keep_in_parts, read_rows, stamp_first, write_rows
from mien.gallery.scoping import measured
from mien.pipeline import Pipeline
from mien.progress import OnProgress, no_progress
from mien.scope import ScopePolicy

NAMES = "part-{:06d}.parquet"
PART = 256
"""Images of a part: what a killed process finds again takes some seconds."""
STAGE = "finding faces"


def known_stamps(parts: WorkParts) -> dict[str, Stamp]:
    """The stamp of each image that is in the parts; of one that was read twice, the later."""
    found: dict[str, Stamp] = {}
    for file in parts.files():
        rows = read_rows(file, ["path", "bytes", "changed"])
        found |= {stored_path(row["path"]): (row["bytes"], row["changed"]) for row in rows}
    return found


def find_album_faces(
    parts: WorkParts,
    paths: Sequence[Path],
    pipeline: Pipeline,
    policy: ScopePolicy,
    total: int,
    on_progress: OnProgress = no_progress,
) -> None:
    """Find the faces of images and keep them in parts.

    Args:
        parts: where they go.
        paths: of the images that are not known yet.
        pipeline: with a recognizer.
        policy: whether the scope of each face is measured.
        total: number of all images, for the progress.
        on_progress: called after each image; what was found before it raises is kept.
    """
    stamps: dict[str, Stamp] = {}
    analyses = pipeline.analyse(stamp_first(paths, stamps), cutouts=True)
    images = (
        album_image(scoped, stamps[scoped.analysis.name]) for scoped in measured(analyses, policy, pipeline.workers)
    )
    keep_in_parts(
        images,
        lambda fresh: write_part(parts, fresh),
        PART,
        stage=STAGE,
        done=total - len(paths),
        total=total,
        on_progress=on_progress,
    )


def write_part(parts: WorkParts, images: Iterable[AlbumImage]) -> None:
    """Write images as a new part."""
    import pyarrow as pa

    schema = pa.schema(
        {
            "path": pa.string(),
            "bytes": pa.int64(),
            "changed": pa.int64(),
            "place": pa.int32(),
            "known": pa.string(),
            "jpeg": pa.binary(),
            "embedding": pa.list_(pa.float32()),
        }
    )
    write_rows(parts, [row for image in images for row in as_rows(image)], schema)


def read_parts(parts: WorkParts, stamps: dict[str, Stamp], *, with_jpegs: bool) -> Iterator[AlbumImage]:
    """The images of the parts that have these stamps, part by part.

    Args:
        parts: that were written.
        stamps: of the wanted images; one that was read twice is given as it was read with this stamp.
        with_jpegs: whether the small images of faces are read; they are most of the bytes.
    """
    columns = ["path", "bytes", "changed", "place", "known", *(["jpeg"] if with_jpegs else []), "embedding"]
    given: set[str] = set()
    for file in parts.files():
        rows = read_rows(file, columns)
        for image in from_rows(row if with_jpegs else {**row, "jpeg": b""} for row in rows):
            if stamps.get(image.path) == image.stamp and image.path not in given:
                given.add(image.path)
                yield image
