"""mien models: list, info, verify, inspect, add, pull, remove, quantize, as a user calls them."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.cli import run
from mien.types import Image

Make = Callable[..., bytes]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "home"))


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def net(make_recognizer: Make, tmp_path: Path) -> Path:
    """A recognizer's file."""
    file = tmp_path / "net.onnx"
    file.write_bytes(make_recognizer())
    return file


def test_a_model_is_added_listed_shown_verified_and_removed(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["models", "add", str(net), "--name", "net-cli", "--colour", "BGR", "--mean", "10", "--scale", "2"]
    assert run([*command, "--metric", "l2", "--mirror", "--licence", "ours", "--json"]) == 0
    (card,) = lines(capsys)
    assert card["embedding"] == {
        "size": 64,
        "metric": "l2",
        "normalized": False,
        "mirror": True,
        "template": "arcface",
        "output": 0,
    }
    assert card["input"] == {"colour": "BGR", "mean": [10] * 3, "scale": [2] * 3, "width": 112, "height": 112}
    assert (card["licence"], card["source"]) == ("ours", "added from net.onnx") and "golden" not in card
    assert run(["models", "list", "--json"]) == 0
    listed = {row["name"]: row for row in lines(capsys)}
    assert set(listed["net-cli"]) == {"name", "kind", "state", "licence", "summary"}
    states = {name: row["state"] for name, row in listed.items()}
    assert states["net-cli"] == "ready" and states["arcface-r50"] == "can be pulled"
    assert states["mtcnn"] == "made from a package on first use" and states["haar"] == "built in"
    assert listed["haar"]["summary"].endswith("(legacy)") and not listed["dlib-hog"]["summary"].endswith("(legacy)")
    assert run(["models", "info", "net-cli"]) == 0
    assert "# embedding contract" in capsys.readouterr().out
    assert run(["models", "verify", "net-cli", "mtcnn", "--json", "--precision", "f32"]) == 0
    rows = lines(capsys)
    assert {row["verdict"] for row in rows} == {"good"} and {row["precision"] for row in rows} == {"f32"}
    assert [row["file"] for row in rows] == ["model", "pnet", "rnet", "onet"]
    assert run(["models", "remove", "net-cli", "--json"]) == 0 and lines(capsys) == [{"removed": "net-cli"}]
    assert run(["models", "verify", "net-cli", "--json"]) == 3
    assert "no model 'net-cli'" in lines(capsys)[0]["verdict"]


def test_a_damaged_model_is_listed_as_damaged(net: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["models", "add", str(net), "--colour", "RGB"])
    (tmp_path / "home" / "models" / "net" / "card.toml").write_text("rubbish")
    capsys.readouterr()
    assert run(["models", "list", "--json"]) == 0
    assert next(row for row in lines(capsys) if row["name"] == "net")["state"] == "damaged"


@pytest.mark.parametrize(
    ("name", "key", "expected"),
    [("arcface-r50", "licence", "non-commercial"), ("haar", "weights", "opencv"), ("mtcnn", "family", "mtcnn")],
)
def test_what_is_known_of_a_model_is_shown(
    name: str, key: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "info", name, "--json"]) == 0
    (row,) = lines(capsys)
    assert row["name"] == name and expected in row[key]
    assert run(["models", "info", name]) == 0 and expected in capsys.readouterr().out


def test_a_file_is_inspected(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "inspect", str(net), "--json"]) == 0
    assert lines(capsys)[0] == {
        "file": str(net),
        "family": "embedding",
        "input": "112x112",
        "normalization": "outside, see `mien models add`",
        "colour": "not in the file",
    }


def test_a_missing_file_and_an_unaccepted_licence_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "add", str(tmp_path / "none.onnx")]) == 3
    assert "none.onnx cannot be read" in capsys.readouterr().err
    assert run(["models", "pull", "arcface-r50"]) == 3
    assert "--accept-licence" in capsys.readouterr().err


def test_a_recognizer_without_thresholds_names_the_verb_that_measures_them(
    net: Path, collins_path: Path, hopper_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["models", "add", str(net), "--name", "net-cli", "--colour", "RGB"])
    assert run(["compare", str(collins_path), str(hopper_path), "--recognizer", "net-cli"]) == 3
    assert "calibrate" in capsys.readouterr().err


def test_calibrate_writes_thresholds_on_the_card(
    make_recognizer: Make, people: Path, tmp_path: Path, collins: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.onnx").write_bytes(make_recognizer())
    run(["models", "add", str(tmp_path / "net.onnx"), "--name", "net-calibrated", "--colour", "RGB"])
    generator = np.random.default_rng(0)
    for number in range(8):
        folder = tmp_path / "set" / f"s{number}"
        folder.mkdir(parents=True)
        tint = generator.uniform(0.8, 1.0, 3)
        Pillow.fromarray((collins * tint).astype(np.uint8)).resize((256, 256)).save(folder / "1.png")
    capsys.readouterr()
    assert run(["models", "calibrate", "net-calibrated", str(tmp_path / "set")]) == 3
    message = capsys.readouterr().err
    assert "a false match rate of 0.01 cannot be shown: half of the subjects make 6 non-mated" in message
    assert "is now called `mien evaluate calibrate" in message


def test_the_catalogue_is_listed_as_a_person_would_choose(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "list", "--catalogue", "--json"]) == 0
    rows = {row["name"]: row for row in lines(capsys)}
    assert rows["face-reid-0095"]["recommended"] and not rows["arcface-r50"]["recommended"]
    assert rows["sface-2021dec"]["commercial"] == "disputed" and rows["auraface-v1"]["size"] == 260694151
    assert run(["models", "list", "--catalogue"]) == 0
    text = capsys.readouterr().out
    assert "face-reid-0095 (recommended)" in text and "weights yes, data disputed" in text and "2.6 MB" in text
