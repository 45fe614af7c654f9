"""Measures every file of a data set once, in processes, and keeps what was measured in parts, so that it can resume.

A part is a Parquet file of up to 1,024 rows in the output folder. A row is used again where the file has the same
name, size and time of change, and models and version are the same; so an interrupted audit resumes, and an audit of a
set that grew measures only what is new. Parts hold embeddings and are removed when the audit is done, unless they are
to be kept. Applies no rule.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet
from numpy.typing import NDArray

from mien.data.resumable import WorkParts, open_parts
from mien.data.stored_paths import stored_path
from mien.data.workers import ordered
from mien.errors import AuditError
from mien.models import store
from mien.portrait.dataset.measure_files import AuditModels, file_stamp, measure_files
from mien.portrait.dataset.measurements import Measurements, gather, schema
from mien.portrait.dataset.structure import Entry
from mien.progress import OnProgress, Progress, no_progress

VERSION = 2
"""Of what is measured; a change of any measure raises it, and old parts are measured again."""
CHUNK, PART = 16, 1024
"""Files that a process measures at a time, and rows of a part."""
OPEN = 4
"""Parts that are held in memory at a time when they are read in another order than they were written in."""
FOLDER = "measured"


def measure_data_set(
    root: Path,
    entries: Sequence[Entry],
    out: Path,
    models: AuditModels,
    *,
    workers: int = 1,
    ray_address: str | None = None,
    on_progress: OnProgress = no_progress,
) -> Measurements:
    """Measure what is not measured yet into parts below the output folder, and read all of them.

    Args:
        root: the data set's folder.
        entries: its images.
        out: the output folder.
        models: what they are measured with.
        workers: number of processes.
        ray_address: a Ray cluster that measures instead; see mien.data.workers.
        on_progress: called after every chunk of files; what was measured before it raises is kept.

    Raises:
        AuditError: the output folder cannot be written to.
    """
    try:
        parts = open_parts(out / FOLDER, _plan(models), "part-{:06d}.parquet", other_plan="discard", private=True)
        todo = _stale(root, entries, parts)
        # Processes elsewhere have another working directory.
        work = partial(measure_files, models, str(root.resolve()))
        chunks = (todo[start : start + CHUNK] for start in range(0, len(todo), CHUNK))
        found = ordered(work, chunks, workers, ray_address)
        _keep(found, parts, _reporting(len(entries), len(todo), on_progress))
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


def _keep(measured: Iterator[list[dict[str, Any]]], parts: WorkParts, on_progress: OnProgress) -> None:
    """Write the rows into parts as they come."""
    on_progress(Progress(stage="measuring", done=0))
    rows: list[dict[str, Any]] = []
    done = 0
    try:
        for found in measured:
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


def _stale(root: Path, entries: Sequence[Entry], parts: WorkParts) -> list[str]:
    """The paths of the images that no part has as they are now."""
    files = parts.files()
    if not files:
        return [entry.path for entry in entries]
    table = pa.concat_tables(
        [pyarrow.parquet.read_table(file, columns=["path", "bytes", "changed"]) for file in files]
    )
    places = _places(entries, table.column("path"))
    sizes, times = (table.column(name).to_numpy() for name in ("bytes", "changed"))
    return [
        entry.path
        for entry, place in zip(entries, places.tolist(), strict=True)
        if place < 0 or file_stamp(root / stored_path(entry.path)) != (sizes[place], times[place])
    ]


def _places(entries: Sequence[Entry], paths: pa.ChunkedArray) -> NDArray[np.int64]:
    """The row of each entry; of a file that was measured twice, the later row; -1 where there is none."""
    count = len(paths)
    backwards = paths.take(pa.array(np.arange(count)[::-1]))
    found = pa.compute.index_in(pa.array([entry.path for entry in entries], pa.string()), value_set=backwards)
    return count - 1 - np.asarray(pa.compute.fill_null(found, count).to_numpy(), np.int64)


def _write(parts: WorkParts, rows: list[dict[str, Any]]) -> None:
    with parts.append() as path:
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows, schema()), path)


def _read(entries: Sequence[Entry], parts: WorkParts) -> Measurements:
    """The rows of the entries."""
    files = parts.files()
    paths = pa.chunked_array(
        [pyarrow.parquet.read_table(file, columns=["path"]).column(0).combine_chunks() for file in files], pa.string()
    )
    starts = np.cumsum([0, *(len(chunk) for chunk in paths.chunks)])
    return gather(_in_order(files, starts, _places(entries, paths)), parts.folder)


def _in_order(files: Sequence[Path], starts: NDArray[np.int64], places: NDArray[np.int64]) -> Iterator[pa.Table]:
    """The rows at some places of all parts, some at a time; parts that follow each other are read once."""
    read = lru_cache(maxsize=OPEN)(pyarrow.parquet.read_table)
    for start in range(0, len(places), PART):
        own = places[start : start + PART]
        numbers = np.searchsorted(starts, own, side="right") - 1
        chosen, order = list[pa.Table](), list[NDArray[np.int64]]()
        for number in np.unique(numbers).tolist():
            spots = np.flatnonzero(numbers == number)
            chosen.append(read(files[number]).take(pa.array(own[spots] - starts[number])))
            order.append(spots)
        whole = pa.concat_tables(chosen)
        yield whole.take(pa.array(np.argsort(np.concatenate(order), kind="stable")))
