"""The manifest: one table a data set, with a row for each sample and what is known of it.

Owns the columns, reading and writing them as CSV or Parquet, and folders of subjects as the simplest data set. Opens
no image. Columns: path (relative to the manifest's folder, or absolute) and subject are always there; record, x1, y1,
x2, y2, left_eye_x ... right_mouth_y, aligned, split, sex, age_group, birth_date, capture_date and sha256 are known by
name; any other column is kept as it is.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from mien.errors import ManifestError
from mien.image import find_images
from mien.types import Box, Floats, floats

BOX = ("x1", "y1", "x2", "y2")
POINTS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
LANDMARKS = tuple(f"{point}_{axis}" for point in POINTS for axis in "xy")
STRATA = ("sex", "age_group")
"""Columns whose values make strata, where a manifest has them."""
TEXTS = ("split", "sex", "age_group", "birth_date", "capture_date", "sha256")
KNOWN = {
    "path": pa.string(),
    "subject": pa.string(),
    "record": pa.int64(),
    **dict.fromkeys((*BOX, *LANDMARKS), pa.float64()),
    "aligned": pa.bool_(),
    **dict.fromkeys(TEXTS, pa.string()),
}
"""The columns with a meaning, and their types."""

ROWS = 65536
"""Rows that are written to a Parquet file at a time."""

RAW = "bytes:"
"""Begins a stored path whose bytes are no UTF-8; they follow as in an address, with % and two digits."""

Value = str | float | int | bool | None


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One sample: an image, or an image inside a RecordIO file, and what is known of it.

    Attributes:
        path: the file.
        subject: whom it shows; empty where that is not known (detection sets).
        record: byte offset of its record, where `path` is a RecordIO file; else None.
        box: of the face, in pixels of the upright image, or None.
        landmarks: (5, 2) float32 pixels in the viewer's order, or None.
        aligned: whether the image is a crop that is aligned already.
        known: all other columns.
    """

    path: Path
    subject: str
    record: int | None = None
    box: Box | None = None
    landmarks: Floats | None = None
    aligned: bool = False
    known: Mapping[str, Value] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return str(self.path) if self.record is None else f"{self.path} at byte {self.record}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a data set that could not be used, and why."""

    where: str
    reason: str


class Manifest:
    """A table of samples, compact in memory, and the folder that its paths are relative to."""

    def __init__(self, table: pa.Table, folder: Path, name: str) -> None:
        self.table, self.folder, self.name = table, folder, name

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def subjects(self) -> list[str]:
        """The subject of each row."""
        return [str(value or "") for value in self.table.column("subject").to_pylist()]

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return [str(name) for name in self.table.column_names]

    def samples(self, rows: Sequence[int] | None = None) -> Iterator[Sample]:
        """All samples in order, or those of some rows."""
        chosen = self.table if rows is None else self.table.take(pa.array(rows, pa.int64()))
        for batch in chosen.to_batches(max_chunksize=4096):
            for row in batch.to_pylist():
                yield _sample(row, self.folder)

    def take(self, rows: Sequence[int] | np.ndarray[Any, Any], name: str | None = None) -> "Manifest":
        """A manifest of some rows, in the order given."""
        return Manifest(self.table.take(pa.array(rows, pa.int64())), self.folder, name or self.name)

    def row(self, index: int) -> str:
        """How to name a row in a message: its number in the file, where the header is row 1."""
        return f"{self.name}, row {index + 2}"


def _sample(row: dict[str, Any], folder: Path) -> Sample:
    box = [row.pop(name, None) for name in BOX]
    points = [row.pop(name, None) for name in LANDMARKS]
    return Sample(
        folder / stored_path(str(row.pop("path"))),
        str(row.pop("subject") or ""),
        row.pop("record", None),
        None if None in box else Box(*box),
        None if None in points else floats(points).reshape(5, 2),
        bool(row.pop("aligned", False)),
        {name: value for name, value in row.items() if value is not None},
    )


def _columns(sample: Sample, folder: Path) -> dict[str, Value]:
    subject = sample.subject.encode("utf-8", "backslashreplace").decode()
    row: dict[str, Value] = {"path": _relative(sample.path, folder), "subject": subject}
    if sample.record is not None:
        row["record"] = sample.record
    if sample.box is not None:
        box = sample.box
        row |= dict(zip(BOX, (float(v) for v in box.corners), strict=True))
    if sample.landmarks is not None:
        row |= dict(zip(LANDMARKS, (round(float(v), 3) for v in sample.landmarks.reshape(-1)), strict=True))
    if sample.aligned:
        row["aligned"] = True
    return row | dict(sample.known)


def _relative(path: Path, folder: Path) -> str:
    """The path as it is stored: below the manifest's folder where it lies there, else absolute."""
    whole, start = Path.cwd() / path, Path.cwd() / folder
    return _stored(str(whole.relative_to(start)) if whole.is_relative_to(start) else str(whole))


