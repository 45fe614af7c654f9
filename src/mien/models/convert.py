"""Turns OpenVINO IR (.xml and .bin) and tflite graphs into ONNX, so that every engine can run them.

OpenVINO reads both formats; the graph is then walked, one operation after the other, and written again. A new
operation is one function and one line in OPERATIONS; a graph that has another one is refused with its name. Adds no
card and checks no licence.
"""

import importlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

import numpy as np

from mien.errors import CardError
from mien.models.openvino_engine import last_line, load_openvino

if TYPE_CHECKING:
    import onnx

OPSET, IR_VERSION = 17, 8
"""Of the ONNX files that are written: every engine of the last years reads them."""

CHANNELS = 3
TFLITE = b"TFL3"
"""The mark in bytes 4 to 8 of a tflite file. Without it OpenVINO would try all its formats, loudly."""


@dataclass(slots=True)
class _Writer:
    """The ONNX graph so far."""

    nodes: list["onnx.NodeProto"] = field(default_factory=list)
    known: dict[str, Any] = field(default_factory=dict)
    """Constants by the name of their value; those that a node takes are written."""

    def add(self, kind: str, inputs: Sequence[str], output: str, **attributes: object) -> None:
        """Add a node with one output."""
        from onnx import helper

        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))

    def constant(self, name: str, value: Any) -> str:  # noqa: ANN401 - any array
        """Note a constant; returns its name."""
        self.known[name] = value
        return name

    @property
    def constants(self) -> list["onnx.TensorProto"]:
        """The constants that nodes take."""
        from onnx import numpy_helper

        taken = dict.fromkeys(name for node in self.nodes for name in node.input if name in self.known)
        return [numpy_helper.from_array(np.ascontiguousarray(self.known[name]), name) for name in taken]


def convert(data: bytes, weights: bytes | None, name: str) -> bytes:
    """Convert a network with one input of images to ONNX.

    Args:
        data: the .xml of OpenVINO IR, or a tflite file.
        weights: the .bin of OpenVINO IR; None for tflite.
        name: what messages call it.

    Returns:
        An ONNX file whose input is (N, 3, H, W) float32. A graph of channels-last images gets a transposition first.

    Raises:
        CardError: OpenVINO cannot read it, it takes something else than images, or has an operation that cannot be
            converted.
    """
    model = _read(data, weights, name)
    writer = _Writer()
    size = _image_input(model, writer, name)
    for operation in model.get_ordered_ops():
        kind = operation.get_type_name()
        if kind in ("Parameter", "Result"):
            continue
        if kind not in OPERATIONS:
            raise CardError(
                f"{name} cannot be converted to ONNX: it has the operation {kind}; mien converts "
                f"{', '.join(sorted(OPERATIONS))}. Add the ONNX file instead, if its publisher has one"
            )
        OPERATIONS[kind](operation, writer)
    return _file(model, writer, size)


def _read(data: bytes, weights: bytes | None, name: str) -> Any:  # noqa: ANN401 - the package is not typed
    """The graph with a batch of one and its constants folded."""
    openvino = load_openvino()
    if weights is not None:
        _require_ir(data, name)
    if weights is None and data[4:8] != TFLITE:
        raise CardError(f"{name} is not a tflite file: it lacks the mark {TFLITE.decode()}")
    passes = importlib.import_module("openvino.passes")
    suffix = ".tflite" if weights is None else ".xml"
    try:
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / f"model{suffix}"
            path.write_bytes(data)
            if weights is not None:
                path.with_suffix(".bin").write_bytes(weights)
            model = openvino.Core().read_model(path)
            if len(model.inputs) != 1 or len(model.input().partial_shape) != 4:
                raise CardError(f"{name} does not take one batch of images")
            model.reshape([1, *list(model.input().partial_shape)[1:]])
            manager = passes.Manager()
            manager.register_pass(passes.ConstantFolding())
            manager.run_passes(model)
            return model
    except CardError:
        raise
    except Exception as reason:
        what = "a tflite file" if weights is None else "OpenVINO IR"
        raise CardError(f"{name} cannot be read as {what}: {last_line(reason)}") from reason


