"""Columns of foreign tables."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mien.data.columns import typed, with_known_names
from mien.data.tables import FileTable

PATH = Path("t.csv")


def table(*, decimal_comma: bool = False, **columns: Any) -> FileTable:
    made = pa.table(columns)
    return FileTable(made, np.arange(2, len(made) + 2), (), decimal_comma)


@pytest.mark.parametrize("word", ["NA", "null", "NULL", "nan", "None", "N/A", "-", "true", "007", "0042", "1e5"])
def test_a_person_may_be_called_anything(word: str) -> None:
    found = typed(table(path=["1.jpg", "2.jpg"], subject=[word, "An"], name=[word, "12"]), PATH).table
    assert found.column("subject").to_pylist() == [word, "An"]
    assert found.column("name").to_pylist() == [word, "12"]


def test_a_bad_number_loses_its_own_row_and_is_named() -> None:
    columns = {
        "height": ["1", "2", "3", "4"],
        "record": ["7", "left", "inf", "nan"],
        "aligned": ["true", "", "", "no"],
    }
    file = typed(table(path=["1", "2", "3", "4"], **columns), PATH)
    assert file.table.to_pylist() == [
        {"path": "1", "height": 1, "record": 7, "aligned": True},
        {"path": "4", "height": 4, "record": None, "aligned": False},
    ]
    assert file.numbers.tolist() == [2, 5]
    assert [(p.where, p.reason) for p in file.problems] == [
        ("t.csv, row 3", "record: should be a number, not 'left'"),
        ("t.csv, row 4", "record: should be a number, not 'inf'"),
    ]


def test_numbers_with_a_decimal_comma_where_something_else_separates() -> None:
    box = {"x1": ["1,5", "2"], "y1": ["1", "2"], "x2": ["3", "4"], "y2": ["5", "6"]}
    assert typed(table(decimal_comma=True, **box), PATH).table.column("x1").to_pylist() == [1.5, 2]
    assert [p.reason for p in typed(table(**box), PATH).problems] == ["x1: should be a number, not '1,5'"]


def test_a_part_of_a_box_is_named_and_no_box_is_not() -> None:
    box = {"x1": ["1", "", "2"], "y1": ["1", "", "2"], "x2": ["3", "", ""], "y2": ["5", "", "6"]}
    file = typed(table(path=["a", "b", "c"], **box), PATH)
    assert file.table.column("path").to_pylist() == ["a", "b"]
    assert file.problems[0].reason == "its box lacks x2, or has a number that is not finite there"


def test_names_that_a_spreadsheet_has_spoilt_are_refused() -> None:
    file = typed(table(path=["1", "2", "3\0"], subject=["1.09009E+09", "An\0", "Bo"]), PATH)
    assert [p.reason.split(":")[0] for p in file.problems] == ["path", "subject", "subject"]
    assert "shortened" in file.problems[2].reason and not len(file.table)


def test_numbers_of_programs_are_names_without_a_fraction() -> None:
    for values in ([7, 0], pa.array([7.0, 0.0]), pa.array(["7", "0"]).dictionary_encode()):
        assert typed(table(path=["a", "b"], subject=values), PATH).table.column("subject").to_pylist() == ["7", "0"]
    assert typed(table(subject=pa.array([7.0, float("nan")])), PATH).table.column("subject").to_pylist() == [
        "7",
        None,
    ]


def test_other_columns_are_numbers_only_where_that_changes_no_letter() -> None:
    found = typed(table(age=["3", "4"], zip=["01", "2"], q=["1.5", "1e-05"], f=["true", "false"], e=["", ""]), PATH)
    assert found.table.to_pylist()[0] == {"age": 3, "zip": "01", "q": 1.5, "f": True, "e": None}


def test_capitals_of_column_names_do_not_matter_unless_the_name_is_taken() -> None:
    assert with_known_names(table(Path=["a"], SUBJECT=["b"], Other=["c"])).table.column_names == [
        "path",
        "subject",
        "Other",
    ]
    assert with_known_names(table(path=["a"], Path=["b"])).table.column_names == ["path", "Path"]
