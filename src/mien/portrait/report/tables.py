"""Writes what an audit found: report.json, images.parquet and .csv, subjects.csv; and report.html next to them.

Version 1 of report.json: a key never changes its meaning within a version. Files appear when all of them are written.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from mien.errors import AuditError
from mien.portrait.dataset.audit import Audit, verdicts
from mien.portrait.report.as_json import audit_as_json
from mien.portrait.report.page import audit_page
from mien.spreadsheets import write_csv
from mien.whole_files import make_folder, make_private, write_whole_text

FILES = ("report.json", "report.html", "images.parquet", "images.csv", "subjects.csv")
"""What is written."""

INTERNAL = ("bytes", "changed", "phash", "face_phash", "landmarks", "reasons")
"""Columns of what was measured that tables for people leave out."""


def write_audit(audit: Audit, out: Path, language: str, made_with: Mapping[str, str]) -> dict[str, Any]:
    """Write all files of an audit; earlier ones are replaced when the new ones are complete.

    Returns:
        What report.json holds.

    Raises:
        AuditError: the folder cannot be written to.
    """
    partial = out / ".report"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        make_folder(partial, private=True)
        _write_images(audit, partial)
        _write_people(audit, partial / "subjects.csv")
        value = audit_as_json(audit, made_with)
        with (partial / "report.json").open("w", encoding="utf-8", newline="\n") as to:
            to.writelines(json.JSONEncoder(ensure_ascii=False, indent=1).iterencode(value))
        write_whole_text(partial / "report.html", audit_page(audit, language, made_with, out))
        make_private(partial)
        for file in partial.iterdir():
            file.replace(out / file.name)
        partial.rmdir()
        return value
    except OSError as reason:
        raise AuditError(
            f"{out} cannot be written to ({reason.strerror or reason}): choose a different --out"
        ) from reason


def _cells(row: dict[str, Any]) -> list[object]:
    """The values of a row in the digits that single precision has."""
    return [float(f"{value:.7g}") if isinstance(value, float) else value for value in row.values()]


def _write_images(audit: Audit, folder: Path) -> None:
    """Both tables of images, some rows at a time."""
    tables = images(audit)
    first = next(tables)
    with pyarrow.parquet.ParquetWriter(folder / "images.parquet", first.schema) as writer:

        def rows() -> Iterator[list[object]]:
            for table in chain([first], tables):
                writer.write_table(table)
                yield from map(_cells, table.to_pylist())

        write_csv(folder / "images.csv", first.column_names, rows())


def images(audit: Audit) -> Iterator[pa.Table]:
    """Every measure of every image, its verdict, and the rules that it fails; some rows at a time."""
    names = [name for name in audit.measurements.columns if name not in INTERNAL]
    start = 0
    for batch in audit.measurements.batches(names):
        rows = slice(start, start + len(batch))
        entries, found = audit.entries[rows], list(verdicts(audit, rows))
        columns: dict[str, pa.Array] = {
            "subject": pa.array([entry.subject for entry in entries], pa.string()),
            "group": pa.array([entry.group for entry in entries], pa.string()),
            "sex": pa.array([entry.sex for entry in entries], pa.string()),
            "verdict": pa.array([word for word, _, _ in found], pa.string()),
            "failed": pa.array([" ".join(failed) for _, failed, _ in found], pa.string()),
            "not_assessed": pa.array([" ".join(unknown) for _, _, unknown in found], pa.string()),
            "accepted": pa.array(audit.accepted[rows]),
        }
        table = batch.set_column(batch.column_names.index("error"), "error", batch.column("error").cast(pa.string()))
        for place, (name, values) in enumerate(columns.items(), start=1):
            table = table.add_column(place, name, values)
        yield table
        start = rows.stop


def _write_people(audit: Audit, path: Path) -> None:
    min_images = audit.rules.structure.min_images
    rows = (
        (one.name, one.group, one.sex, one.images, one.distinct, one.accepted, one.distinct >= min_images)
        for one in audit.people
    )
    write_csv(path, ("subject", "group", "sex", "images", "distinct", "accepted", "enough"), rows)
