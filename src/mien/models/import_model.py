"""Writes a card for a user's own ONNX file: recognizes the family from the graph, measures the golden vector.

Owns what can be known from a file, and asks for the rest. Trains nothing, converts nothing.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from mien.errors import CardError
from mien.models.card import (
    PORTRAIT_FAMILIES,
    EmbeddingSpec,
    Family,
    Golden,
    InputSpec,
    ModelCard,
    ModelFile,
    PortraitModelSpec,
)
from mien.models.golden import measure
from mien.models.session import open_unchecked
from mien.types import Image, Metric

SEED = 7
"""Seed of golden images."""

FREE_SIDE = 128
"""Width and height of the golden image where the network takes any size."""

HALF_RANGE = (127.5, 127.5, 127.5)


@dataclass(frozen=True, slots=True)
class OnnxGraph:
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
class ModelHints:
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


def inspect_onnx(data: bytes, name: str, family: Family | None = None) -> OnnxGraph:
    """Recognize a network.

    Args:
        data: the file.
        name: what to call it.
        family: of models for portraits, which outputs do not tell; None reads it from the outputs.

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
    shapes = [_sides(value) for value in model.graph.output]
    first = [node.op_type for node in model.graph.node[:8]]
    return OnnxGraph(family or _family(name, shapes), sides[3], sides[2], "Sub" in first and "Mul" in first)


def _sides(value: onnx.ValueInfoProto) -> list[int | None]:
    return [side.dim_value or None for side in value.type.tensor_type.shape.dim]


def _family(name: str, shapes: list[list[int | None]]) -> Family:
    widths = [shape[-1] if shape else None for shape in shapes]
    for family, belongs in FAMILIES.items():
        if belongs(shapes):
            return family
    if len(widths) == 1 and (widths[0] is None or widths[0] >= 32):
        return "embedding"
    raise CardError(
        f"{name} has outputs of widths {widths}, which is no recognizer (one output of 32 numbers or more) and no "
        f"detector that mien knows ({', '.join(FAMILIES)}; docs/guide/detection.md lists their outputs)"
    )


Shapes = list[list[int | None]]


def _widths(shapes: Shapes) -> list[int | None]:
    return [shape[-1] if shape else None for shape in shapes]


def _is_raw_yolo(shapes: Shapes) -> bool:
    """Three maps of three anchors with a box, objectness and a few classes each."""
    return len(shapes) == 3 and all(
        len(shape) == 4 and (channels := shape[1]) is not None and channels % 3 == 0 and 18 <= channels <= 30
        for shape in shapes
    )


def _is_columns(shapes: Shapes, rows: int) -> bool:
    """One table that has a row for each number and a column for each candidate."""
    return len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][1] == rows and (shapes[0][2] or 8400) > 32


FAMILIES: dict[Family, Callable[[Shapes], bool]] = {
    "scrfd": lambda shapes: _widths(shapes) == [1, 1, 1, 4, 4, 4, 10, 10, 10],
    "yunet": lambda shapes: _widths(shapes) == [1] * 6 + [4] * 3 + [10] * 3,
    "retinaface": lambda shapes: _widths(shapes) == [4, 2, 10],
    "rfb": lambda shapes: _widths(shapes) == [2, 4],
    "ssd": lambda shapes: _widths(shapes) == [7],
    "yolov5-face": lambda shapes: _widths(shapes) == [16],
    "yolov7-face": lambda shapes: _widths(shapes) == [21],
    "yolov3": lambda shapes: _widths(shapes) == [6] or _is_raw_yolo(shapes),
    "yolov8-face": lambda shapes: _is_columns(shapes, 20),
    "yolov8-boxes": lambda shapes: _is_columns(shapes, 5),
}
"""How each family of detectors is recognized by the shapes of its outputs."""

ONE = (1.0, 1.0, 1.0)
NOTHING = (0.0, 0.0, 0.0)
INPUTS: dict[Family, tuple[Literal["RGB", "BGR"], tuple[float, float, float], tuple[float, float, float]]] = {
    "scrfd": ("RGB", HALF_RANGE, (128.0, 128.0, 128.0)),
    "yunet": ("BGR", NOTHING, ONE),
    "retinaface": ("BGR", (104.0, 117.0, 123.0), ONE),
    "rfb": ("RGB", (127.0, 127.0, 127.0), (128.0, 128.0, 128.0)),
    "ssd": ("BGR", (104.0, 177.0, 123.0), ONE),
    **dict.fromkeys(
        ("yolov3", "yolov5-face", "yolov7-face", "yolov8-face", "yolov8-boxes"),
        ("RGB", NOTHING, (255.0, 255.0, 255.0)),
    ),
}
"""Colour order, mean and scale with which the authors of each family trained."""


