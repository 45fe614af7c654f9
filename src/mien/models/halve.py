"""Stores a network's weights in half precision: half the file; the engine computes as it did. Only when asked for.

Each large weight becomes float16 with a Cast to float32 behind it, which engines fold away when they open the file.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MIN_NUMBERS = 1024
"""Numbers that a weight must have; smaller ones gain nothing."""

MAX_VALUE = float(np.finfo(np.float16).max)


def halve(data: bytes) -> bytes:
    """An ONNX file whose large float32 weights are stored as float16; weights beyond its range stay as they are."""
    model = onnx.load_from_string(data)
    graph = model.graph
    casts = []
    for tensor in list(graph.initializer):
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size < MIN_NUMBERS or np.abs(values).max() > MAX_VALUE:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))
