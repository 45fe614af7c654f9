"""The table of engines: which one runs, in which precision; a new one is one object in the table."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.cli import run
from mien.errors import ModelError
from mien.models import openvino_engine
from mien.models.card import InputSpec
from mien.models.engines import ENGINES, InferenceEngine, choose_engine, engine_names, precision_names
from mien.models.options import EngineOptions
from mien.models.report import examine
from mien.types import Floats, Image

Make = Callable[..., bytes]


class SteamSession:
    """OpenVINO under another name, which counts what goes through it."""

    engine = "steam"
    batchable = True
    batch, on_gpu = 32, False
    ran = 0

    def __init__(self, data: bytes, spec: InputSpec, options: EngineOptions, precision: str) -> None:
        self.precision = precision
        self._inner = ENGINES["openvino"].open(data, spec, options, "f32")

    def run(self, images: Sequence[Image] | Image) -> list[Floats]:
        SteamSession.ran += len(images)
        return self._inner.run(images)


STEAM = InferenceEngine(
    name="steam",
    distributions=("no-such-package",),
    about="boilers",
    remedy="pip install steam",
    open=SteamSession,
    preferred=lambda: False,
    precisions=("f8", "f32"),
    fast=lambda precision: False,
)


@pytest.fixture
def steam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "steam", STEAM)
    monkeypatch.setattr(SteamSession, "ran", 0)


def test_a_made_up_engine_is_reached_from_the_command_line(
    steam: None, hopper_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["detect", str(hopper_path), "--json", "--engine", "steam"]) == 0
    assert len(json.loads(capsys.readouterr().out)["faces"]) == 1 and SteamSession.ran > 3
    assert run(["models", "verify", "mtcnn", "--engine", "steam", "--precision", "f8", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(row["engine"], row["precision"]) for row in rows} == {("steam", "f8")}


def test_a_made_up_engine_is_in_settings_the_report_and_messages(
    steam: None, hopper_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MIEN_ENGINE", "steam")
    assert run(["detect", str(hopper_path)]) == 0 and SteamSession.ran > 3
    row = next(one for one in examine() if one.topic == "steam")
    assert (row.state, row.remedy) == ("missing", "pip install steam") and "boilers" in row.detail
    monkeypatch.delenv("MIEN_ENGINE")
    assert run(["detect", str(hopper_path), "--engine", "coal"]) == 2
    assert "auto, onnxruntime, openvino, steam" in capsys.readouterr().err


def test_auto_takes_the_first_engine_that_is_preferred_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "onnxruntime", replace(ENGINES["onnxruntime"], preferred=lambda: False))
    assert choose_engine("auto").name == "openvino"
    monkeypatch.setitem(ENGINES, "onnxruntime", replace(ENGINES["onnxruntime"], preferred=lambda: True))
    assert choose_engine("auto").name == "onnxruntime"
    assert choose_engine("openvino").name == "openvino"
    with pytest.raises(ModelError, match="the engines are auto, onnxruntime, openvino, not 'coal'"):
        choose_engine("coal")


def test_precisions_are_tried_from_the_fastest_to_the_one_that_is_always_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = ENGINES["openvino"]
    for fast, expected in ((True, ("bf16", "f32")), (False, ("f32",))):
        monkeypatch.setattr(openvino_engine, "has_bf16", lambda fast=fast: fast)
        assert engine.candidates("auto") == expected
    assert engine.candidates("bf16") == ("bf16",) and engine.candidates("f32") == ("f32",)
    assert ENGINES["onnxruntime"].candidates("bf16") == ENGINES["onnxruntime"].candidates("auto") == ("f32",)


def test_names_come_from_the_table(steam: None) -> None:
    assert engine_names() == ("auto", "onnxruntime", "openvino", "steam")
    assert precision_names() == ("auto", "f32", "bf16", "f8")


def test_an_engine_that_is_not_installed_names_the_command(
    make_recognizer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mien.errors import MissingExtraError
    from mien.models import onnxruntime_engine

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(onnxruntime_engine.importlib, "import_module", missing)
    assert not onnxruntime_engine.has_gpu()
    spec = InputSpec(colour="RGB", mean=(0, 0, 0), scale=(1, 1, 1))
    with pytest.raises(MissingExtraError, match=r"pip install 'mien\[gpu\]'"):
        ENGINES["onnxruntime"].open(make_recognizer(), spec, EngineOptions(), "f32")


def test_other_bytes_are_not_opened() -> None:
    spec = InputSpec(colour="RGB", mean=(0, 0, 0), scale=(1, 1, 1))
    with pytest.raises(ModelError, match="OpenVINO cannot open this network"):
        ENGINES["openvino"].open(np.zeros(64, np.uint8).tobytes(), spec, EngineOptions(), "f32")
