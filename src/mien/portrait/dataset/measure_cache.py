"""Measures every file of a data set once, in processes, and keeps what was measured in parts, so that it can resume.

A part is a Parquet file of up to 1,024 rows in the output folder. A row is used again where the file has the same
name, size and time of change, and models and version are the same; so an interrupted audit resumes, and an audit of a
set that grew measures only what is new. Parts hold embeddings and are removed when the audit is done, unless they are
to be kept. Applies no rule.
"""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from mien.data.resumable import WorkParts, open_parts
from mien.data.stored_paths import stored_path
from mien.data.workers import ordered
from mien.errors import AuditError
from mien.models import store
from mien.portrait.dataset.measure_files import AuditModels, file_stamp, measure_files
from mien.portrait.dataset.measurements import Measurements, from_table, schema
from mien.portrait.dataset.structure import Entry
from mien.progress import OnProgress, Progress, no_progress

VERSION = 2
"""Of what is measured; a change of any measure raises it, and old parts are measured again."""
CHUNK, PART = 16, 1024
"""Files that a process measures at a time, and rows of a part."""
FOLDER = "measured"


def measure_data_set(
    root: Path,
    entries: Sequence[Entry],
    out: Path,
    models: AuditModels,
    *,
    workers: int = 1,
    on_progress: OnProgress = no_progress,
) -> Measurements:
    """Measure what is not measured yet into parts below the output folder, and read all of them.

    Args:
        root: the data set's folder.
        entries: its images.
        out: the output folder.
        models: what they are measured with.
        workers: number of processes.
        on_progress: called after every chunk of files; what was measured before it raises is kept.

    Raises:
        AuditError: the output folder cannot be written to.
    """
    try:
        parts = open_parts(out / FOLDER, _plan(models), "part-{:06d}.parquet", other_plan="discard", private=True)
        known = _known(parts)
        todo = [e.path for e in entries if known.get(e.path) != file_stamp(root / stored_path(e.path))]
        _measure(root, todo, parts, models, workers, _reporting(len(entries), len(todo), on_progress))
        return _read(entries, parts)
    except OSError as reason:
        raise AuditError(
            f"{out / FOLDER} cannot be written to ({reason.strerror or reason}): choose a different --out"
        ) from reason


def delete_cache(out: Path) -> None:
    """Remove the parts, which hold embeddings."""
    WorkParts(out / FOLDER, "").remove()


def _reporting(total: int, todo: int, on_progress: OnProgress) -> OnProgress:
    """Progress over all files, of which some were measured before."""

    def report(progress: Progress) -> None:
        on_progress(Progress(stage="measuring", done=total - todo + progress.done, total=total))

    return report


def _measure(
    root: Path, todo: Sequence[str], parts: WorkParts, models: AuditModels, workers: int, on_progress: OnProgress
) -> None:
    on_progress(Progress(stage="measuring", done=0))
    chunks = (todo[start : start + CHUNK] for start in range(0, len(todo), CHUNK))
    rows: list[dict[str, Any]] = []
    done = 0
    try:
        for found in ordered(partial(measure_files, models, str(root)), chunks, workers):
            rows += found
            done += len(found)
            if len(rows) >= PART:
                _write(parts, rows)
                rows = []
            on_progress(Progress(stage="measuring", done=done))
    finally:
        # What was measured is kept, whatever ends the work.
        if rows:
            _write(parts, rows)


def _plan(models: AuditModels) -> dict[str, Any]:
    """What old parts depend on: version, models and their files."""
    cards = [store.load(name).card for name in (models.recognizer, *models.portrait_models) if name]
    files = sorted(file.sha256 for card in cards for file in card.files.values())
    return {"version": VERSION, **asdict(models), "files": files}


def _known(parts: WorkParts) -> dict[str, tuple[int, int]]:
    """What is in the parts: size and time of change by path; of a file that was measured twice, the later."""
    found: dict[str, tuple[int, int]] = {}
    for part in parts.files():
        table = pyarrow.parquet.read_table(part, columns=["path", "bytes", "changed"])
        columns = [table.column(name).to_pylist() for name in ("path", "bytes", "changed")]
        found |= {path: (size, changed) for path, size, changed in zip(*columns, strict=True)}
    return found


def _write(parts: WorkParts, rows: list[dict[str, Any]]) -> None:
    with parts.append() as path:
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows, schema()), path)


def _read(entries: Sequence[Entry], parts: WorkParts) -> Measurements:
    """The rows of the entries; of a file that was measured twice, the later row."""
    whole = pa.concat_tables([pyarrow.parquet.read_table(part) for part in parts.files()])
    places = {path: row for row, path in enumerate(whole.column("path").to_pylist())}
    return from_table(whole.take(pa.array([places[entry.path] for entry in entries], pa.int64())))
