"""Measures each image of a list once, in parts in the output folder, so that interrupted work resumes.

A part is a Parquet file. It holds embeddings until the decisions are made; `strip` takes them out then, and keeps the
scores, so that the same command gives the same decisions without comparing again. An image that changed since it was
measured is refused by name. Decides nothing.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.data.resumable import PLAN, WorkParts, open_parts
from mien.data.stored_paths import as_stored, stored_path
from mien.errors import ResumeError
from mien.gallery.scoping import measured
from mien.gallery.verification import ONE_FACE
from mien.pipeline import Pipeline
from mien.progress import OnProgress, Progress, no_progress
from mien.scope import ScopePolicy
from mien.verify.compared_images import ComparedImage, as_row, compared_image, file_stamp, from_row
from mien.whole_files import write_whole_text

FOLDER = "work"
"""The folder of the parts in the output folder."""
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
    folder = out / FOLDER
    _require_place(out, folder)
    _require_same(folder, plan)
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    parts = open_parts(folder, plan, "part-{:06d}.parquet")
    folder.chmod(0o700)
    found = {image.path: image for file in parts.files() for image in _read(file)}
    return Kept(parts, found, _read_scores(folder))


def _require_place(out: Path, folder: Path) -> None:
    """Never write between the files of a user."""
    if out.exists() and not out.is_dir():
        raise ResumeError(f"{out} is a file; name a folder with --out")
    if out.is_dir() and not folder.is_dir() and any(out.iterdir()):
        raise ResumeError(f"{out} is not empty, and nothing in it is from `mien verify`; choose a different --out")


def _require_same(folder: Path, plan: Mapping[str, Any]) -> None:
    try:
        begun = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    wanted = json.loads(json.dumps(dict(plan)))
    if not isinstance(begun, dict) or begun == wanted:
        return
    differences = [
        f"{name} was {_shown(begun.get(name))} and is now {_shown(wanted.get(name))}"
        for name in {**wanted, **begun}
        if begun.get(name) != wanted.get(name)
    ]
    raise ResumeError(
        f"{folder.parent} holds decisions of a run with other settings: {'; '.join(differences)}. Choose a different "
        "--out, or decide again with --overwrite"
    )


def _shown(value: object) -> str:
    return "not set" if value in (None, "") else str(value)


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
            "decide again with --overwrite"
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
    stamps: dict[str, tuple[int, int]] = {}

    def sources() -> Iterable[Path]:
        for path in paths:
            # The stamp first: a file that changes while it is read counts as changed.
            stamps[path] = file_stamp(path)
            yield Path(path)

    done, fresh, found = total - len(paths), [], {}
    on_progress(Progress(stage=STAGE, done=done, total=total))
    analyses = pipeline.analyse(sources(), cutouts=True, only=ONE_FACE)
    try:
        for scoped in measured(analyses, policy, pipeline.workers, ONE_FACE):
            image = compared_image(scoped, stamps[scoped.analysis.name])
            found[image.path] = image
            fresh.append(image)
            if len(fresh) == PART:
                _write(kept.parts, fresh)
                fresh = []
            done += 1
            on_progress(Progress(stage=STAGE, done=done, total=total))
    finally:
        # What was measured is kept, whatever ends the work.
        if fresh:
            _write(kept.parts, fresh)
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
        raise ResumeError(f"{folder / SCORES} is damaged; decide again with --overwrite") from reason


def _write(parts: WorkParts, images: Sequence[ComparedImage]) -> None:
    import pyarrow as pa
    import pyarrow.parquet

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
    with parts.append() as path:
        path.touch(mode=0o600)
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows, schema), path)


def _read(file: Path) -> list[ComparedImage]:
    import pyarrow as pa
    import pyarrow.parquet

    try:
        rows = pyarrow.parquet.read_table(file).to_pylist()
    except (pa.ArrowException, OSError) as reason:
        raise ResumeError(f"{file} is damaged; decide again with --overwrite") from reason
    return [from_row({**row, "path": stored_path(row["path"])}) for row in rows]
