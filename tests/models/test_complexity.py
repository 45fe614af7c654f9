"""Parameters and multiplications of a file, counted by hand."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from mien.models.complexity import complexity
from mien.models.outputs import with_widths


def network(groups: int = 1) -> bytes:
    """A convolution of 3 to 6 channels with stride 2, then one of 6 to 4 in groups."""
    weights = [np.ones((6, 3, 3, 3), np.float32), np.ones((4, 6 // groups, 1, 1), np.float32)]
    tensors = [numpy_helper.from_array(value, f"w{index}") for index, value in enumerate(weights)]
    nodes = [
        helper.make_node("Conv", ["x", "w0"], ["a"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["a", "w1"], ["y"], group=groups),
    ]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"])
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [given], [made], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


def test_convolutions_are_counted_by_their_outputs_and_kernels() -> None:
    for groups in (1, 2):
        found = complexity(network(groups), 32, 16)
        assert found.parameters == 6 * 3 * 9 + 4 * 6 // groups
        assert found.multiplications == 16 * 8 * 6 * 27 + 16 * 8 * 4 * 6 // groups


def test_widths_of_outputs_are_written_down() -> None:
    import onnx

    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "m"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    output = onnx.load_from_string(with_widths(model.SerializeToString(), [4])).graph.output[0]
    assert output.type.tensor_type.shape.dim[1].dim_value == 4
