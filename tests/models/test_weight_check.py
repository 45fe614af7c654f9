"""Weights that are not numbers, or that leave nothing of their input, are refused before any engine sees them."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mien.errors import CardError
from mien.models.weight_check import check_weights, fault_of

Make = Callable[..., bytes]


def changed(data: bytes, name: str, change: Callable[[np.ndarray], np.ndarray]) -> bytes:
    """The network with other numbers in one of its weights."""
    model = onnx.load_from_string(data)
    tensor = next(one for one in model.graph.initializer if one.name == name)
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor).copy()), name))
    return bytes(model.SerializeToString())


def one_is(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(values: np.ndarray) -> np.ndarray:
        values.flat[-1] = value
        return values

    return change


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["kernel", "matrix"])
def test_one_weight_that_is_not_a_number_is_named(make_recognizer: Make, name: str, value: float) -> None:
    check_weights(make_recognizer(), "net.onnx")
    with pytest.raises(
        CardError, match=rf"'{name}' of net.onnx hold 1 numbers of \d+ that are NaN or infinite; .*copy"
    ):
        check_weights(changed(make_recognizer(), name, one_is(value)), "net.onnx")


def test_half_precision_that_overflowed_is_refused(make_recognizer: Make) -> None:
    data = changed(make_recognizer(), "matrix", lambda values: np.full_like(values, np.inf, np.float16))
    with pytest.raises(CardError, match="NaN or infinite"):
        check_weights(data, "net.onnx")


@pytest.mark.parametrize("name", ["kernel", "matrix"])
def test_a_layer_of_zeros_is_refused(make_recognizer: Make, name: str) -> None:
    with pytest.raises(CardError, match=rf"the weights '{name}' of net.onnx are all zero"):
        check_weights(changed(make_recognizer(), name, np.zeros_like), "net.onnx")


def test_a_constant_of_the_graph_is_looked_at_like_a_weight(make_recognizer: Make) -> None:
    model = onnx.load_from_string(make_recognizer())
    values = numpy_helper.from_array(np.full((1, 64), np.nan, np.float32), "shift")
    model.graph.node.insert(0, helper.make_node("Constant", [], ["shift"], value=values))
    with pytest.raises(CardError, match=r"'shift' of net.onnx hold 64 numbers of 64"):
        check_weights(model.SerializeToString(), "net.onnx")


def test_zeros_that_add_and_the_open_end_of_a_range_are_no_fault() -> None:
    assert fault_of(np.zeros(9), factor=False) == fault_of(np.array(np.inf), factor=False) == ""
    assert "NaN" in fault_of(np.array(np.nan), factor=False)


def test_weights_in_a_file_besides_it_are_not_looked_for(make_recognizer: Make) -> None:
    """The path in such a file may name any file of the machine."""
    model = onnx.load_from_string(make_recognizer())
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/hostname")
    with pytest.raises(CardError, match=r"weights that cannot be read \('kernel' is in a file besides it\)"):
        check_weights(model.SerializeToString(), "net.onnx")
