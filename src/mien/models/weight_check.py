"""Refuses ONNX files whose weights are not numbers or are all zero: damaged files, and trainings that diverged.

Looks at the numbers that the file stores. Runs nothing; what a network answers is checked elsewhere.
"""

from collections.abc import Iterator, Set
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import CardError

if TYPE_CHECKING:
    import onnx

MULTIPLIED = {"Conv": (1,), "ConvTranspose": (1,), "Gemm": (1,), "MatMul": (0, 1)}
"""Operators whose result is a constant where one of these inputs is zero."""

REMEDY = "the file is damaged, or its training diverged: copy it again, or export an earlier checkpoint"


def check_weights(data: bytes, where: str) -> None:
    """Refuse a network with weights that are NaN or infinite, or that are all zero where they multiply.

    Args:
        data: an ONNX file.
        where: what messages call it.

    Raises:
        CardError: a weight is not a number, all weights of a layer are zero, or the file cannot hold what it says.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load_from_string(data).graph
        factors = _factors(graph)
        faults = [
            (tensor.name, fault_of(_numbers(tensor), factor=tensor.name in factors)) for tensor in _floats(graph)
        ]
    except (DecodeError, ValueError, TypeError, RuntimeError, MemoryError) as reason:
        raise CardError(f"{where} has weights that cannot be read ({_short(reason)}): copy it again") from reason
    name, fault = next(((name, fault) for name, fault in faults if fault), ("", ""))
    if fault:
        raise CardError(f"the weights '{name}' of {where} {fault}; {REMEDY}")


def fault_of(values: NDArray[Any], *, factor: bool) -> str:
    """What is wrong with some weights, as the end of a sentence; empty for nothing.

    A single infinite number is the open end of a range that a graph clips to, and a plain NaN never is anything.

    Args:
        values: floats of any shape.
        factor: whether the layer's input is multiplied by them, so that zeros leave nothing of it.
    """
    bad = int(np.isnan(values).sum() if values.size == 1 else (~np.isfinite(values)).sum())
    if bad:
        return f"hold {bad} numbers of {values.size} that are NaN or infinite"
    if factor and values.size > 1 and not values.any():
        return "are all zero"
    return ""


def _floats(graph: "onnx.GraphProto") -> Iterator["onnx.TensorProto"]:
    """The weights in floating point, with those that are constants of the graph."""
    from onnx import TensorProto

    kinds = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)
    held = [a.t for node in graph.node if node.op_type == "Constant" for a in node.attribute if a.name == "value"]
    for tensor in (*graph.initializer, *held):
        if tensor.data_location == TensorProto.EXTERNAL:
            raise ValueError(f"'{tensor.name}' is in a file besides it")
        if tensor.data_type in kinds:
            yield tensor


def _numbers(tensor: "onnx.TensorProto") -> NDArray[Any]:
    from onnx import numpy_helper

    values = numpy_helper.to_array(tensor)
    return np.asarray(values if values.dtype.kind == "f" else values.astype(np.float32))


def _factors(graph: "onnx.GraphProto") -> Set[str]:
    """Names of the weights that a layer multiplies its input by."""
    return {
        node.input[place]
        for node in graph.node
        for place in MULTIPLIED.get(node.op_type, ())
        if place < len(node.input)
    }


def _short(reason: BaseException) -> str:
    lines = str(reason).splitlines()
    return lines[0] if lines else type(reason).__name__
