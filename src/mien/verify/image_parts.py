"""Measures each image of a list once, in parts in the output folder, so that interrupted work resumes.

A part is a Parquet file. It holds embeddings until the decisions are made; `strip` takes them out then, and keeps the
scores, so that the same command gives the same decisions without comparing again. An image that changed since it was
measured is refused by name. Decides nothing.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.data.resumable import WorkParts
from mien.data.stored_paths import as_stored, stored_path
from mien.data.work_folder import Stamp, file_stamp, keep_in_parts, open_work, read_rows, stamp_first, write_rows
from mien.errors import ResumeError
from mien.gallery.scoping import measured
from mien.gallery.verification import ONE_FACE
from mien.pipeline import Pipeline
from mien.progress import OnProgress, no_progress
from mien.scope import ScopePolicy
from mien.verify.compared_images import ComparedImage, as_row, compared_image, from_row
from mien.whole_files import write_whole_text

VERB = "mien verify"
SCORES = "scores.json"
PART = 128
"""Images of a part: what a killed process computes again takes some seconds."""
STAGE = "comparing images"


@dataclass(frozen=True, slots=True)
class Kept:
    """What earlier runs have left.

    Attributes:
        parts: where it is, and where more goes.
        images: by path.
        scores: of pairs, by their rows.
    """

    parts: WorkParts
    images: Mapping[str, ComparedImage]
    scores: Mapping[int, float]


def open_kept(out: Path, plan: Mapping[str, Any]) -> Kept:
    """Begin work in an output folder, or go on with what was begun there.

    Raises:
        ResumeError: the folder holds something else, or work with other settings; the message says what differs.
    """
    parts = open_work(out, plan, "part-{:06d}.parquet", VERB)
    found = {image.path: image for file in parts.files() for image in _read(file)}
    return Kept(parts, found, _read_scores(parts.folder))


def require_unchanged(kept: Kept, paths: Iterable[str], out: Path) -> None:
    """Refuse to go on where an image is not the one that was measured.

    Raises:
        ResumeError: a file changed or went away; the message names the first one.
    """
    known = [image for path in paths if (image := kept.images.get(path)) is not None and image.problem is None]
    changed = [image.path for image in known if file_stamp(image.path) != image.stamp]
    if changed:
        more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
        raise ResumeError(
            f"{changed[0]} changed or went away since it was compared for {out}{more}: choose a different --out, or "
            "begin again with --overwrite"
        )


def measure_images(
    kept: Kept,
    paths: Sequence[str],
    pipeline: Pipeline,
    policy: ScopePolicy,
    total: int,
    on_progress: OnProgress = no_progress,
) -> dict[str, ComparedImage]:
    """Measure images and keep them in parts.

    Args:
        kept: where they go.
        paths: of the images that are not measured yet, each once.
        pipeline: with a recognizer.
        policy: whether their scope is measured.
        total: number of all images, for the progress.
        on_progress: called after each image; what was measured before it raises is kept.
    """
    stamps: dict[str, Stamp] = {}
    found: dict[str, ComparedImage] = {}

    def images() -> Iterator[ComparedImage]:
        analyses = pipeline.analyse(stamp_first(map(Path, paths), stamps), cutouts=True, only=ONE_FACE)
        for scoped in measured(analyses, policy, pipeline.workers, ONE_FACE):
            image = compared_image(scoped, stamps[scoped.analysis.name])
            found[image.path] = image
            yield image

    keep_in_parts(
        images(),
        lambda fresh: _write(kept.parts, fresh),
        PART,
        stage=STAGE,
        done=total - len(paths),
        total=total,
        on_progress=on_progress,
    )
    return found


def strip(kept: Kept, images: Iterable[ComparedImage], scores: Mapping[int, float]) -> None:
    """Keep the scores, and put the images into one part without their embeddings."""
    folder = kept.parts.folder
    write_whole_text(folder / SCORES, json.dumps({str(row): value for row, value in scores.items()}))
    old = kept.parts.files()
    _write(kept.parts, [image.without_embedding() for image in images])
    for file in old:
        file.unlink()


def _read_scores(folder: Path) -> dict[int, float]:
    try:
        found = json.loads((folder / SCORES).read_text(encoding="utf-8"))
        return {int(row): float(value) for row, value in found.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError) as reason:
        raise ResumeError(f"{folder / SCORES} is damaged; begin again with --overwrite") from reason


def _write(parts: WorkParts, images: Sequence[ComparedImage]) -> None:
    import pyarrow as pa

    rows = [{**(row := as_row(image)), "path": as_stored(row["path"])} for image in images]
    schema = pa.schema(
        {
            "path": pa.string(),
            "bytes": pa.int64(),
            "changed": pa.int64(),
            "known": pa.string(),
            "jpeg": pa.binary(),
            "embedding": pa.list_(pa.float32()),
        }
    )
    write_rows(parts, rows, schema)


def _read(file: Path) -> list[ComparedImage]:
    return [from_row({**row, "path": stored_path(row["path"])}) for row in read_rows(file)]
