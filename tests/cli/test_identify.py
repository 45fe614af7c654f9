"""mien identify, as a user calls it."""

import json
from pathlib import Path

import pytest

from mien.cli import run


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_identify(people: Path, gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["identify", str(gallery), str(people / "both.png"), "--json", "--out", str(tmp_path)]) == 0
    value = lines(capsys)[0]
    assert sorted(face["decision"] for face in value["faces"]) == ["Eileen Collins", "Grace Hopper"]
    assert all(len(face["candidates"]) == 2 and face["threshold"]["fmr"] == 1e-4 for face in value["faces"])
    assert (tmp_path / "both.jpg").is_file()
    assert run(["identify", str(gallery), str(people / "wall.png")]) == 1
    assert "no face" in capsys.readouterr().out


def test_top_limits_the_candidates(people: Path, gallery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for top in (1, 2):
        assert run(["identify", str(gallery), str(people / "collins.jpg"), "--json", "--top", str(top)]) == 0
        assert [len(face["candidates"]) for face in lines(capsys)[0]["faces"]] == [top]
