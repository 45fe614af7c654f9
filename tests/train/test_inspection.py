"""What a file holds, without running it."""

from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.errors import CardError  # noqa: E402
from mien.train.inspection import inspect_model  # noqa: E402


def test_an_onnx_file_is_known_by_its_graph(tmp_path: Path, make_recognizer: Callable[..., bytes]) -> None:
    (tmp_path / "net.onnx").write_bytes(make_recognizer())
    assert inspect_model(tmp_path / "net.onnx") == {
        "family": "embedding",
        "input": "112x112",
        "normalization": "outside, see `mien models add`",
        "colour": "not in the file",
    }
    with pytest.raises(CardError, match=r"b\.onnx cannot be read"):
        inspect_model(tmp_path / "b.onnx")


def test_a_checkpoint_is_known_by_the_names_of_its_weights(foreign_weights: Path, finished_run: Path) -> None:
    theirs = inspect_model(foreign_weights)
    assert (theirs["family"], theirs["embedding"], theirs["prefix of names"]) == ("mobilefacenet", 32, "module.")
    assert theirs["normalization"] == "(pixel - 127.5) / 127.5" and theirs["besides the weights"] == "nothing"
    ours = inspect_model(finished_run / "checkpoints" / "step-00000006")
    assert ours["family"] == "mobilefacenet" and ours["known from"] == "trained by mien, whose checkpoint says so"
