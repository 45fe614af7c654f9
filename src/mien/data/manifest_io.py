"""Manifests on disk: CSV and Parquet tables, and folders of subjects as the simplest data set.

Owns reading, checking and writing them. Opens no image. A row that cannot be used, and an image that is under two
subjects, is given to whoever asks for such rows, and is refused where nobody does. Refuses tables without path and
subject.
"""

import codecs
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

import numpy as np

from mien.data.columns import keep_rows, typed, with_known_names
from mien.data.layout import read_layout, unusable
from mien.data.manifest import Manifest, tabulate
from mien.data.sample import BOX, Problem, Sample, canonical_subject
from mien.data.sources.folders import person_samples
from mien.data.stored_paths import relative, stored_path
from mien.data.tables import FileTable, read_table, replace_in_texts, write_parquet
from mien.errors import ManifestError
from mien.image import find_images
from mien.spreadsheets import FORMULA
from mien.whole_files import whole_file

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".csv", ".parquet")
"""Endings of a manifest's name."""

OnProblem = Callable[[Problem], None]
"""Called with each row that is left out."""


def read_samples(source: Path, on_problem: OnProblem | None = None) -> list[Sample]:
    """The samples of a folder (FOLDER/subject/*.jpg) or a manifest, subject by subject.

    Args:
        source: see read_manifest.
        on_problem: see read_manifest; also called for rows without a subject.

    Raises:
        ManifestError: see read_manifest; or a row without a subject, where nobody asks for such rows.
    """
    manifest = read_manifest(source, on_problem)
    samples = []
    for index, sample in enumerate(manifest.samples()):
        if sample.subject:
            samples.append(sample)
        else:
            _take(Problem(manifest.row(index), "path and subject must both be given"), on_problem)
    if not samples:
        raise ManifestError(f"{manifest.name} has no row with a path and a subject")
    return sorted(samples, key=lambda sample: sample.subject)


def read_manifest(source: Path, on_problem: OnProblem | None = None) -> Manifest:
    """Read a manifest, or list a folder of subjects as one.

    Args:
        source: a CSV or Parquet table, or a folder of subjects, perhaps in folders of adults and children.
        on_problem: called for each row that is left out, and for what is left out of a folder.

    Raises:
        ManifestError: nothing there, no subject folders, not a table, no column path or subject; or, where nobody
            asks for such rows, a row without a path, a value that cannot be meant, or one image under two subjects.
    """
    if source.is_dir():
        return _read_folder(source, on_problem)
    if not source.exists():
        raise ManifestError(f"{source} does not exist; name a folder of subjects or a manifest")
    file = _read_table(source)
    for problem in file.problems:
        _take(problem, on_problem)
    manifest, problems = without_clashes(_named(file, source, on_problem))
    for problem in problems:
        _take(problem, on_problem)
    return manifest


def _take(problem: Problem, on_problem: OnProblem | None) -> None:
    if on_problem is None:
        raise ManifestError(f"{problem.where}: {problem.reason}")
    on_problem(problem)


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write a manifest as CSV or Parquet, by its ending; paths become relative to its new folder where they can.

    Raises:
        ManifestError: another ending.
    """
    import pyarrow as pa
    import pyarrow.csv

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
            with scratch.open("wb") as stream:
                # Spreadsheets take a file without the mark for one of the machine's code page.
                stream.write(codecs.BOM_UTF8)
                pyarrow.csv.write_csv(replace_in_texts(table, f"^({FORMULA.pattern})", r"'\1"), stream)
        else:
            write_parquet(table, scratch)


def require_suffix(path: Path) -> None:
    """Refuse a name that is not a manifest's.

    Raises:
        ManifestError: another ending.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ManifestError(f"{path}: a manifest's name ends in {' or '.join(SUFFIXES)}")


def _read_folder(folder: Path, on_problem: OnProblem | None) -> Manifest:
    layout = read_layout(folder)
    samples = [sample for person in layout.people for sample in person_samples(folder, person)]
    if not samples:
        loose = len(find_images(folder))
        why = f"{loose} images are directly in it" if loose else "it holds no images"
        raise ManifestError(f"{folder} has no folders of subjects ({why}): lay it out as FOLDER/subject/image.jpg")
    for place, reason in unusable(layout) if on_problem is not None else ():
        _take(Problem(str(place), reason), on_problem)
    return tabulate(samples, folder, str(folder))


