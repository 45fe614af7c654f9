"""The engine's options are values that cost nothing to make."""

import subprocess
import sys

from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.settings import DEFAULTS


def test_the_defaults_leave_the_choice_to_the_machine_and_agree_with_the_settings() -> None:
    assert EngineOptions(engine="auto", precision="auto", threads=0, streams=1) == DEFAULT_OPTIONS
    assert (DEFAULTS.engine, DEFAULTS.precision, DEFAULTS.threads) == ("auto", "auto", 0)


def test_neither_an_engine_nor_numpy_is_imported_for_them() -> None:
    code = "import sys, mien.models.options; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "mien.models.options" in done.stdout.split()
    assert not {"numpy", "onnxruntime", "openvino", "onnx"} & set(done.stdout.split())
