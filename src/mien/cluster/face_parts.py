"""Finds the faces of each image of an album once, in parts that resume. Groups nothing.

A part is a Parquet file with embeddings and small images of faces; all parts are removed when the groups are written,
unless they are to be kept. An image that changed is read again.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mien.cluster.faces import AlbumImage, album_image, as_rows, from_rows
from mien.data.resumable import WorkParts
from mien.data.stored_paths import stored_path
from mien.data.work_folder import Stamp, file_stamp
from mien.errors import ResumeError
from mien.gallery.scoping import measured
from mien.pipeline import Pipeline
from mien.progress import OnProgress, Progress, no_progress
from mien.scope import ScopePolicy

NAMES = "part-{:06d}.parquet"
PART = 256
"""Images of a part: what a killed process finds again takes some seconds."""
STAGE = "finding faces"


def known_stamps(parts: WorkParts) -> dict[str, Stamp]:
    """The stamp of each image that is in the parts; of one that was read twice, the later."""
    import pyarrow.parquet

    found: dict[str, Stamp] = {}
    for file in parts.files():
        with _readable(file):
            table = pyarrow.parquet.read_table(file, columns=["path", "bytes", "changed"])
        columns = [table.column(name).to_pylist() for name in ("path", "bytes", "changed")]
        found |= {stored_path(path): (size, changed) for path, size, changed in zip(*columns, strict=True)}
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

    def sources() -> Iterator[Path]:
        for path in paths:
            # The stamp first: a file that changes while it is read is read again next time.
            stamps[str(path)] = file_stamp(str(path))
            yield path

    done = total - len(paths)
    fresh: list[AlbumImage] = []
    on_progress(Progress(stage=STAGE, done=done, total=total))
    try:
        for scoped in measured(pipeline.analyse(sources(), cutouts=True), policy, pipeline.workers):
            fresh.append(album_image(scoped, stamps[scoped.analysis.name]))
            if len(fresh) == PART:
                write_part(parts, fresh)
                fresh = []
            done += 1
            on_progress(Progress(stage=STAGE, done=done, total=total))
    finally:
        # What was found is kept, whatever ends the work.
        if fresh:
            write_part(parts, fresh)


def write_part(parts: WorkParts, images: Iterable[AlbumImage]) -> None:
    """Write images as a new part."""
    import pyarrow as pa
    import pyarrow.parquet

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
    rows = [row for image in images for row in as_rows(image)]
    with parts.append() as path:
        path.touch(mode=0o600)
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows, schema), path)


def read_parts(parts: WorkParts, stamps: dict[str, Stamp], *, with_jpegs: bool) -> Iterator[AlbumImage]:
    """The images of the parts that have these stamps, part by part.

    Args:
        parts: that were written.
        stamps: of the wanted images; one that was read twice is given as it was read with this stamp.
        with_jpegs: whether the small images of faces are read; they are most of the bytes.
    """
    import pyarrow.parquet

    columns = ["path", "bytes", "changed", "place", "known", *(["jpeg"] if with_jpegs else []), "embedding"]
    given: set[str] = set()
    for file in parts.files():
        with _readable(file):
            rows = pyarrow.parquet.read_table(file, columns=columns).to_pylist()
        for image in from_rows(row if with_jpegs else {**row, "jpeg": b""} for row in rows):
            if stamps.get(image.path) == image.stamp and image.path not in given:
                given.add(image.path)
                yield image


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """A part that cannot be read is named."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as reason:
        raise ResumeError(f"{file} is damaged; begin again with --overwrite") from reason
