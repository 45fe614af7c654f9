"""The widths of outputs are written into a file, and nothing else changes."""

import onnx
import pytest
from onnx import TensorProto, helper

from mien.models.onnx_graph import read_graph
from mien.models.outputs import with_widths


def network() -> bytes:
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", "k"]) for name in ("a", "b")]
    nodes = [helper.make_node("Flatten", ["x"], [name]) for name in ("a", "b")]
    entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4, 4])
    return helper.make_model(helper.make_graph(nodes, "g", [entry], outputs)).SerializeToString()


def test_each_output_gets_its_width_in_order_and_nothing_else_changes() -> None:
    data = network()
    written = with_widths(data, [4, 10])
    assert read_graph(data, "x").widths == [None, None] and read_graph(written, "x").widths == [4, 10]
    before, after = (onnx.load_from_string(one).graph for one in (data, written))
    assert list(before.node) == list(after.node) and list(before.input) == list(after.input)


def test_a_width_is_needed_for_every_output() -> None:
    with pytest.raises(ValueError, match="shorter"):
        with_widths(network(), [4])
