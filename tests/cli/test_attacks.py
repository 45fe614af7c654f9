"""mien evaluate attacks, as a user calls it."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.cli import run
from mien.types import Image


@pytest.fixture
def doors(tmp_path: Path, hopper: Image) -> Path:
    """Two living faces and two prints, one of which is as bright."""
    for name, light in (("bona-fide/1", 1.0), ("bona-fide/2", 0.9), ("attack-print/1", 0.4), ("attack-print/2", 1.0)):
        path = tmp_path / "doors" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), (hopper[..., ::-1] * light).astype(np.uint8))
    return tmp_path / "doors"


@pytest.fixture
def live(tmp_path: Path, by_brightness: bytes) -> str:
    (tmp_path / "live.onnx").write_bytes(by_brightness)
    words = ["--expert", "liveness", "--colour", "BGR", "--mean", "0", "--scale", "1", "--name", "bright-live"]
    assert run(["models", "add", str(tmp_path / "live.onnx"), *words]) == 0
    return "bright-live"


def test_rates_are_printed_with_what_they_hold_for(doors: Path, live: str, tmp_path: Path, capsys) -> None:
    scores = tmp_path / "scores.csv"
    assert run(["evaluate", "attacks", str(doors), "--portrait-model", live, "--scores", str(scores)]) == 0
    out = capsys.readouterr().out
    assert "living faces" in out and "BPCER" in out and "print" in out and "50.0%" in out
    assert "Rates hold for the cameras and the attacks of this set" in out
    rows = list(csv.DictReader(scores.read_text(encoding="utf-8").splitlines()))
    assert [row["kind"] for row in rows] == ["print", "print", "", ""]
    assert [float(row["score"]) >= 0.5 for row in rows] == [False, True, True, True]


def test_json_and_exit_codes(doors: Path, live: str, tmp_path: Path, capsys) -> None:
    command = ["evaluate", "attacks", str(doors), "--portrait-model", live, "--json"]
    assert run(command) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["apcer"]["print"]["value"] == 0.5 and value["bpcer"]["value"] == 0.0
    assert [row["wanted"] for row in value["fixed"]] == [0.1, 0.05, 0.01]
    cv2.imwrite(str(doors / "bona-fide" / "wall.png"), np.full((200, 200, 3), 90, np.uint8))
    assert run(command) == 4
    assert "bona-fide/wall.png: no face was found" in capsys.readouterr().err
    assert run(["evaluate", "attacks", str(doors)]) == 3
    assert run([*command, "--scores", str(tmp_path / "no" / "x.csv")]) == 2
    assert run([*command, "--threshold", "1.5"]) == 2
