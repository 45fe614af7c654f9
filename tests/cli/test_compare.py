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


def test_a_masked_face_is_uncertain_and_is_no_yes(
    people: Path, masked_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = str(people / "collins.jpg")
    assert run(["compare", plain, str(masked_path), "--json"]) == 5
    value = lines(capsys)[0]
    assert value["decision"] == "uncertain" and value["accepted"] is True
    first, second = (face["scope"] for face in value["faces"])
    assert first["outside"] == [] and [one["code"] for one in second["outside"]] == ["mask"]
    assert second["outside"][0]["holds"] is False and "covered" in second["outside"][0]["reason"]
    assert second["values"]["mask"] > first["values"]["mask"]
    assert run(["compare", plain, str(masked_path)]) == 5
    shown = capsys.readouterr().out
    assert "uncertain" in shown and "does not hold" in shown and "masked.png: the lower face is covered" in shown


def test_the_policies_of_scope(people: Path, masked_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = [str(people / "collins.jpg"), str(masked_path)]
    assert run(["compare", *pair, "--scope", "ignore", "--json"]) == 0
    value = lines(capsys)[0]
    assert value["decision"] == "match" and [face["scope"] for face in value["faces"]] == [None, None]
    assert run(["compare", *pair, "--scope", "demand"]) == 3
    assert "masked.png is outside of what the recognizer was measured on" in capsys.readouterr().err
    assert run(["compare", *pair, "--scope", "demnd"]) == 2
    assert "demand" in capsys.readouterr().err


def test_reasons_are_in_the_language_of_the_settings(
    people: Path, masked_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_LANGUAGE", "vi")
    assert run(["compare", str(people / "collins.jpg"), str(masked_path)]) == 5
    assert "phần dưới khuôn mặt bị che" in capsys.readouterr().out