def import_model(data: bytes, name: str, hints: ModelHints) -> tuple[ModelCard, dict[str, bytes]]:
    """Make a card for an ONNX file.

    Args:
        data: the file.
        name: the model's name in the store.
        hints: what the file does not say.

    Returns:
        The card with its golden vector, and the file by part, for the store.

    Raises:
        CardError: an unknown family, or a recognizer without a colour order.
    """
    graph = inspect_onnx(data, name)
    spec = _input(graph, hints, name)
    session = open_unchecked(data, spec)
    width, height = graph.width or FREE_SIDE, graph.height or FREE_SIDE
    golden = measure(lambda image: session.run(image[None]), SEED, width, height)
    embedding = None
    if graph.family == "embedding":
        embedding = EmbeddingSpec(
            size=_embedding_size(session.run(_blank(width, height))[0].size, name),
            metric=hints.metric,
            normalized=hints.metric == "cosine",
            mirror=hints.mirror,
            template=hints.template,
        )
    card = _card(name, data, graph, spec, hints, golden).model_copy(
        update={
            "kind": "recognizer" if embedding else "detector",
            "summary": f"{'recognizer' if embedding else graph.family + ' detector'} added from a file",
            "embedding": embedding,
        }
    )
    return card, {"model": data}


def _card(
    name: str, data: bytes, graph: OnnxGraph, pixels: InputSpec, hints: ModelHints, golden: Golden
) -> ModelCard:
    """What the cards of all adopted files share; the caller says what kind of model it is."""
    return ModelCard(
        name=name,
        kind="detector",
        family=graph.family,
        summary="",
        licence=hints.licence,
        commercial_use=hints.commercial_use,
        training_data=hints.training_data,
        source=hints.source,
        files={"model": ModelFile(path="model.onnx", sha256=hashlib.sha256(data).hexdigest())},
        input=pixels,
        golden={"model": golden},
    )


def import_portrait_model(
    data: bytes, name: str, family: Family, hints: ModelHints, spec: PortraitModelSpec
) -> tuple[ModelCard, dict[str, bytes]]:
    """Make a card for a model that looks at one face of a portrait.

    Args:
        data: an ONNX file that takes crops of one size.
        name: the model's name in the store.
        family: landmarks, pose, parsing or quality.
        hints: what the file does not say.
        spec: how it gets the face, and what its output means.

    Raises:
        CardError: another family, crops of any size, or no colour order.
    """
    if family not in PORTRAIT_FAMILIES:
        raise CardError(f"--expert is {', '.join(PORTRAIT_FAMILIES)}, not {family}")
    graph = inspect_onnx(data, name, family)
    if graph.width is None or graph.height is None:
        raise CardError(f"{name} takes pictures of any size; export it with the size that it was trained on")
    pixels = _input(graph, hints, name)
    session = open_unchecked(data, pixels)
    golden = measure(lambda image: session.run(image[None]), SEED, graph.width, graph.height)
    card = _card(name, data, graph, pixels, hints, golden).model_copy(
        update={"kind": "expert", "summary": f"{family} of portraits, added from a file", "expert": spec}
    )
    return card, {"model": data}


def _blank(width: int, height: int) -> Image:
    return np.zeros((1, height, width, 3), np.uint8)


def _embedding_size(size: int, name: str) -> int:
    if size < 32:
        raise CardError(f"{name} gives {size} numbers, too few for an embedding")
    return size


def _input(graph: OnnxGraph, hints: ModelHints, name: str) -> InputSpec:
    colour = hints.colour
    if graph.family in INPUTS:
        usual, mean, scale = INPUTS[graph.family]
        colour = colour or usual
    else:
        mean = scale = HALF_RANGE
        if graph.family == "embedding" and (graph.width is None or graph.width != graph.height):
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
    if hints.mean is not None:
        mean = hints.mean
    if hints.scale is not None:
        scale = hints.scale
    return InputSpec(colour=colour, mean=mean, scale=scale, width=graph.width, height=graph.height)
