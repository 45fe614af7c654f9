"""Rows that a verb leaves out are named, counted, and change the exit code."""

import json
from pathlib import Path

import pytest

from mien.cli import run
from mien.cli.left_out import LISTED, LeftOut
from mien.data.sample import Problem


def test_the_first_rows_are_named_and_all_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    left_out = LeftOut()
    assert not left_out and left_out.as_json() == {}
    for number in range(LISTED + 2):
        left_out(Problem(f"m.csv, row {number}", "is short"))
    left_out.report()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "mien: m.csv, row 0: is short" and len(lines) == LISTED + 1
    assert lines[-1] == f"mien: {LISTED + 2} rows of the set left out"
    assert left_out.as_json()["left_out"][0] == {"where": "m.csv, row 0", "reason": "is short"}


def test_a_bad_row_of_a_manifest_loses_no_other_and_the_verb_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"{n}.jpg,s{n % 7}\n" for n in range(28))
    (tmp_path / "m.csv").write_text(f"path,subject\n{rows}short\n,nobody\n1.jpg,someone else\n")
    arguments = ["data", "split", str(tmp_path / "m.csv"), "--out", str(tmp_path / "parts")]
    assert run([*arguments, "--part", "a=0.5", "--part", "b=0.5", "--json"]) == 4
    written = capsys.readouterr()
    assert sum(json.loads(line)["rows"] for line in written.out.splitlines()) == 27, "1.jpg is under two subjects"
    for said in ("row 30: has 1 fields", "row 31: path and subject must both be given", "row 32: 1.jpg belongs to"):
        assert said in written.err
    assert "4 rows of the set left out" in written.err
