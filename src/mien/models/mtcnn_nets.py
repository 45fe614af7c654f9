"""Converts the three MTCNN networks from the weights of the PyPI package `mtcnn` to ONNX. Needs no TensorFlow.

The weights are lists of arrays in the order of the layers, convolution kernels as (height, width, in, out)
(Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks", IEEE SPL
23(10), 2016). Pools with Keras' padding "same" are pools with ceil_mode here, which gives the same for these
sizes. The dense layers were trained on maps flattened as (width, height, channel).
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mien.types import Floats


@dataclass(frozen=True, slots=True)
class _Pool:
    size: int
    ceil: bool


Array = NDArray[Any]
Trunk = tuple[_Pool | None, ...]
TRUNKS: dict[str, Trunk] = {
    "pnet": (_Pool(2, True), None, None),
    "rnet": (_Pool(3, True), _Pool(3, False), None),
    "onet": (_Pool(3, True), _Pool(3, False), _Pool(2, True), None),
}
"""The pool behind each convolution."""

SIDES = {"pnet": None, "rnet": 24, "onet": 48}
"""Width and height of each network's input; None where any size goes."""


class _Builder:
    def __init__(self, weights: Iterator[Floats]) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, operator: str, inputs: list[str], output: str | None = None, **attributes: object) -> str:
        name = output or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def constant(self, values: Array) -> str:
        name = f"w{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def convolution(self, source: str, output: str | None = None) -> str:
        kernel, bias = next(self.weights), next(self.weights)
        return self.add("Conv", [source, self.constant(kernel.transpose(3, 2, 0, 1)), self.constant(bias)], output)

    def dense(self, source: str, output: str | None = None) -> str:
        matrix, bias = next(self.weights), next(self.weights)
        return self.add("Gemm", [source, self.constant(matrix), self.constant(bias)], output)

    def prelu(self, source: str) -> str:
        slope = next(self.weights).reshape(-1)
        shaped = slope if source == self._dense else slope[:, None, None]
        return self.add("PRelu", [source, self.constant(shaped)])

    _dense = ""

    def trunk(self, pools: Trunk) -> str:
        current = "input"
        for pool in pools:
            current = self.prelu(self.convolution(current))
            if pool is not None:
                current = self.add(
                    "MaxPool",
                    [current],
                    kernel_shape=[pool.size] * 2,
                    strides=[2, 2],
                    ceil_mode=int(pool.ceil),
                )
        return current

    def hidden(self, source: str) -> str:
        flat = self.add("Flatten", [self.add("Transpose", [source], perm=[0, 3, 2, 1])])
        self._dense = self.dense(flat)
        return self.prelu(self._dense)


def read_arrays(data: bytes) -> list[Floats]:
    """The arrays of one of the package's weight files, layer by layer.

    Args:
        data: the file's bytes, whose sha256 the caller has checked: the format is a pickle.

    Returns:
        Of each convolution kernel (height, width, in, out) and bias, of each dense layer matrix (in, out) and bias,
        each followed by the slope of its PReLU where it has one.
    """
    arrays: list[Floats] = joblib.load(io.BytesIO(data))
    return arrays


def convert(name: str, data: bytes) -> bytes:
    """Convert one of the package's weight files.

    Args:
        name: pnet, rnet or onet.
        data: the file's bytes, whose sha256 the caller has checked: the format is a pickle.

    Returns:
        An ONNX file. pnet: input (N, 3, H, W), outputs box (N, 4, h, w) and face (N, 2, h, w). rnet and
        onet: input (N, 3, 24, 24) and (N, 3, 48, 48), outputs box (N, 4), face (N, 2) and, from onet,
        points (N, 10), five x, then five y. Face holds the probabilities of no face and face.
    """
    builder = _Builder(iter(read_arrays(data)))
    top = builder.trunk(TRUNKS[name])
    if name != "pnet":
        top = builder.hidden(top)
    layer = builder.convolution if name == "pnet" else builder.dense
    outputs = {"box": layer(top, "box")}
    if name == "onet":
        outputs["points"] = layer(top, "points")
    outputs["face"] = builder.add("Softmax", [layer(top)], "face", axis=1)
    return _serialize(name, builder, list(outputs))


def _serialize(name: str, builder: _Builder, outputs: list[str]) -> bytes:
    side = SIDES[name]
    widths = {"box": 4, "points": 10, "face": 2}
    maps = ["rows", "columns"] if side is None else []
    model = helper.make_model(
        helper.make_graph(
            builder.nodes,
            f"mtcnn-{name}",
            [
                helper.make_tensor_value_info(
                    "input", TensorProto.FLOAT, ["batch", 3, side or "height", side or "width"]
                )
            ],
            [
                helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", widths[output], *maps])
                for output in outputs
            ],
            builder.constants,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
        producer_name="mien",
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))