def _require_ir(data: bytes, name: str) -> None:
    """Refuse an .xml that is damaged or none at all: OpenVINO would try all its formats, loudly."""
    roots: list[str] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda root, attributes: roots.append(root)
    parser.EntityDeclHandler = lambda *declared: roots.insert(0, "an entity")
    try:
        parser.Parse(data, True)
    except expat.ExpatError as reason:
        raise CardError(f"{name} cannot be read as OpenVINO IR: it is damaged ({reason}); copy it again") from reason
    if roots[0] != "net":
        raise CardError(
            f"{name} cannot be read as OpenVINO IR: it begins with {roots[0]}, not with net; copy it again"
        )


def _image_input(model: Any, writer: _Writer, name: str) -> tuple[int, int]:  # noqa: ANN401
    """Height and width of the input; a graph of channels-last images starts with a transposition."""
    shape = model.input().partial_shape
    sides: list[Any] = [side.get_length() if side.is_static else None for side in shape]
    parameter = model.input().get_node().get_friendly_name()
    if None in sides:
        raise CardError(f"{name} takes images of any size; mien converts networks for images of one size")
    if sides[1] == CHANNELS:
        writer.add("Identity", ["images"], _name(parameter))
        return int(sides[2]), int(sides[3])
    if sides[3] == CHANNELS:
        writer.add("Transpose", ["images"], _name(parameter), perm=[0, 2, 3, 1])
        return int(sides[1]), int(sides[2])
    raise CardError(f"{name} takes an input of shape {sides}, which is not a batch of images with three channels")


def _file(model: Any, writer: _Writer, size: tuple[int, int]) -> bytes:  # noqa: ANN401
    import onnx
    from onnx import TensorProto, helper

    outputs = []
    for number, result in enumerate(model.outputs):
        writer.add("Identity", [_source(result.get_node().input(0))], f"output{number}")
        shape = ["N", *(side.get_length() for side in list(result.partial_shape)[1:])]
        outputs.append(helper.make_tensor_value_info(f"output{number}", TensorProto.FLOAT, shape))
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", CHANNELS, *size])
    graph = helper.make_graph(writer.nodes, "converted", [images], outputs, writer.constants)
    opset = [helper.make_opsetid("", OPSET)]
    made = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="mien")
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString(deterministic=True))


Operation = Any
"""A node of OpenVINO's graph; the package is not typed."""


def _name(node: str, output: int = 0) -> str:
    return f"{node}:{output}"


def _out(operation: Operation) -> str:
    return _name(operation.get_friendly_name())


def _source(port: Any) -> str:  # noqa: ANN401
    """The name of the value that enters at a port."""
    output = port.get_source_output()
    return _name(output.get_node().get_friendly_name(), output.get_index())


def _inputs(operation: Operation) -> list[str]:
    return [_source(port) for port in operation.inputs()]


def _known(operation: Operation, place: int, writer: _Writer) -> Any:  # noqa: ANN401
    """The constant that enters at a place.

    Raises:
        CardError: it is computed.
    """
    source = _source(operation.input(place))
    if source not in writer.known:
        raise CardError(
            f"input {place} of the operation {operation.get_type_name()} is computed, and must be constant"
        )
    return writer.known[source]


def _numbers(operation: Operation, place: int, writer: _Writer) -> list[int]:
    return [int(number) for number in np.ravel(_known(operation, place, writer))]


def _constant(operation: Operation, writer: _Writer) -> None:
    value = np.asarray(operation.data)
    if value.dtype in (np.float16, np.float64):
        value = value.astype(np.float32)
    writer.constant(_out(operation), value)


def _same(kind: str) -> Callable[[Operation, _Writer], None]:
    """An operation that ONNX has under another name, with the same inputs and no attributes."""
    return lambda operation, writer: writer.add(kind, _inputs(operation), _out(operation))


