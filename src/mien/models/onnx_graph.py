"""What an ONNX file says about its network: the input, the outputs, and whether it prepares pixels itself.

Reads graphs only; runs nothing and does not know what outputs mean.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mien.errors import CardError
from mien.models.foreign_files import describe_foreign

if TYPE_CHECKING:
    import onnx

FIRST_NODES = 8
"""How many nodes may stand before the shift and the scale of pixels in a graph that has them."""


@dataclass(frozen=True, slots=True)
class OnnxGraph:
    """What an ONNX file says about its network.

    Attributes:
        outputs: the shape of each output; None is a side of any length.
        width: of the input in pixels; None where the network takes any.
        height: of the input in pixels; None where the network takes any.
        prepares: whether its first nodes shift and scale the pixels, so that nothing else must.
    """

    outputs: tuple[tuple[int | None, ...], ...]
    width: int | None
    height: int | None
    prepares: bool
    takes_bytes: bool = False
    """Whether the input is of uint8, so that pixels enter as they are."""

    @property
    def rows(self) -> list[int | None]:
        """How many numbers each output has for one image; None where a side is not known, or it is a map."""
        return [_row(shape) for shape in self.outputs]

    @property
    def widths(self) -> list[int | None]:
        """The last side of each output."""
        return [shape[-1] if shape else None for shape in self.outputs]


def read_graph(data: bytes, name: str) -> OnnxGraph:
    """Read an ONNX file.

    Args:
        data: the file.
        name: what messages call it.

    Raises:
        CardError: not an ONNX file, or a network that does not take one batch of images.
    """
    import onnx
    from google.protobuf.message import DecodeError

    foreign = describe_foreign(data[:512])
    if foreign:
        raise CardError(f"{name} {foreign}")
    try:
        graph = onnx.load_from_string(data).graph
    except (DecodeError, ValueError) as reason:
        what = "is damaged or not an ONNX file; copy it again, or export your model to ONNX first"
        raise CardError(f"{name} {_kind_of(data) or what}") from reason
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1:
        raise CardError(f"{name} takes {len(inputs)} inputs; a face network takes one batch of images")
    sides = _sides(inputs[0])
    if len(sides) != 4 or sides[1] not in (3, None):
        raise CardError(f"{name} takes an input of shape {list(sides)}; a face network takes (N, 3, height, width)")
    first = [node.op_type for node in graph.node[:FIRST_NODES]]
    outputs = tuple(_sides(value) for value in graph.output)
    takes_bytes = inputs[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    return OnnxGraph(outputs, sides[3], sides[2], "Sub" in first and "Mul" in first, takes_bytes)


def _kind_of(data: bytes) -> str:
    """What other file a network may be in, as the end of a sentence; empty where that is not known."""
    if data.startswith((b"PK", b"\x80")):
        return (
            "is a checkpoint of torch or an archive, not an ONNX file: `mien models inspect` says what it holds, and "
            "`mien export` makes a model of a recognizer's or a detector's weights"
        )
    return "is a tflite file: name it with the ending .tflite" if data[4:8] == b"TFL3" else ""


def with_free_batch(data: bytes) -> bytes | None:
    """The file with a batch of any size, where it fixes one; None where there is nothing to free."""
    import onnx

    model = onnx.load_from_string(data)
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    images = next(value for value in graph.input if value.name not in constants)
    batch = images.type.tensor_type.shape.dim[0]
    if not batch.HasField("dim_value"):
        return None
    for value in (images, *graph.output):
        if value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_param = "N"
    del graph.value_info[:]
    return bytes(model.SerializeToString(deterministic=True))


def input_name(data: bytes) -> str:
    """The name of the network's only input."""
    import onnx

    graph = onnx.load_from_string(data).graph
    constants = {tensor.name for tensor in graph.initializer}
    return next(str(value.name) for value in graph.input if value.name not in constants)


def _row(shape: tuple[int | None, ...]) -> int | None:
    """Numbers of one image in an output of shape (N, D), (N, D, 1, 1) or (N, 1, 1, D); None for others."""
    sides = [side for side in shape[1:] if side != 1]
    if len(sides) == 0:
        return 1
    return sides[0] if len(sides) == 1 else None


def _sides(value: "onnx.ValueInfoProto") -> tuple[int | None, ...]:
    return tuple(side.dim_value or None for side in value.type.tensor_type.shape.dim)
