"""A source's rows for a manifest: extracted, read with named columns, or read; columns are refused elsewhere."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mien.data.sample import Sample
from mien.data.sources.source import Source
from mien.errors import ManifestError


def rows(word: str, *rest: object) -> Iterator[Sample]:
    yield Sample(Path("a.jpg"), word, known={"given": " ".join(map(str, rest))})


PLAIN = Source(name="plain", summary="", recognizes=lambda _: True, read=lambda path: rows("read", path))
TABLE = replace(PLAIN, read_columns=lambda path, columns: rows("columns", path, *columns.values()))
PACKED = replace(TABLE, extract=lambda path, target: rows("extracted", path, target), extracted=(".rec", ".csv"))


@pytest.mark.parametrize(
    ("source", "columns", "subject", "given"),
    [
        (PLAIN, {}, "read", "set"),
        (TABLE, {"path": "file"}, "columns", "set file"),
        (TABLE, {}, "columns", "set"),
        (PACKED, {}, "extracted", "set out/m.parquet"),
    ],
)
def test_rows_come_from_the_richest_way_that_a_format_has(
    source: Source, columns: dict[str, str], subject: str, given: str
) -> None:
    (sample,) = source.rows(Path("set"), Path("out/m.parquet"), columns)
    assert isinstance(sample, Sample) and (sample.subject, sample.known["given"]) == (subject, given)


def test_columns_of_a_format_without_a_table_are_refused() -> None:
    with pytest.raises(ManifestError, match="--column names columns of a table, and set is read as plain"):
        PLAIN.rows(Path("set"), Path("m.csv"), {"path": "file"})


def test_files_next_to_a_manifest_have_its_name() -> None:
    assert PACKED.files_beside(Path("out/m.parquet")) == (Path("out/m.rec"), Path("out/m.csv"))
    assert PLAIN.files_beside(Path("out/m.parquet")) == ()
