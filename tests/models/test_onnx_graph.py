"""What a file says of its network: sides, outputs, its own preparation of pixels; and what is refused."""

from collections.abc import Callable

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from mien.errors import CardError
from mien.models.onnx_graph import FIRST_NODES, input_name, read_graph

Make = Callable[..., bytes]


def network(first: list[str], inputs: dict[str, list] | None = None) -> bytes:
    """A network of elementwise nodes; inputs by name with their shapes."""
    inputs = inputs or {"data": [1, 3, "h", "w"]}
    nodes, last = [], next(iter(inputs))
    for number, kind in enumerate(first):
        nodes.append(helper.make_node(kind, [last, *(["one"] if kind in ("Sub", "Mul") else [])], [f"n{number}"]))
        last = f"n{number}"
    weights = [numpy_helper.from_array(np.ones(1, np.float32), "one")]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()]
    values.append(helper.make_tensor_value_info("one", TensorProto.FLOAT, [1]))
    result = helper.make_tensor_value_info(last, TensorProto.FLOAT, [1, 3, "h", "w"])
    return helper.make_model(helper.make_graph(nodes, "g", values, [result], weights)).SerializeToString()


def test_sides_and_outputs_are_read_and_free_sides_are_none(make_recognizer: Make) -> None:
    graph = read_graph(make_recognizer(size=112, dimension=64), "x")
    assert (graph.width, graph.height, graph.outputs, graph.widths) == (112, 112, ((None, 64),), [64])
    free = read_graph(network(["Relu"]), "x")
    assert (free.width, free.height, free.widths) == (None, None, [None])


def test_the_input_is_the_one_that_is_not_a_weight(make_recognizer: Make) -> None:
    assert input_name(network(["Sub", "Mul"])) == "data" and input_name(make_recognizer()) == "input"


@pytest.mark.parametrize(
    ("first", "prepares"),
    [
        (["Sub", "Mul", "Relu"], True),
        (["Relu"] * (FIRST_NODES - 2) + ["Sub", "Mul"], True),
        (["Relu"] * (FIRST_NODES - 1) + ["Sub", "Mul"], False),
        (["Sub", "Relu"], False),
        (["Relu"], False),
    ],
)
def test_a_network_that_shifts_and_scales_first_prepares_its_pixels(first: list[str], prepares: bool) -> None:
    assert read_graph(network(first), "x").prepares is prepares


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\xff\xd8\xff no network", "x is a JPEG image and not a model"),
        (b"no network", "x is damaged or not an ONNX file; copy it again"),
        (b"", "x is empty"),
        (b"PK\x03\x04", "x is a checkpoint of torch or an archive"),
        (b"\x20\0\0\0TFL3", r"x is a tflite file: name it with the ending \.tflite"),
        (network(["Relu"], {"a": [1, 3, 8, 8], "b": [1, 3, 8, 8]}), "x takes 2 inputs"),
        (network(["Relu"], {"a": [1, 128]}), r"x takes an input of shape \[1, 128\]"),
        (network(["Relu"], {"a": [1, 1, 8, 8]}), r"x takes an input of shape \[1, 1, 8, 8\]"),
    ],
)
def test_what_takes_no_batch_of_images_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(CardError, match=says):
        read_graph(data, "x")
