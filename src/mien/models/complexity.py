"""What a network costs by its ONNX file: parameters, and multiplications for an input of a given size.

Counts convolutions and matrix products, as papers do; activations, norms and resizing are left out. Runs nothing.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.models.openvino_engine import load_openvino


@dataclass(frozen=True, slots=True)
class Complexity:
    """Cost of a network.

    Attributes:
        parameters: numbers in its weights.
        multiplications: of one input; None where a shape depends on what is in the image.
    """

    parameters: int
    multiplications: int | None


def complexity(data: bytes, width: int, height: int) -> Complexity:
    """Count parameters and multiplications.

    Args:
        data: an ONNX file.
        width: of the input in pixels, where the network takes any.
        height: of the input in pixels, where the network takes any.
    """
    import onnx

    graph = onnx.load_from_string(data).graph
    used = {name for node in graph.node for name in node.input}
    parameters = sum(int(np.prod(tensor.dims)) for tensor in graph.initializer if tensor.name in used)
    return Complexity(parameters, _multiplications(data, width, height))


def _multiplications(data: bytes, width: int, height: int) -> int | None:
    model: Any = load_openvino().Core().read_model(data)
    wanted = (1, 3, height, width)
    shape = model.input().partial_shape
    model.reshape([size if dim.is_dynamic else dim.get_length() for dim, size in zip(shape, wanted, strict=True)])
    total = 0
    for operation in model.get_ops():
        kind = operation.get_type_name()
        if kind not in ("Convolution", "GroupConvolution", "MatMul"):
            continue
        out, weight = operation.output(0).partial_shape, operation.input(1).get_partial_shape()
        if kind == "MatMul":
            # The inner side, which is the last of the first factor.
            each = list(operation.input(0).get_partial_shape())[-1:]
        else:
            # Weights are (out, in, height, width), with a group before them in grouped ones.
            each = list(weight)[1 if kind == "Convolution" else 2 :]
        if out.is_dynamic or any(dim.is_dynamic for dim in each):
            return None
        total += int(np.prod([dim.get_length() for dim in out])) * int(np.prod([dim.get_length() for dim in each]))
    return total
