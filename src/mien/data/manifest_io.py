"""Manifests on disk: CSV and Parquet tables, and folders of subjects as the simplest data set.

Owns reading, checking and writing them. Opens no image. Refuses tables without path and subject, and one image under
two subjects.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mien.data.manifest import KNOWN, Manifest, column_type, tabulate
from mien.data.sample import BOX, Sample, canonical_subject
from mien.data.stored_paths import relative, stored_path
from mien.errors import ManifestError
from mien.image import find_images
from mien.whole_files import whole_file

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".csv", ".parquet")
"""Endings of a manifest's name."""


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
        return _read_folder(source)
    if not source.exists():
        raise ManifestError(f"{source} does not exist; name a folder of subjects or a manifest")
    manifest = Manifest(_read_table(source), source.parent, str(source))
    _check(manifest)
    return manifest


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write a manifest as CSV or Parquet, by its ending; paths become relative to its new folder where they can.

    Raises:
        ManifestError: another ending.
    """
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    require_suffix(path)
    table = manifest.table
    if manifest.folder != path.parent:
        moved = [
            relative(manifest.folder / stored_path(str(file)), path.parent)
            for file in table.column("path").to_pylist()
        ]
        table = table.set_column(table.column_names.index("path"), "path", pa.array(moved, pa.string()))
    with whole_file(path) as scratch:
        if path.suffix.lower() == ".csv":
            pyarrow.csv.write_csv(table, scratch)
        else:
            pyarrow.parquet.write_table(table, scratch)


def require_suffix(path: Path) -> None:
    """Refuse a name that is not a manifest's.

    Raises:
        ManifestError: another ending.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ManifestError(f"{path}: a manifest's name ends in {' or '.join(SUFFIXES)}")


def _read_folder(folder: Path) -> Manifest:
    _refuse_groups(folder)
    samples = list(_samples_in(folder))
    if not samples:
        loose = len(find_images(folder))
        why = f"{loose} images are directly in it" if loose else "it holds no images"
        raise ManifestError(f"{folder} has no folders of subjects ({why}): lay it out as FOLDER/subject/image.jpg")
    return tabulate(samples, folder, str(folder))


def _refuse_groups(folder: Path) -> None:
    """Age groups must not become two subjects."""
    names = {path.name.lower() for path in folder.iterdir() if path.is_dir()}
    if {"adults", "children"} <= names or {"adult", "child"} <= names:
        raise ManifestError(
            f"{folder} holds age groups, not subjects: read it with `mien data import {folder} --as portraits --out "
            "MANIFEST`, and use the manifest"
        )


def _samples_in(folder: Path) -> Iterator[Sample]:
    for subject in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        for path in find_images(subject):
            yield Sample(path, subject.name)


def _read_table(path: Path) -> "pa.Table":
    """The table with its known columns in their types and subjects in canonical form; other columns as they come."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    try:
        if path.suffix.lower() == ".parquet":
            table = pyarrow.parquet.read_table(path)
        else:
            types = {name: column_type(name) for name in KNOWN}
            options = pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=True)
            table = pyarrow.csv.read_csv(path, convert_options=options)
        _require_columns(table, path)
        for index, name in enumerate(table.column_names):
            if name in KNOWN:
                table = table.set_column(index, name, table.column(name).cast(column_type(name)))
    except (pa.ArrowException, OSError, KeyError) as reason:
        raise ManifestError(
            f"{path} is not a manifest, a CSV or Parquet table with the columns path and subject: {plain(reason)}"
        ) from reason
    return _with_canonical_subjects(table)


def _require_columns(table: "pa.Table", path: Path) -> None:
    missing = {"path", "subject"} - set(table.column_names)
    if missing:
        raise ManifestError(
            f"{path} is not a manifest: it lacks the column {' and '.join(sorted(missing))}; "
            f"it has {', '.join(table.column_names[:8])}. Name them with `mien data import {path} --as table "
            "--column path=... --column subject=...`"
        )


def _with_canonical_subjects(table: "pa.Table") -> "pa.Table":
    """Tables of other tools hold names in any form of Unicode, and work on whole columns makes no samples."""
    import pyarrow as pa

    coded = table.column("subject").combine_chunks().dictionary_encode()
    found = coded.dictionary.to_pylist()
    names = [canonical_subject(name) for name in found]
    if names == found:
        return table
    place = table.column_names.index("subject")
    return table.set_column(place, "subject", pa.array(names, pa.string()).take(coded.indices))


def _check(manifest: Manifest) -> None:
    """Every row has a path, and no image is under two subjects, unless it holds several faces with boxes."""
    import pyarrow.compute

    table = manifest.table
    named = pyarrow.compute.fill_null(pyarrow.compute.not_equal(table.column("path"), ""), False).to_numpy()
    if not named.all():
        raise ManifestError(f"{manifest.row(int(np.argmin(named)))}: path and subject must both be given")
    keys = [name for name in ("path", "record", *BOX) if name in table.column_names]
    groups = table.select([*keys, "subject"]).group_by(keys).aggregate([("subject", "count_distinct")])
    if (pyarrow.compute.max(groups.column("subject_count_distinct")).as_py() or 0) > 1:
        raise ManifestError(_clash(manifest, keys))


def _clash(manifest: Manifest, keys: Sequence[str]) -> str:
    """Names the first image that is under two subjects."""
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


def plain(reason: Exception) -> str:
    """The message of a table's reader, without the bytes that it could not read."""
    return ": ".join(str(reason).split(": ")[:2]).splitlines()[0]
