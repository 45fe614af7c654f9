"""docs/guide/extending.md is true: its examples are added in one place and reached from recipe, CLI or catalogue."""

import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image as Pillow

from mien.cli import run
from mien.data.sources.registry import SOURCES
from mien.detect.families import FAMILIES
from mien.messages import languages, translate
from mien.portrait.measures.catalogue import MEASURES
from mien.scope.aspects import ASPECTS

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "guide" / "extending.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text of a section."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", GUIDE, re.DOTALL | re.MULTILINE)
    assert found is not None, title
    return found.group(1)


def block(title: str, language: str) -> str:
    """The first block of code of a section."""
    found = re.search(rf"```{language}\n(.*?)```", section(title), re.DOTALL)
    assert found is not None, (title, language)
    return found.group(1)


def example(title: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The section's Python as a module."""
    module = ModuleType("guide_" + re.sub(r"\W", "_", title).lower())
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(block(title, "python"), module.__dict__)
    return module


def rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_place_that_the_guide_names_exists() -> None:
    table = [line for line in GUIDE.splitlines() if line.startswith("| [")]
    assert len(table) == 13
    for line in table:
        _, _, room, seam, *_ = line.split("|")
        place = ROOT / "src" / "mien" / room.strip(" `")
        assert place.exists(), place
        for name in re.findall(r"`([A-Z]+|threshold_for)`", seam):
            files = [place] if place.is_file() else sorted(place.glob("*.py"))
            assert any(re.search(rf"^(def )?{name}\b", file.read_text("utf-8"), re.MULTILINE) for file in files), name


def test_a_head_is_reached_from_a_recipe(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")
    import tomllib

    from mien.train.kinds import parse_recipe
    from mien.train.recognizers.heads import HEADS
    from mien.train.recognizers.recipe import RecognizerRecipe

    head = example("A margin head", monkeypatch).HalfMargin
    text = (
        'name = "a"\ndata = { sets = ["x"] }\nmodel = { backbone = "mobilefacenet" }\noptimizer = { rate = 0.1 }\n'
        "schedule = { batch = 8, steps = 2 }\n" + block("A margin head", "toml")
    )
    (tmp_path / "r.toml").write_text(text)
    assert run(["train", str(tmp_path / "r.toml"), "--dry-run"]) != 0
    assert "there is no head 'half-margin'" in capsys.readouterr().err
    monkeypatch.setitem(HEADS, "half-margin", head)
    recipe = parse_recipe(tomllib.loads(text), "r.toml")
    assert isinstance(recipe, RecognizerRecipe)
    made = recipe.head.make()
    assert made == head(margin=0.4, share=0.25) and made.scale == 64
    assert run(["train", str(tmp_path / "r.toml"), "--dry-run"]) != 0
    assert "half-margin" not in (err := capsys.readouterr().err) and "x" in err


def test_a_source_is_reached_from_data_import(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Pillow.fromarray(np.zeros((40, 40, 3), np.uint8)).save(folder / name)
    (folder / "badges.txt").write_text("7 a.png\n12 b.png\n")
    # Before the general sources, which would take the folder.
    source = example("A data set", monkeypatch).SOURCE
    out = tmp_path / "set.csv"
    # The order of the table is the order of guessing; pytest's own patches put it back in reverse.
    with patch.dict(SOURCES, {source.name: source}, clear=True):
        assert run(["data", "inspect", str(folder), "--json"]) == 0
        assert rows(capsys)[-1]["source"] == "badges"
        assert run(["data", "import", str(folder), "--as", "badges", "--out", str(out)]) == 0
    assert "badge-7" in out.read_text() and "badge-12" in out.read_text()


def test_a_measure_is_reached_from_a_rule_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hopper_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "mine.toml"
    rules.write_text(block("A measure with a rule", "toml"), encoding="utf-8")
    assert run(["check", str(hopper_path), "--rules", str(rules)]) == 3
    assert "brightest" in capsys.readouterr().err
    monkeypatch.setitem(MEASURES, "brightest", example("A measure with a rule", monkeypatch).MEASURE)
    assert run(["check", str(hopper_path), "--rules", str(rules), "--json"]) == 0
    (rule,) = rows(capsys)[-1]["rules"]
    assert (rule["state"], rule["value"] > 100) == ("pass", True)
    strict = tmp_path / "strict.toml"
    strict.write_text(rules.read_text(encoding="utf-8").replace("min = 100", "min = 300"), encoding="utf-8")
    assert run(["check", str(hopper_path), "--rules", str(strict)]) == 1
    assert "The photograph has a bright spot" in capsys.readouterr().out


def test_an_aspect_of_scope_is_reached_from_compare(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, collins: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, light in (("plain", 1.0), ("dim", 0.15)):
        Pillow.fromarray((collins * light).astype(np.uint8)).save(tmp_path / f"{name}.png")
    command = ["compare", str(tmp_path / "plain.png"), str(tmp_path / "dim.png")]
    assert run(command) == 0
    monkeypatch.setitem(ASPECTS, "dark", example("An aspect of scope", monkeypatch).ASPECT)
    capsys.readouterr()
    assert run(command) == 5
    assert "dim.png: dark: 0.0" in capsys.readouterr().out
    assert run([*command, "--json"]) == 5
    assert rows(capsys)[0]["faces"][1]["scope"]["outside"][0]["code"] == "dark"


def test_a_language_is_one_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hopper_path: Path) -> None:
    assert run(["check", str(hopper_path), "--language", "fr"]) == 2
    (tmp_path / "fr.toml").write_text(block("A language", "toml"), encoding="utf-8")
    monkeypatch.setenv("MIEN_MESSAGES", str(tmp_path))
    assert "fr" in languages()
    assert translate("measure.yaw.name", "fr") == "rotation de la tête"
    assert translate("measure.pitch.name", "fr") == translate("measure.pitch.name", "en")
    assert run(["check", str(hopper_path), "--language", "fr"]) == 5


def one_face() -> bytes:
    """A network that always answers one face in the middle of its canvas of 64x64."""
    face = [0.9, 0.25, 0.25, 0.75, 0.75, 0.4, 0.4, 0.6, 0.4, 0.5, 0.5, 0.42, 0.6, 0.58, 0.6]
    tensors = [
        numpy_helper.from_array(np.zeros((), np.float32), "zero"),
        numpy_helper.from_array(np.array([[face, [0.1, *face[1:]]]], np.float32), "faces"),
    ]
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["nothing"]),
        helper.make_node("Add", ["faces", "nothing"], ["out"]),
    ]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 64, 64])
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, (1, 2, 15))
    graph = helper.make_graph(nodes, "one-face", [given], [output], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def test_a_detector_family_is_reached_from_models_add_and_detect(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hopper: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "home"))
    (tmp_path / "mine.onnx").write_bytes(one_face())
    assert run(["models", "add", str(tmp_path / "mine.onnx")]) == 3
    monkeypatch.setitem(FAMILIES, "shares", example("A detector family", monkeypatch).FAMILY)
    capsys.readouterr()
    assert run(["models", "add", str(tmp_path / "mine.onnx"), "--json"]) == 0
    assert rows(capsys)[-1]["family"] == "shares"
    photo = tmp_path / "photo.png"
    Pillow.fromarray(cv2.resize(hopper, (64, 64))).save(photo)
    assert run(["detect", str(photo), "--detector", "mine", "--json"]) == 0
    faces = rows(capsys)[0]["faces"]
    assert faces and all(face["score"] == pytest.approx(0.9, abs=0.01) for face in faces)
