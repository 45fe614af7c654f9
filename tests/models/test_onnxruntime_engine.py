"""ONNX Runtime: pixels enter as the card says, and a network for one image still takes many."""

import sys
from collections.abc import Callable

import numpy as np
import pytest

from mien.errors import MissingExtraError
from mien.models.card import InputSpec
from mien.models.onnxruntime_engine import OnnxRuntimeSession, has_gpu, load_onnxruntime
from mien.models.options import EngineOptions

Make = Callable[..., bytes]
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3)).astype(np.uint8)


def opened(data: bytes, colour: str = "RGB", mean: float = 127.5) -> OnnxRuntimeSession:
    pytest.importorskip("onnxruntime")
    spec = InputSpec(colour=colour, mean=(mean,) * 3, scale=(128.0,) * 3, width=112, height=112)  # type: ignore[arg-type]
    return OnnxRuntimeSession(data, spec, EngineOptions(threads=1))


def test_swapped_colours_of_network_and_card_cancel_out(make_recognizer: Make) -> None:
    (rgb,) = opened(make_recognizer("RGB")).run(IMAGES)
    (bgr,) = opened(make_recognizer("BGR"), "BGR").run(IMAGES)
    (wrong,) = opened(make_recognizer("BGR"), "RGB").run(IMAGES)
    assert rgb.shape == (3, 64) and rgb.dtype == np.float32
    assert np.allclose(rgb, bgr, rtol=1e-4, atol=1e-3) and not np.allclose(rgb, wrong, rtol=1e-2)


def test_the_mean_is_subtracted(make_recognizer: Make) -> None:
    grey = np.full((1, 112, 112, 3), 90, np.uint8)
    assert np.abs(opened(make_recognizer(), mean=90).run(grey)[0]).max() == 0
    assert np.abs(opened(make_recognizer(), mean=80).run(grey)[0]).max() > 0


def test_a_network_for_one_image_gives_the_same_one_by_one(make_recognizer: Make) -> None:
    many, single = opened(make_recognizer()), opened(make_recognizer(batch=1))
    assert many.batchable and not single.batchable
    assert np.allclose(many.run(IMAGES)[0], single.run(IMAGES)[0], rtol=1e-4, atol=1e-3)


def test_without_the_package_the_command_is_named_and_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match="ONNX Runtime is not installed: "):
        load_onnxruntime()
    assert has_gpu() is False
