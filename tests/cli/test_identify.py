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
    assert all(len(face["candidates"]) == 2 and face["threshold"]["fmr"] == 1e-3 for face in value["faces"])
    assert (tmp_path / "both.jpg").is_file()
    assert run(["identify", str(gallery), str(people / "wall.png")]) == 1
    assert "no face" in capsys.readouterr().out


def test_top_limits_the_candidates(people: Path, gallery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for top in (1, 2):
        assert run(["identify", str(gallery), str(people / "collins.jpg"), "--json", "--top", str(top)]) == 0
        assert [len(face["candidates"]) for face in lines(capsys)[0]["faces"]] == [top]


def test_a_masked_face_is_uncertain_with_its_reason(
    gallery: Path, masked_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["identify", str(gallery), str(masked_path), "--json"]) == 5
    (face,) = lines(capsys)[0]["faces"]
    assert face["decision"] == "uncertain" and face["candidates"][0]["subject"] == "Eileen Collins"
    assert [one["code"] for one in face["scope"]["outside"]] == ["mask"]
    assert run(["identify", str(gallery), str(masked_path)]) == 5
    shown = capsys.readouterr().out
    assert "uncertain" in shown and "the lower face is covered" in shown
    assert run(["identify", str(gallery), str(masked_path), "--scope", "ignore", "--fmr", "1e-2", "--json"]) == 0
    assert lines(capsys)[0]["faces"][0]["scope"] is None
    assert run(["identify", str(gallery), str(masked_path), "--scope", "demand", "--json"]) == 5
    (face,) = lines(capsys)[0]["faces"]
    assert face["decision"] == "refused" and face["candidates"] == []


def test_one_certain_face_among_uncertain_ones_is_a_yes(
    gallery: Path, people: Path, masked_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["identify", str(gallery), str(masked_path), str(people / "collins.jpg")]) == 0
    assert "1 of 2 faces recognized" in capsys.readouterr().err
