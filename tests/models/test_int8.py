"""Quantization to 8 bits: a quarter of the weights' bytes, and nearly the same embeddings."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mien.models.card import InputSpec
from mien.models.int8 import quantize_network
from mien.models.onnxruntime_engine import OnnxRuntimeSession
from mien.models.options import EngineOptions
from mien.models.session import open_unchecked
from mien.scores import score_pairs


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("colour", ["RGB", "BGR"])
def test_the_embeddings_hardly_change(make_recognizer: Callable[..., bytes], colour: str) -> None:
    pytest.importorskip("onnxruntime")
    spec = InputSpec(colour=colour, mean=(127.5,) * 3, scale=(128.0,) * 3, width=112, height=112)  # type: ignore[arg-type]
    crops = np.random.default_rng(0).integers(0, 256, (8, 112, 112, 3)).astype(np.uint8)
    data = make_recognizer(dimension=256)
    small, left_out = quantize_network(data, spec, list(crops), lambda found: True)
    assert left_out == 0
    (whole,), (eight,) = (OnnxRuntimeSession(one, spec, EngineOptions(threads=1)).run(crops) for one in (data, small))
    assert score_pairs(whole, eight, "cosine").min() > 0.99 and not np.array_equal(whole, eight)
    kinds = {node.op_type for node in onnx.load_from_string(small).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds and len(small) < len(data) / 2


def ruined(scale: float) -> bytes:
    """A network of two 1x1 convolutions; 8 bits cannot hold the ranges of the first one's channels."""
    spread = np.ones(3, np.float32) * scale
    spread[0] = 1
    eye = np.eye(3, dtype=np.float32)
    weights = {"first": eye * spread[:, None], "second": eye / spread[None]}
    nodes = [
        helper.make_node("Conv", ["x", "first"], ["wide"]),
        helper.make_node("Conv", ["wide", "second"], ["even"]),
        helper.make_node("GlobalAveragePool", ["even"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "ruined",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(value.reshape(3, 3, 1, 1), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    return bytes(model.SerializeToString())


@pytest.mark.filterwarnings("ignore")
def test_a_tensor_that_8_bits_ruin_stays_in_float32() -> None:
    pytest.importorskip("onnxruntime")
    spec = InputSpec(colour="RGB", mean=(127.5,) * 3, scale=(128.0,) * 3, width=32, height=32)
    crops = np.random.default_rng(0).integers(0, 256, (8, 1, 1, 3)).repeat(32, 1).repeat(32, 2).astype(np.uint8)
    data = ruined(1e4)
    (whole,) = OnnxRuntimeSession(data, spec, EngineOptions(threads=1)).run(crops)

    def cosine(small: bytes) -> float:
        (eight,) = OnnxRuntimeSession(small, spec, EngineOptions(threads=1)).run(crops)
        return float(score_pairs(whole, eight, "cosine").mean())

    plain, _ = quantize_network(data, spec, list(crops), lambda found: True)
    assert cosine(plain) < 0.98
    small, left_out = quantize_network(data, spec, list(crops), lambda found: cosine(found) > 0.999)
    assert left_out >= 1 and cosine(small) > 0.999


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("opset", [11, 12])
def test_a_file_with_old_operators_is_quantized_too(opset: int) -> None:
    """InsightFace's files have operators of version 11; their 8-bit copies could not be opened."""
    pytest.importorskip("onnxruntime")
    spec = InputSpec(colour="RGB", mean=(127.5,) * 3, scale=(128.0,) * 3, width=32, height=32)
    crops = np.random.default_rng(0).integers(0, 256, (8, 1, 1, 3)).repeat(32, 1).repeat(32, 2).astype(np.uint8)
    model = onnx.load_from_string(ruined(1.0))
    model.opset_import[0].version = opset
    data = bytes(model.SerializeToString())
    small, _ = quantize_network(data, spec, list(crops), lambda found: True)
    (whole,), (eight,) = (open_unchecked(one, spec).run(crops) for one in (data, small))
    assert np.abs(whole - eight).max() < 0.02 * np.abs(whole).max()
