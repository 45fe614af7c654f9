"""Converts dlib's metric ResNet from dlib's own serialization to ONNX. Needs no dlib.

The file, from the input outwards, holds 29 convolutions (`con_4`), each followed by an affine layer
(`affine_`: gamma, then beta), and last a fully connected layer without bias (`fc_2`). Integers are dlib's: a byte
with the number of bytes (its high bit is the sign), then that many little-endian bytes (dlib/serialize.h). A `params`
tensor is a version, four sizes, and little-endian floats.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mien.errors import CardError
from mien.types import Floats

BLOCKS = (
    *((32, False),) * 3,
    *((64, down) for down in (True, False, False, False)),
    *((128, down) for down in (True, False, False)),
    *((256, down) for down in (True, False, False, True)),
)
"""Filters of each residual block, and whether it halves the map (dlib's examples/dnn_face_recognition_ex.cpp)."""

SIZE = 150
"""Width and height of the network's input."""


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution with its affine layer folded in: weight (filters, channels, rows, columns), bias (filters,)."""

    weight: Floats
    bias: Floats
    stride: int
    padding: int


@dataclass(frozen=True, eq=False)
class Layers:
    """The network's weights: the convolutions from the input outwards, and the last layer's (256, 128) matrix."""

    convolutions: tuple[Convolution, ...]
    matrix: Floats


class _Reader:
    """A cursor over dlib's serialization."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def skip_to(self, tag: bytes) -> None:
        """Go behind the next layer tag."""
        found = self._data.find(tag, self._at)
        if found < 0:
            raise CardError(f"dlib's weights end before the next {tag.decode()} layer; reinstall the package")
        self._at = found + len(tag)

    def integer(self) -> int:
        """One packed integer."""
        head = self._data[self._at]
        count = head & 0x0F
        value = int.from_bytes(self._data[self._at + 1 : self._at + 1 + count], "little")
        self._at += 1 + count
        return -value if head & 0x80 else value

    def tensor(self) -> Floats:
        """One `params` tensor, flat."""
        version = self.integer()
        if version != 2:
            raise CardError(
                f"dlib's weights hold a tensor of version {version}, and 2 is known; reinstall the package"
            )
        count = int(np.prod([self.integer() for _ in range(4)]))
        values = np.frombuffer(self._data, "<f4", count, self._at)
        self._at += 4 * count
        return values.astype(np.float32)


def _read_convolution(reader: _Reader, channels: int) -> Convolution:
    """One `con_4` with its `affine_` folded in."""
    reader.skip_to(b"con_4")
    values = reader.tensor()
    filters, rows, columns, stride, _, padding, _ = (reader.integer() for _ in range(7))
    weight = values[: filters * channels * rows * columns].reshape(filters, channels, rows, columns)
    bias = values[weight.size :]
    reader.skip_to(b"affine_")
    gamma, beta = np.split(reader.tensor(), 2)
    return Convolution(weight * gamma[:, None, None, None], bias * gamma + beta, stride, padding)


class _Graph:
    """ONNX nodes in the order of computation."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, operator: str, inputs: list[str], **attributes: object) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def constant(self, values: NDArray[Any]) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def convolution(self, source: str, layer: Convolution) -> str:
        return self.add(
            "Conv",
            [source, self.constant(layer.weight), self.constant(layer.bias)],
            strides=[layer.stride] * 2,
            pads=[layer.padding] * 4,
        )


def convert(data: bytes) -> bytes:
    """Convert dlib_face_recognition_resnet_model_v1.dat.

    Args:
        data: the file.

    Returns:
        An ONNX file: input (N, 3, 150, 150) float32, (RGB - (122.782, 117.001, 104.298)) / 256;
        output (N, 128) float32, not normalized.

    Raises:
        CardError: the bytes are not this network.
    """
    layers, graph = read_layers(data), _Graph()
    waiting = iter(layers.convolutions)
    current = graph.add("Relu", [graph.convolution("input", next(waiting))])
    current = graph.add("MaxPool", [current], kernel_shape=[3, 3], strides=[2, 2])
    size, channels = 35, 32
    for filters, down in BLOCKS:
        current, size = _block(graph, waiting, current, size, channels, filters, down)
        channels = filters
    current = graph.add("Flatten", [graph.add("GlobalAveragePool", [current])])
    graph.nodes.append(helper.make_node("MatMul", [current, graph.constant(layers.matrix)], ["embedding"]))
    return _serialize(graph)


def read_layers(data: bytes) -> Layers:
    """Read the weights out of dlib's file.

    Raises:
        CardError: the bytes are not this network.
    """
    reader, channels = _Reader(data), 3
    found = []
    for filters in (32, *(filters for filters, _ in BLOCKS for _ in range(2))):
        found.append(_read_convolution(reader, channels))
        channels = filters
    reader.skip_to(b"fc_2")
    reader.integer(), reader.integer()  # the number of outputs and of inputs
    return Layers(tuple(found), reader.tensor().reshape(256, 128))


def _block(
    graph: _Graph, layers: Iterator[Convolution], source: str, size: int, channels: int, filters: int, down: bool
) -> tuple[str, int]:
    """A residual block; its sum zero-pads the smaller map and the fewer channels, as dlib's add_prev does."""
    first, second = next(layers), next(layers)
    inner = graph.convolution(graph.add("Relu", [graph.convolution(source, first)]), second)
    if not down:
        return graph.add("Relu", [graph.add("Add", [inner, source])]), size
    inner_size, skip_size = (size - 3) // 2 + 1, (size - 2) // 2 + 1
    skip = graph.add("AveragePool", [source], kernel_shape=[2, 2], strides=[2, 2])
    inner = _pad(graph, inner, 0, skip_size - inner_size)
    skip = _pad(graph, skip, filters - channels, 0)
    return graph.add("Relu", [graph.add("Add", [inner, skip])]), skip_size


def _pad(graph: _Graph, source: str, channels: int, edge: int) -> str:
    if channels == 0 and edge == 0:
        return source
    return graph.add("Pad", [source, graph.constant(np.array([0, 0, 0, 0, 0, channels, edge, edge], np.int64))])


def _serialize(graph: _Graph) -> bytes:
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "dlib-resnet",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, SIZE, SIZE])],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 128])],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
        producer_name="mien",
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))
