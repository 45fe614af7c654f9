"""The files of an audit: whole or absent, one row per image and per subject."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from mien.errors import AuditError
from mien.portrait.dataset.audit import Audit
from mien.portrait.measures.catalogue import MEASURES
from mien.portrait.report import tables
from mien.portrait.report.tables import INTERNAL, images, write_audit

FILES = {"images.csv", "images.parquet", "report.html", "report.json", "subjects.csv"}


def test_an_image_is_a_row_with_its_verdict_and_every_measure(made_audit: Audit) -> None:
    rows = pa.concat_tables(images(made_audit)).to_pylist()
    assert [row["path"] for row in rows] == [entry.path for entry in made_audit.entries]
    assert [row["verdict"] for row in rows] == ["pass", "fail", "fail", "not assessed", "not assessed"]
    assert [row["failed"] for row in rows] == ["", "width-rule", "width-rule height-rule", "", ""]
    assert [row["not_assessed"] for row in rows] == ["", "", "", "width-rule", "width-rule height-rule"]
    assert [row["accepted"] for row in rows] == [True, False, False, False, False]
    assert {(row["subject"], row["group"], row["sex"]) for row in rows} == {
        ("An", "adult", "female"),
        ("Bo", "adult", "female"),
    }
    assert set(MEASURES) <= set(rows[0]) and not set(INTERNAL) & set(rows[0])


def test_all_files_are_written_and_nothing_else_is_left(made_audit: Audit, tmp_path: Path) -> None:
    summary = write_audit(made_audit, tmp_path / "out", "en", {"mien": "1"})
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    assert json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8")) == summary
    table = pyarrow.parquet.read_table(tmp_path / "out" / "images.parquet")
    with (tmp_path / "out" / "images.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert next(csv.reader(stream)) == table.column_names
    assert table.equals(pa.concat_tables(images(made_audit)))


def test_subjects_have_their_numbers_of_images(made_audit: Audit, tmp_path: Path) -> None:
    write_audit(made_audit, tmp_path, "en", {})
    with (tmp_path / "subjects.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = {row["subject"]: row for row in csv.DictReader(stream)}
    assert rows["An"] == {
        "subject": "An",
        "group": "adult",
        "sex": "female",
        "images": "3",
        "distinct": "3",
        "accepted": "1",
        "enough": "False",
    }
    assert list(rows) == ["An", "Bo"]


def test_earlier_files_stay_until_the_new_ones_are_complete(
    made_audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_audit(made_audit, tmp_path, "en", {"mien": "1"})
    before = {name: (tmp_path / name).read_bytes() for name in FILES}

    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tables, "audit_page", full)
    with pytest.raises(AuditError, match=r"No space left on device\): choose a different --out"):
        write_audit(made_audit, tmp_path, "en", {"mien": "2"})
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == before
    monkeypatch.undo()
    write_audit(made_audit, tmp_path, "en", {"mien": "3"})
    assert {path.name for path in tmp_path.iterdir()} == FILES, "what the failed run left is gone"
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["made_with"] == {"mien": "3"}


def test_a_person_called_like_a_formula_stays_text_in_a_spreadsheet(made_audit: Audit, tmp_path: Path) -> None:
    people = [replace(one, name=f"={one.name}") for one in made_audit.people]
    write_audit(replace(made_audit, people=people), tmp_path, "en", {})
    assert (tmp_path / "subjects.csv").read_bytes().startswith(b"\xef\xbb\xbfsubject")
    with (tmp_path / "subjects.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert [row["subject"] for row in csv.DictReader(stream)] == ["'=An", "'=Bo"]
