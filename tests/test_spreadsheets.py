"""CSV files that people open: the letters are right, no cell is a formula, and nothing is lost on the way back."""

import csv
import errno
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.spreadsheets import plain_cell, safe_cell, write_csv


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream))


@pytest.mark.parametrize(
    "name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "'=1"]
)
def test_a_subject_called_like_a_formula_stays_text_in_a_spreadsheet(name: str, tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ("subject",), [(name,)])
    cell = _rows(tmp_path / "a.csv")[1][0]
    assert cell == "'" + name
    assert plain_cell(cell) == name


def test_numbers_stay_numbers_and_nothing_is_an_empty_cell(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ("a", "b", "c"), [(-1, -0.5, None), (0, math.nan, True)])
    assert _rows(tmp_path / "a.csv")[1:] == [["-1", "-0.5", ""], ["0", "", "True"]]


def test_vietnamese_names_are_read_by_spreadsheets(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ("subject",), [("Nguyễn Văn Ân",)])
    assert (tmp_path / "a.csv").read_bytes() == "\ufeffsubject\r\nNguyễn Văn Ân\r\n".encode()


def test_a_file_name_that_is_not_utf_8_is_written_out(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ("path",), [("caf\udce9.jpg",)])
    assert _rows(tmp_path / "a.csv")[1] == ["caf\\udce9.jpg"]


def test_a_table_that_fails_in_the_middle_leaves_the_old_one(tmp_path: Path) -> None:
    def rows():
        yield ("1",)
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "a.csv").write_text("old")
    with pytest.raises(OSError, match="No space"):
        write_csv(tmp_path / "a.csv", ("a",), rows())
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "old"


@given(st.text(alphabet="'=+-@\t\r\na ＝"))
def test_every_text_comes_back_from_its_cell(text: str) -> None:
    assert plain_cell(safe_cell(text)) == text
