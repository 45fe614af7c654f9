"""Measures every file of a data set once, in processes, and keeps what was measured in parts, so that it can go on.

A part is a Parquet file of up to 1,024 rows in the output folder. A row is taken up again where the file has the same
name, size and time of change, and models and version are the same; so an audit that was interrupted goes on, and one
of a set that grew measures what is new. Parts hold embeddings and are removed when the audit is done, unless they are
to be kept. Judges nothing.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet
from numpy.typing import NDArray

from mien.data.stored_paths import stored_path
from mien.data.workers import ordered
from mien.errors import AuditError
from mien.models import store
from mien.models.defaults import DEFAULT_DETECTOR, DEFAULT_RECOGNIZER
from mien.models.options import EngineOptions
from mien.pipeline import file_item
from mien.portrait.dataset.structure import Entry
from mien.portrait.examine import Examined, Examiner, open_examiner
from mien.portrait.measures.catalogue import ANGLES, MEASURES
from mien.types import Floats, floats

VERSION = 1
"""Of what is measured; a change of any measure raises it, and old parts are measured anew."""
CHUNK, PART = 16, 1024
FOLDER = "measured"

SCHEMA = pa.schema(
    [
        ("path", pa.string()), ("bytes", pa.int64()), ("changed", pa.int64()), ("sha256", pa.string()),
        ("error", pa.string()), ("phash", pa.uint64()), ("face_phash", pa.uint64()),
        ("x1", pa.float32()), ("y1", pa.float32()), ("x2", pa.float32()), ("y2", pa.float32()),
        ("score", pa.float32()), ("landmarks", pa.list_(pa.float32())), ("overall", pa.float32()),
        *((name, pa.float32()) for name in MEASURES), *((f"{name}_sd", pa.float32()) for name in ANGLES),
        ("reasons", pa.string()), ("embedding", pa.list_(pa.float32())), ("other", pa.list_(pa.float32())),
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Models:
    """What looks at the portraits.

    Attributes:
        detector: a name in the model store, or the path of a card.
        recognizer: likewise, for wrong labels; empty to do without.
        portrait_models: models for portraits that were added.
    """

    detector: str = DEFAULT_DETECTOR
    recognizer: str = DEFAULT_RECOGNIZER
    portrait_models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """How many files are measured, and of how many."""

    done: int
    total: int


@lru_cache(maxsize=1)
def _examiner(models: Models) -> Examiner:
    # One thread for each worker: more would fight for the same cores.
    options = EngineOptions(threads=1, streams=1)
    return open_examiner(models.detector, models.recognizer or None, models.portrait_models, options=options)


def measure_chunk(models: Models, root: str, paths: Sequence[str]) -> list[dict[str, Any]]:
    """Measure some files; one that cannot be read is a row with an error."""
    files = [Path(root) / stored_path(path) for path in paths]
    stamps = [_stamp(file) for file in files]
    found = _examiner(models).items([file_item(file) for file in files])
    return [_row(path, stamp, one) for path, stamp, one in zip(paths, stamps, found, strict=True)]


def _stamp(path: Path) -> tuple[int, int]:
    """Size and time of change; -1 where the file cannot be asked."""
    try:
        found = path.stat()
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns


def _row(path: str, stamp: tuple[int, int], one: Examined) -> dict[str, Any]:
    row: dict[str, Any] = {
        "path": path, "bytes": stamp[0], "changed": stamp[1], "sha256": one.sha256, "error": one.error,
        "phash": one.phash, "face_phash": one.face_phash, "overall": one.overall,
    }  # fmt: skip
    if one.measures is not None:
        row |= {name: measured.value for name, measured in one.measures.items()}
        row |= {f"{name}_sd": one.measures[name].sd for name in ANGLES}
        row["reasons"] = json.dumps({n: m.reason for n, m in one.measures.items() if m.value is None})
    if one.portrait is not None and one.landmarks is not None:
        face, scale = one.portrait.face, one.portrait.reduction
        row |= dict(zip(("x1", "y1", "x2", "y2"), (v * scale for v in face.box.corners), strict=True))
        row |= {"score": face.score, "landmarks": one.landmarks.reshape(-1).tolist()}
    if one.embedding is not None:
        row["embedding"] = one.embedding.tolist()
    if one.other is not None:
        row["other"] = one.other.tolist()
    return row


def measure_files(
    root: Path, entries: Sequence[Entry], out: Path, models: Models, *, workers: int = 1
) -> Iterator[Progress]:
    """Measure what is not measured yet, into parts below the output folder.

    Raises:
        AuditError: the output folder cannot be written to.
    """
    folder = out / FOLDER
    try:
        _begin(folder, models)
        known = _known(folder)
        todo = [e.path for e in entries if e.path not in known or known[e.path] != _stamp(root / stored_path(e.path))]
        done = len(entries) - len(todo)
        yield Progress(done, len(entries))
        chunks = (todo[i : i + CHUNK] for i in range(0, len(todo), CHUNK))
        rows: list[dict[str, Any]] = []
        number = len(list(folder.glob("part-*.parquet")))
        try:
            for found in ordered(partial(measure_chunk, models, str(root)), chunks, workers):
                rows += found
                done += len(found)
                if len(rows) >= PART:
                    number = _write(folder, number, rows)
                    rows = []
                yield Progress(done, len(entries))
        finally:
            # What was measured is kept whatever ends the work.
            if rows:
                _write(folder, number, rows)
    except OSError as reason:
        raise AuditError(
            f"{folder} cannot be written to ({reason.strerror or reason}): give another place with --out"
        ) from reason


def _begin(folder: Path, models: Models) -> None:
    """Parts of other models or another version are of no use."""
    cards = [store.load(name).card for name in (models.recognizer, *models.portrait_models) if name]
    about = {
        "version": VERSION,
        **asdict(models),
        "portrait_models": list(models.portrait_models),
        "files": sorted(file.sha256 for card in cards for file in card.files.values()),
    }
    path = folder / "about.json"
    if path.is_file() and json.loads(path.read_text(encoding="utf-8")) == about:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path.write_text(json.dumps(about), encoding="utf-8")


def _known(folder: Path) -> dict[str, tuple[int, int]]:
    """What is in the parts: size and time of change by path."""
    found: dict[str, tuple[int, int]] = {}
    for part in sorted(folder.glob("part-*.parquet")):
        table = pyarrow.parquet.read_table(part, columns=["path", "bytes", "changed"])
        columns = [table.column(name).to_pylist() for name in ("path", "bytes", "changed")]
        found |= {path: (size, changed) for path, size, changed in zip(*columns, strict=True)}
    return found


def _write(folder: Path, number: int, rows: list[dict[str, Any]]) -> int:
    table = pa.Table.from_pylist(rows, SCHEMA)
    scratch = folder / ".part"
    pyarrow.parquet.write_table(table, scratch)
    scratch.replace(folder / f"part-{number:06d}.parquet")
    return number + 1


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """Everything that was measured, in the order of the entries.

    Attributes:
        table: a row for each entry, without embeddings.
        embeddings: (M, D) float32 of those that have one.
        rows: (M,) their rows.
        others: (K, D) float32 of second faces that may be the ones that are meant.
        other_rows: (K,) their rows.
    """

    table: pa.Table
    embeddings: Floats
    rows: NDArray[np.int64]
    others: Floats
    other_rows: NDArray[np.int64]

    def values(self, name: str) -> Floats:
        """A column of numbers, NaN where there is none."""
        return floats(pa.compute.fill_null(self.table.column(name), float("nan")).to_numpy())

    def texts(self, name: str) -> list[str]:
        """A column of texts, empty where there is none."""
        return [str(value or "") for value in self.table.column(name).to_pylist()]


def read_measurements(entries: Sequence[Entry], out: Path) -> Measurements:
    """Read the parts; of a file that was measured twice the later row counts."""
    parts = [pyarrow.parquet.read_table(part) for part in sorted((out / FOLDER).glob("part-*.parquet"))]
    whole = pa.concat_tables(parts)
    places = {path: row for row, path in enumerate(whole.column("path").to_pylist())}
    whole = whole.take(pa.array([places[entry.path] for entry in entries], pa.int64()))
    first, second = _vectors(whole, "embedding"), _vectors(whole, "other")
    return Measurements(whole.drop_columns(["embedding", "other"]), *first, *second)


def _vectors(table: pa.Table, name: str) -> tuple[Floats, NDArray[np.int64]]:
    """A column of embeddings, without the rows that have none, and the rows that have one."""
    column = table.column(name)
    rows = np.flatnonzero(pa.compute.is_valid(column).to_numpy())
    flat = pa.compute.list_flatten(column).to_numpy()
    return (floats(flat).reshape(len(rows), -1) if len(rows) else np.empty((0, 0), np.float32)), rows


def delete_cache(out: Path) -> None:
    """Remove the parts, which hold embeddings."""
    shutil.rmtree(out / FOLDER, ignore_errors=True)
