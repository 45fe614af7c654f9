"""mien tour, as a user calls it."""

import json
from pathlib import Path

import pytest

from mien.cli import run


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_tour_recognizes_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tour", "--out", str(tmp_path), "--json"]) == 0
    rows = lines(capsys)
    assert len(rows) == 22
    for row in rows:
        decisions = sorted(face["decision"] for face in row["faces"])
        everybody_is_known = row["enrolled"] == "Grace Hopper"
        if "group" in row["path"]:
            assert decisions == ["Eileen Collins", "Grace Hopper" if everybody_is_known else "unknown"]
        elif "collins" in row["path"]:
            assert decisions == ["Eileen Collins"]
        else:
            assert decisions == ["Grace Hopper" if everybody_is_known else "unknown"]
    assert len(list((tmp_path / "annotated-2").glob("*.jpg"))) == 11
