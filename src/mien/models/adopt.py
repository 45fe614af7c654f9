"""Writes a card for a user's own ONNX file: recognizes the family from the graph, measures the golden vector.

Owns what can be known from a file, and asks for the rest. Trains nothing, converts nothing.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from mien.errors import CardError
from mien.models.card import EmbeddingSpec, Family, InputSpec, ModelCard, ModelFile
from mien.models.golden import measure
from mien.models.session import open_unchecked
from mien.types import Image, Metric

SEED = 7
"""Seed of golden images."""

FREE_SIDE = 128
"""Width and height of the golden image where the network takes any size."""

HALF_RANGE = (127.5, 127.5, 127.5)


@dataclass(frozen=True, slots=True)
class Graph:
    """What an ONNX file says of itself.

    Attributes:
        family: the kind of network, from the number and the widths of its outputs.
        width: of the input in pixels; None where any goes.
        height: likewise.
        prepares: whether its first nodes shift and scale the pixels, so that nothing else shall.
    """

    family: Family
    width: int | None
    height: int | None
    prepares: bool


@dataclass(frozen=True, slots=True)
class Told:
    """What only the owner of a model can know.

    Attributes:
        colour: the channel order it was trained with; required for recognizers.
        mean: of each channel, subtracted from pixels; None takes the family's.
        scale: of each channel, divides pixels; None takes the family's.
        metric: what a recognizer was trained for.
        mirror: whether to average in the mirror image.
        template: the pose of its crops.
        licence: of the weights.
        commercial_use: whether the licence allows it.
        training_data: what it was trained on.
        source: where it comes from.
    """

    colour: Literal["RGB", "BGR"] | None = None
    mean: tuple[float, float, float] | None = None
    scale: tuple[float, float, float] | None = None
    metric: Metric = "cosine"
    mirror: bool = False
    template: Literal["arcface", "dlib"] = "arcface"
    licence: str = "not stated"
    commercial_use: bool | None = None
    training_data: str = "not stated"
    source: str = "added from a file"


def inspect(data: bytes, name: str) -> Graph:
    """Recognize a network.

    Raises:
        CardError: no ONNX file, or no family that mien knows; the message says what was seen.
    """
    try:
        model = onnx.load_from_string(data)
    except (DecodeError, ValueError) as reason:
        raise CardError(f"{name} is no ONNX file; export your model to ONNX first") from reason
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    if len(inputs) != 1:
        raise CardError(f"{name} takes {len(inputs)} inputs, and a face network takes one batch of images")
    sides = _sides(inputs[0])
    if len(sides) != 4 or sides[1] not in (3, None):
        raise CardError(f"{name} takes an input of shape {sides}, and a face network takes (N, 3, height, width)")
    widths = [_sides(value)[-1] if _sides(value) else None for value in model.graph.output]
    first = [node.op_type for node in model.graph.node[:8]]
    return Graph(_family(name, widths), sides[3], sides[2], "Sub" in first and "Mul" in first)


def _sides(value: onnx.ValueInfoProto) -> list[int | None]:
    return [side.dim_value or None for side in value.type.tensor_type.shape.dim]


def _family(name: str, widths: list[int | None]) -> Family:
    if widths == [1, 1, 1, 4, 4, 4, 10, 10, 10]:
        return "scrfd"
    if widths == [1] * 6 + [4] * 3 + [10] * 3:
        return "yunet"
    if len(widths) == 1 and (widths[0] is None or widths[0] >= 32):
        return "embedding"
    raise CardError(
        f"{name} has outputs of widths {widths}, which is no recognizer (one output of 32 numbers or more), no SCRFD "
        "with landmarks (9 outputs) and no YuNet (12 outputs)"
    )


def adopt(data: bytes, name: str, told: Told) -> tuple[ModelCard, dict[str, bytes]]:
    """Make a card for an ONNX file.

    Args:
        data: the file.
        name: the model's name in the store.
        told: what the file does not say.

    Returns:
        The card with its golden vector, and the file by part, for the store.

    Raises:
        CardError: an unknown family, or a recognizer without a colour order.
    """
    graph = inspect(data, name)
    spec = _input(graph, told, name)
    session = open_unchecked(data, spec)
    width, height = graph.width or FREE_SIDE, graph.height or FREE_SIDE
    golden = measure(lambda image: session.run(image[None]), SEED, width, height)
    embedding = None
    if graph.family == "embedding":
        embedding = EmbeddingSpec(
            size=_embedding_size(session.run(_blank(width, height))[0].size, name),
            metric=told.metric,
            normalized=told.metric == "cosine",
            mirror=told.mirror,
            template=told.template,
        )
    card = ModelCard(
        name=name,
        kind="recognizer" if embedding else "detector",
        family=graph.family,
        summary=f"{'recognizer' if embedding else graph.family + ' detector'} added from a file",
        licence=told.licence,
        commercial_use=told.commercial_use,
        training_data=told.training_data,
        source=told.source,
        files={"model": ModelFile(path="model.onnx", sha256=hashlib.sha256(data).hexdigest())},
        input=spec,
        embedding=embedding,
        golden={"model": golden},
    )
    return card, {"model": data}


def _blank(width: int, height: int) -> Image:
    return np.zeros((1, height, width, 3), np.uint8)


def _embedding_size(size: int, name: str) -> int:
    if size < 32:
        raise CardError(f"{name} gives {size} numbers, too few for an embedding")
    return size


def _input(graph: Graph, told: Told, name: str) -> InputSpec:
    colour = told.colour
    if graph.family == "scrfd":
        colour, mean, scale = colour or "RGB", HALF_RANGE, (128.0, 128.0, 128.0)
    elif graph.family == "yunet":
        colour, mean, scale = colour or "BGR", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    else:
        mean = scale = HALF_RANGE
        if graph.width is None or graph.width != graph.height:
            raise CardError(
                f"{name} takes crops of {graph.width}x{graph.height}; a recognizer needs fixed, square ones"
            )
    if colour is None:
        raise CardError(
            f"the file does not say whether {name} was trained on RGB or BGR, and a guess costs accuracy in silence: "
            "give --colour RGB or --colour BGR (the model's own repository says which)"
        )
    if graph.prepares:
        mean, scale = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if told.mean is not None:
        mean = told.mean
    if told.scale is not None:
        scale = told.scale
    return InputSpec(colour=colour, mean=mean, scale=scale, width=graph.width, height=graph.height)
