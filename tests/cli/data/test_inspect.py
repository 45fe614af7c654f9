"""mien data inspect, as a user calls it."""

import json
from pathlib import Path

import pytest

from mien.cli import run


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_inspect_says_what_a_set_is(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "inspect", str(people / "train"), "--json"]) == 0
    (seen,) = lines(capsys)
    assert (seen["source"], seen["images"], seen["subjects"], seen["single"]) == ("folders", 4, 3, 2)
    assert seen["images_each"] == [1, 1.0, 2] and seen["problems"] == 0
    assert run(["data", "inspect", str(people / "train")]) == 0
    assert "folders of subjects (--as folders)" in capsys.readouterr().out