def _stored(path: str) -> str:
    """A path as text that every table can hold."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return RAW + quote_from_bytes(os.fsencode(path))
    return path


def stored_path(text: str) -> str:
    """A path as the manifest stores it, as a path."""
    return os.fsdecode(unquote_to_bytes(text.removeprefix(RAW))) if text.startswith(RAW) else text


def absolute(folder: Path, text: str) -> str:
    """A stored path relative to a folder as a stored absolute one."""
    return _stored(str(folder / stored_path(text)))


def read_samples(source: Path) -> list[Sample]:
    """The samples of a folder (FOLDER/subject/*.jpg) or a manifest, subject by subject.

    Raises:
        ManifestError: nothing there, no subject folders, no such columns, or a row without a subject.
    """
    manifest = read_manifest(source)
    samples = list(manifest.samples())
    for index, sample in enumerate(samples):
        if not sample.subject:
            raise ManifestError(f"{manifest.row(index)}: path and subject must both be given")
    return sorted(samples, key=lambda sample: sample.subject)


def read_manifest(source: Path) -> Manifest:
    """Read a manifest, or list a folder of subjects as one.

    Raises:
        ManifestError: nothing there, no subject folders, not a table, no column path or subject, a row without a
            path, or one image under two subjects.
    """
    if source.is_dir():
        _refuse_groups(source)
        samples = list(_from_folder(source))
        if not samples:
            loose = len(find_images(source))
            why = f"{loose} images lie in it directly" if loose else "it holds no images"
            raise ManifestError(
                f"{source} has no folders of subjects ({why}): lay it out as FOLDER/subject/image.jpg"
            )
        return tabulate(samples, source, str(source))
    if not source.exists():
        raise ManifestError(f"{source} does not exist; name a folder of subjects or a manifest")
    manifest = Manifest(_read_table(source), source.parent, str(source))
    _check(manifest)
    return manifest


def _refuse_groups(folder: Path) -> None:
    """Age groups must not be taken for two subjects."""
    names = {path.name.lower() for path in folder.iterdir() if path.is_dir()}
    if {"adults", "children"} <= names or {"adult", "child"} <= names:
        raise ManifestError(
            f"{folder} holds age groups, not subjects: read it with `mien data import {folder} --as portraits --out "
            "MANIFEST`, and go on with the manifest"
        )


def _from_folder(folder: Path) -> Iterator[Sample]:
    for subject in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        for path in find_images(subject):
            yield Sample(path, subject.name)


def _read_table(path: Path) -> pa.Table:
    """The table with its known columns in their types; other columns as they come."""
    try:
        if path.suffix.lower() == ".parquet":
            table = pyarrow.parquet.read_table(path)
        else:
            options = pyarrow.csv.ConvertOptions(column_types=KNOWN, strings_can_be_null=True)
            table = pyarrow.csv.read_csv(path, convert_options=options)
        missing = {"path", "subject"} - set(table.column_names)
        if missing:
            raise ManifestError(
                f"{path} is no manifest: it lacks the column {' and '.join(sorted(missing))}; "
                f"it has {', '.join(table.column_names[:8])}. Name them with `mien data import {path} --as table "
                "--column path=... --column subject=...`"
            )
        for index, name in enumerate(table.column_names):
            if name in KNOWN:
                table = table.set_column(index, name, table.column(name).cast(KNOWN[name]))
    except (pa.ArrowException, OSError, KeyError) as reason:
        raise ManifestError(
            f"{path} is no manifest, a CSV or Parquet table with the columns path and subject: {plain(reason)}"
        ) from reason
    return table


def _check(manifest: Manifest) -> None:
    """Every row has a path, and no image is under two subjects, unless it holds several faces with boxes."""
    table = manifest.table
    named = pa.compute.fill_null(pa.compute.not_equal(table.column("path"), ""), False).to_numpy()
    if not named.all():
        raise ManifestError(f"{manifest.row(int(np.argmin(named)))}: path and subject must both be given")
    keys = [name for name in ("path", "record", *BOX) if name in table.column_names]
    groups = table.select([*keys, "subject"]).group_by(keys).aggregate([("subject", "count_distinct")])
    if (pa.compute.max(groups.column("subject_count_distinct")).as_py() or 0) > 1:
        raise ManifestError(_clash(manifest, keys))


def plain(reason: Exception) -> str:
    """What a table's reader says, without the bytes that it stumbled over."""
    return ": ".join(str(reason).split(": ")[:2]).splitlines()[0]


def _clash(manifest: Manifest, keys: Sequence[str]) -> str:
    """Names the first image that stands under two subjects."""
    columns = [manifest.table.column(name).to_pylist() for name in keys]
    seen: dict[tuple[object, ...], tuple[int, str]] = {}
    for index, (subject, *key) in enumerate(zip(manifest.subjects, *columns, strict=True)):
        earlier, owner = seen.setdefault(tuple(key), (index, subject))
        if owner != subject:
            return (
                f"{manifest.row(index)}: {key[0]} belongs to {subject} here and to {owner} in row {earlier + 2}; "
                "keep one of the two"
            )
    raise AssertionError("the groups said that there is a clash")


def tabulate(samples: Iterable[Sample], folder: Path, name: str) -> Manifest:
    """Samples as a manifest in memory, with the columns that any of them has."""
    queue, parts = iter(samples), []
    while part := list(islice(queue, ROWS)):
        parts.append(_table([_columns(sample, folder) for sample in part]))
    if not parts:
        return Manifest(_table([]), folder, name)
    return Manifest(pa.concat_tables(parts, promote_options="permissive"), folder, name)


def _table(rows: list[dict[str, Value]]) -> pa.Table:
    present = dict.fromkeys(chain(("path", "subject"), *rows))
    order = [name for name in KNOWN if name in present] + [name for name in present if name not in KNOWN]
    return pa.table({name: pa.array([row.get(name) for row in rows], KNOWN.get(name)) for name in order})


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write a manifest as CSV or Parquet, by its ending; paths become relative to its new folder where they can.

    Raises:
        ManifestError: another ending.
    """
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise ManifestError(f"{path}: a manifest's name ends in .csv or .parquet")
    table = manifest.table
    if manifest.folder != path.parent:
        moved = [
            _relative(manifest.folder / stored_path(str(file)), path.parent)
            for file in table.column("path").to_pylist()
        ]
        table = table.set_column(table.column_names.index("path"), "path", pa.array(moved, pa.string()))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    if path.suffix.lower() == ".csv":
        pyarrow.csv.write_csv(table, partial)
    else:
        pyarrow.parquet.write_table(table, partial)
    partial.replace(path)
