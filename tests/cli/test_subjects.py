"""mien subjects and mien remove, as a user calls them."""

import json
from pathlib import Path

import pytest

from mien.cli import run


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_remove_and_subjects(people: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = str(tmp_path / "g")
    run(["enrol", path, str(people / "enrol")])
    capsys.readouterr()
    assert run(["subjects", path, "--json"]) == 0
    assert [(row["subject"], row["templates"]) for row in lines(capsys)] == [
        ("Eileen Collins", 1),
        ("Grace Hopper", 1),
    ]
    assert run(["remove", path, "Grace Hopper"]) == 0
    assert run(["remove", path, "Grace Hopper"]) == 3
    assert "has no subject 'Grace Hopper'" in capsys.readouterr().err
    assert run(["identify", path, str(people / "hopper.jpg"), "--json"]) == 1
    assert lines(capsys)[0]["faces"][0]["decision"] == "unknown"
