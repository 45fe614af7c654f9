"""mien data overlap, as a user calls it."""

import csv
import json
from pathlib import Path

import pytest

from mien.cli import run
from mien.data.manifest_io import read_manifest


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_overlap_lists_and_cleans(people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "overlap"
    a, b = str(people / "train"), str(people / "test")
    assert run(["data", "overlap", a, b, "--out", str(out), "--workers", "1", "--json"]) == 0
    (counts,) = lines(capsys)
    with (out / "overlap.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["a_subject"], row["b_subject"]) for row in rows] == [("Hopper", "Grace")]
    assert counts["exact"] + counts["near"] + counts["same face"] == 1 and counts["rows_removed"] == 1
    assert set(read_manifest(out / "cleaned.parquet").subjects) == {"Collins", "Wall"}
    assert run(["data", "overlap", a, a, "--out", str(out), "--no-faces", "--workers", "1", "--json"]) == 0
    assert lines(capsys)[0]["exact"] == 4