def _cast(operation: Operation, writer: _Writer) -> None:
    from onnx import TensorProto

    source = _source(operation.input(0))
    if source in writer.known:
        writer.constant(_out(operation), writer.known[source])
        return
    types = {"f32": TensorProto.FLOAT, "f16": TensorProto.FLOAT, "i64": TensorProto.INT64, "i32": TensorProto.INT32}
    wanted = str(operation.get_attributes()["destination_type"])
    if wanted not in types:
        raise CardError(f"a conversion of numbers to {wanted} cannot be written as ONNX")
    writer.add("Cast", _inputs(operation), _out(operation), to=types[wanted])


def _pads(operation: Operation) -> dict[str, object]:
    """Padding of a convolution or pooling, as ONNX says it."""
    attributes = operation.get_attributes()
    if attributes["auto_pad"] in ("same_upper", "same_lower"):
        return {"auto_pad": attributes["auto_pad"].upper()}
    return {"pads": [*map(int, attributes["pads_begin"]), *map(int, attributes["pads_end"])]}


def _convolution(operation: Operation, writer: _Writer) -> None:
    attributes = operation.get_attributes()
    same = {"strides": list(attributes["strides"]), "dilations": list(attributes["dilations"])}
    writer.add("Conv", _inputs(operation), _out(operation), **same, **_pads(operation))


def _grouped(operation: Operation, writer: _Writer) -> None:
    """OpenVINO keeps the groups as the kernel's first side."""
    attributes = operation.get_attributes()
    kernel = _known(operation, 1, writer)
    merged = writer.constant(f"{_out(operation)}.kernel", kernel.reshape(-1, *kernel.shape[2:]))
    same = {"strides": list(attributes["strides"]), "dilations": list(attributes["dilations"])}
    inputs = [_inputs(operation)[0], merged]
    writer.add("Conv", inputs, _out(operation), group=int(kernel.shape[0]), **same, **_pads(operation))


def _prelu(operation: Operation, writer: _Writer) -> None:
    """ONNX takes the slopes in a shape that spreads over (N, C, H, W)."""
    slope = _known(operation, 1, writer)
    rank = len(operation.input(0).get_partial_shape())
    if slope.ndim == 1 and rank > 1 and slope.size > 1:
        slope = slope.reshape(-1, *[1] * (rank - 2))
    name = writer.constant(f"{_out(operation)}.slope", slope)
    writer.add("PRelu", [_inputs(operation)[0], name], _out(operation))


def _clamp(operation: Operation, writer: _Writer) -> None:
    attributes = operation.get_attributes()
    ends = [writer.constant(f"{_out(operation)}.{end}", np.float32(attributes[end])) for end in ("min", "max")]
    writer.add("Clip", [*_inputs(operation), *ends], _out(operation))


def _pool(kind: str) -> Callable[[Operation, _Writer], None]:
    def write(operation: Operation, writer: _Writer) -> None:
        attributes = operation.get_attributes()
        extra = {"count_include_pad": int(not attributes["exclude-pad"])} if kind == "AveragePool" else {}
        writer.add(
            kind,
            _inputs(operation),
            _out(operation),
            kernel_shape=list(attributes["kernel"]),
            strides=list(attributes["strides"]),
            ceil_mode=int(attributes["rounding_type"] == "ceil"),
            **extra,
            **_pads(operation),
        )

    return write


def _pad(operation: Operation, writer: _Writer) -> None:
    """OpenVINO takes begin and end apart."""
    modes = {"constant": "constant", "edge": "edge", "reflect": "reflect"}
    mode = modes.get(str(operation.get_attributes()["pad_mode"]))
    if mode is None:
        raise CardError(f"padding by {operation.get_attributes()['pad_mode']} cannot be written as ONNX")
    both = [*_numbers(operation, 1, writer), *_numbers(operation, 2, writer)]
    name = writer.constant(f"{_out(operation)}.pads", np.asarray(both, np.int64))
    value = _inputs(operation)[3:] if mode == "constant" else []
    writer.add("Pad", [_inputs(operation)[0], name, *value], _out(operation), mode=mode)