def _read_table(path: Path) -> FileTable:
    """The table with its known columns in their types and subjects in canonical form; other columns as they come."""
    try:
        file = with_known_names(read_table(path))
    except ManifestError as reason:
        raise ManifestError(
            f"{path} is not a manifest, a CSV or Parquet table with the columns path and subject: "
            f"{str(reason).removeprefix(f'{path}').lstrip(',: ')}"
        ) from reason
    _require_columns(file.table, path)
    file = typed(file, path)
    table = _with_canonical_subjects(with_forward_paths(file.table, path.parent))
    return FileTable(table, file.numbers, file.problems, file.decimal_comma)


def _require_columns(table: "pa.Table", path: Path) -> None:
    missing = {"path", "subject"} - set(table.column_names)
    if missing:
        raise ManifestError(
            f"{path} is not a manifest: it lacks the column {' and '.join(sorted(missing))}; "
            f"it has {', '.join(table.column_names[:8])}. Name them with `mien data import {path} --as table "
            "--column path=... --column subject=...`"
        )


def with_forward_paths(table: "pa.Table", folder: Path) -> "pa.Table":
    """The table with paths of Windows written as here, where no file has the name as it is written."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = table.column("path")
    if not pc.any(pc.match_substring(column, "\\")).as_py():
        return table
    paths = [path and forward_path(path, folder) for path in column.to_pylist()]
    return table.set_column(table.column_names.index("path"), "path", pa.array(paths, pa.string()))


def forward_path(path: str, folder: Path) -> str:
    """A path of Windows written as here; the path itself where it is not one, or where a file has this very name."""
    if "\\" not in path or (folder / path).exists():
        return path
    return PureWindowsPath(path).as_posix()


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


def _named(file: FileTable, path: Path, on_problem: OnProblem | None) -> Manifest:
    """The rows that have a path."""
    import pyarrow.compute as pc

    named = pc.is_valid(file.table.column("path")).to_numpy()
    for row in np.flatnonzero(~named):
        _take(Problem(f"{path}, row {file.numbers[row]}", "path and subject must both be given"), on_problem)
    kept = keep_rows(file, named)
    return Manifest(kept.table, path.parent, str(path), kept.numbers)


def without_clashes(manifest: Manifest) -> tuple[Manifest, list[Problem]]:
    """The rows whose image is under one subject, unless it holds several faces with boxes; and the other rows."""
    import pyarrow.compute

    table = manifest.table
    keys = [name for name in ("path", "record", *BOX) if name in table.column_names]
    if _all_different(table, keys):
        return manifest, []
    groups = table.select([*keys, "subject"]).group_by(keys).aggregate([("subject", "count_distinct")])
    if (pyarrow.compute.max(groups.column("subject_count_distinct")).as_py() or 0) <= 1:
        return manifest, []
    clashes = dict(_clashes(manifest, keys))
    kept = [index for index in range(len(manifest)) if index not in clashes]
    return manifest.take(kept), [Problem(manifest.row(index), reason) for index, reason in clashes.items()]


def _all_different(table: "pa.Table", keys: Sequence[str]) -> bool:
    """Whether every row is another image, as far as whole numbers can say it; quick and small for millions of rows.

    Grouping rows by their keys takes 400 bytes for each, and this takes 30.
    """
    if not set(keys) <= {"path", "record"}:
        return False
    images = table.column("path").combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    if "record" in keys:
        records = table.column("record").fill_null(-1).to_numpy() + 1
        span = int(records.max(initial=0)) + 1
        if int(images.max(initial=0)) + 1 > np.iinfo(np.int64).max // span:
            return False
        images = images * span + records
    return len(np.unique(images)) == len(images)


def _clashes(manifest: Manifest, keys: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The rows of images that are under two subjects: whom they show cannot be known."""
    columns = [manifest.table.column(name).to_pylist() for name in keys]
    owners: dict[tuple[object, ...], dict[str, int]] = {}
    rows = list(zip(manifest.subjects, *columns, strict=True))
    for index, (subject, *key) in enumerate(rows):
        owners.setdefault(tuple(key), {}).setdefault(subject, index)
    # The row that contradicts an earlier one comes first: where it is refused, it is the one to look at.
    firsts = {min(found.values()) for found in owners.values()}
    for index, (subject, *key) in sorted(enumerate(rows), key=lambda row: row[0] in firsts):
        found = owners[tuple(key)]
        if len(found) > 1:
            other, place = next((name, row) for name, row in found.items() if name != subject)
            where = manifest.row(place).removeprefix(f"{manifest.name}, ")
            yield (
                index,
                f"{key[0]} belongs to {subject or 'nobody'} here and to {other or 'nobody'} in {where}; "
                "keep one of the two",
            )
