"""Quantization to 8 bits: a quarter of the weights' bytes, and nearly the same embeddings."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest

from mien.models.card import InputSpec
from mien.models.int8 import quantize_network
from mien.models.onnxruntime_engine import OnnxRuntimeSession
from mien.models.options import EngineOptions
from mien.scores import score_pairs


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("colour", ["RGB", "BGR"])
def test_the_embeddings_hardly_change(make_recognizer: Callable[..., bytes], colour: str) -> None:
    pytest.importorskip("onnxruntime")
    spec = InputSpec(colour=colour, mean=(127.5,) * 3, scale=(128.0,) * 3, width=112, height=112)  # type: ignore[arg-type]
    crops = np.random.default_rng(0).integers(0, 256, (8, 112, 112, 3)).astype(np.uint8)
    data = make_recognizer(dimension=256)
    small = quantize_network(data, spec, list(crops))
    (whole,), (eight,) = (OnnxRuntimeSession(one, spec, EngineOptions(threads=1)).run(crops) for one in (data, small))
    assert score_pairs(whole, eight, "cosine").min() > 0.99 and not np.array_equal(whole, eight)
    kinds = {node.op_type for node in onnx.load_from_string(small).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds and len(small) < len(data) / 2