def _reshape(operation: Operation, writer: _Writer) -> None:
    """The target shape of a graph with a batch of one is known; the batch itself stays free."""
    shape = [side.get_length() for side in operation.output(0).get_partial_shape()]
    source = _source(operation.input(0))
    if source in writer.known:
        writer.constant(_out(operation), np.reshape(writer.known[source], shape))
        return
    given = operation.input(0).get_partial_shape()
    if shape and len(given) and shape[0] == 1 and given[0].get_length() == 1:
        shape[0] = 0
    name = writer.constant(f"{_out(operation)}.shape", np.asarray(shape, np.int64))
    writer.add("Reshape", [_inputs(operation)[0], name], _out(operation))


def _transpose(operation: Operation, writer: _Writer) -> None:
    source, order = _source(operation.input(0)), _numbers(operation, 1, writer)
    if source in writer.known:
        writer.constant(_out(operation), np.transpose(writer.known[source], order))
        return
    writer.add("Transpose", [source], _out(operation), perm=order)


def _concat(operation: Operation, writer: _Writer) -> None:
    writer.add("Concat", _inputs(operation), _out(operation), axis=int(operation.get_attributes()["axis"]))


def _softmax(operation: Operation, writer: _Writer) -> None:
    writer.add("Softmax", _inputs(operation), _out(operation), axis=int(operation.get_attributes()["axis"]))


def _matmul(operation: Operation, writer: _Writer) -> None:
    attributes = operation.get_attributes()
    inputs = _inputs(operation)
    for place, key in enumerate(("transpose_a", "transpose_b")):
        if attributes[key]:
            rank = len(operation.input(place).get_partial_shape())
            order = [*range(rank - 2), rank - 1, rank - 2]
            turned = f"{_out(operation)}.{key}"
            writer.add("Transpose", [inputs[place]], turned, perm=order)
            inputs[place] = turned
    writer.add("MatMul", inputs, _out(operation))


def _reduced(kind: str) -> Callable[[Operation, _Writer], None]:
    def write(operation: Operation, writer: _Writer) -> None:
        keep = int(operation.get_attributes()["keep_dims"])
        axes = _numbers(operation, 1, writer)
        given = _inputs(operation)[:1]
        if kind == "ReduceSum":
            given.append(writer.constant(f"{_out(operation)}.axes", np.asarray(axes, np.int64)))
            writer.add(kind, given, _out(operation), keepdims=keep)
        else:
            writer.add(kind, given, _out(operation), axes=axes, keepdims=keep)

    return write


OPERATIONS: dict[str, Callable[[Operation, _Writer], None]] = {
    "Constant": _constant,
    "Convert": _cast,
    "Convolution": _convolution,
    "GroupConvolution": _grouped,
    "Add": _same("Add"),
    "Subtract": _same("Sub"),
    "Multiply": _same("Mul"),
    "Divide": _same("Div"),
    "Power": _same("Pow"),
    "Maximum": _same("Max"),
    "Minimum": _same("Min"),
    "Sqrt": _same("Sqrt"),
    "Exp": _same("Exp"),
    "Tanh": _same("Tanh"),
    "Sigmoid": _same("Sigmoid"),
    "Relu": _same("Relu"),
    "HSwish": _same("HardSwish"),
    "PRelu": _prelu,
    "Clamp": _clamp,
    "SoftMax": _softmax,
    "Softmax": _softmax,
    "MaxPool": _pool("MaxPool"),
    "AvgPool": _pool("AveragePool"),
    "ReduceMean": _reduced("ReduceMean"),
    "ReduceMax": _reduced("ReduceMax"),
    "ReduceSum": _reduced("ReduceSum"),
    "Pad": _pad,
    "Reshape": _reshape,
    "Squeeze": _reshape,
    "Unsqueeze": _reshape,
    "Transpose": _transpose,
    "Concat": _concat,
    "MatMul": _matmul,
}
"""By OpenVINO's name of an operation (docs.openvino.ai, opset 1 and later): what writes it as ONNX."""
