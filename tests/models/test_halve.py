"""Half precision: large weights are stored in half the bytes, and the network computes as it did."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from mien.models.halve import halve


def network(weights: dict[str, np.ndarray]) -> bytes:
    """The sum of an input and all weights."""
    names, nodes = ["x", *weights], []
    for index, name in enumerate(weights):
        nodes.append(helper.make_node("Add", [f"s{index}" if index else "x", name], [f"s{index + 1}"]))
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1024])],
        [helper.make_tensor_value_info(f"s{len(names) - 1}", TensorProto.FLOAT, [1024])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def test_only_large_weights_within_the_range_are_halved() -> None:
    weights = {
        "large": np.full(1024, 0.1, np.float32),
        "small": np.full(1, 0.1, np.float32),
        "beyond": np.full(1024, 70000, np.float32),
        "limit": np.full(1024, 65504, np.float32),
    }
    before = network(weights)
    after = halve(before)
    stored = {tensor.name: tensor.data_type for tensor in onnx.load_from_string(after).graph.initializer}
    assert stored == {
        "large.half": TensorProto.FLOAT16,
        "small": TensorProto.FLOAT,
        "beyond": TensorProto.FLOAT,
        "limit.half": TensorProto.FLOAT16,
    }
    assert len(before) - len(after) > 3500
    evaluated = ReferenceEvaluator(onnx.load_from_string(after)).run(None, {"x": np.zeros(1024, np.float32)})
    assert np.allclose(evaluated[0], sum(value for value in weights.values()), rtol=1e-3)
