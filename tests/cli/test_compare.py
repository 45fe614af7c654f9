"""mien compare, as a user calls it."""

import json
from pathlib import Path

import pytest

from mien.cli import run


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_compare(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    portrait = str(people / "enrol/Eileen Collins/1.png")
    assert run(["compare", portrait, str(people / "collins.jpg"), "--json"]) == 0
    value = lines(capsys)[0]
    assert value["decision"] == "match" and value["unit"] == "L2" and value["score"] < value["threshold"]["value"]
    assert set(value["threshold"]) == {"value", "unit", "fmr", "protocol"} and value["threshold"]["fmr"] == 1e-3
    assert run(["compare", portrait, str(people / "both.png"), "--json"]) == 1, "Hopper is larger in it"
    assert "2 faces, took the most prominent one" in capsys.readouterr().out
    assert run(["compare", portrait, str(people / "hopper.jpg")]) == 1
    assert "no match" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("file", "says"),
    [("wall.png", "wall.png shows no face"), ("rubbish.txt", "is not a JPEG"), ("none", "does not exist")],
)
def test_compare_on_rubbish(people: Path, file: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", str(people / "collins.jpg"), str(people / file)]) == 3
    error = capsys.readouterr().err
    assert says in error and "Traceback" not in error and len(error.strip().splitlines()) == 1
