"""Makes a card for a user's own ONNX file: recognizes the family in the graph, measures the golden vector.

Owns what can be known from a file, and asks for the rest. Trains nothing, converts nothing.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import ValidationError

from mien.detect.families import network_families, recognize_family
from mien.errors import CardError
from mien.library.engine_check import fit_to_engines
from mien.models.card import (
    MAX_SIDE,
    MIN_SIDE,
    EmbeddingSpec,
    Golden,
    InputSpec,
    ModelCard,
    ModelFile,
    PortraitModelSpec,
)
from mien.models.golden import golden_image
from mien.models.onnx_graph import OnnxGraph, read_graph
from mien.models.session import Session
from mien.models.weight_check import check_weights
from mien.plain_names import require_name
from mien.templates import TemplateSpec
from mien.units import ModelMetric

EMBEDDING = "embedding"
"""The family of all recognizers."""

MIN_EMBEDDING = 32
"""Numbers that the only output of a recognizer has at least; those of the field have 128 or more."""

CHOOSE = "choose another name"
"""What messages say of a name that cannot be one."""

HALF_RANGE = InputSpec(colour="RGB", mean=(127.5, 127.5, 127.5), scale=(127.5, 127.5, 127.5))
"""The input of most recognizers; the colour order differs, so the owner gives it."""

NEUTRAL = InputSpec(colour="RGB", mean=(0.0, 0.0, 0.0), scale=(1.0, 1.0, 1.0))
"""The input of a network that shifts and scales pixels itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelHints:
    """What only the owner of a model can know.

    Attributes:
        colour: the channel order it was trained with; required except for detectors.
        mean: of each channel, subtracted from pixels; None takes the family's.
        scale: of each channel, divides pixels; None takes the family's.
        metric: what a recognizer was trained for.
        mirror: whether to average each embedding with that of the mirrored crop.
        template: the pose of its crops; see mien.templates.
        licence: of the weights.
        commercial_use: whether the licence allows it.
        training_data: what it was trained on.
        source: where it comes from.
        converted_from: sha256 of the weights that the file was made from, where it is not the publisher's own.
    """

    colour: Literal["RGB", "BGR"] | None = None
    mean: tuple[float, float, float] | None = None
    scale: tuple[float, float, float] | None = None
    metric: ModelMetric = "cosine"
    mirror: bool = False
    template: TemplateSpec = "arcface"
    licence: str = "not stated"
    commercial_use: bool | None = None
    training_data: str = "not stated"
    source: str = "added from a file"
    converted_from: str | None = None


@dataclass(frozen=True, slots=True)
class _Measured:
    """A network that was opened: what goes in, the session, the golden vector, and what it was made from."""

    input: InputSpec
    session: Session
    golden: Golden
    converted_from: str | None


def recognize(data: bytes, name: str) -> tuple[str, OnnxGraph]:
    """The family of a network, and its graph.

    Args:
        data: an ONNX file.
        name: what messages call it.

    Raises:
        CardError: not an ONNX file, or of no family that mien knows; the message says what its outputs are.
    """
    graph = read_graph(data, name)
    detector = recognize_family(graph.outputs)
    if detector is not None:
        return detector.name, graph
    if embedding_output(graph) is not None:
        return EMBEDDING, graph
    known = ", ".join(name for name, family in network_families().items() if family.input is not None)
    raise CardError(
        f"{name} has outputs of widths {graph.widths}: it is neither a recognizer (one output of {MIN_EMBEDDING} or "
        f"more numbers) nor a detector that mien knows ({known}; docs/guide/detection.md lists their outputs)"
    )


def embedding_output(graph: OnnxGraph) -> int | None:
    """Which output is the embedding: the only one that may have 32 numbers or more; others hold a single number each.

    AdaFace's second output, for example, is the length of its embedding. None where there is no such output.
    """
    rows = graph.rows
    if len(rows) == 1:
        shape = graph.outputs[0]
        unknown = len(shape) < 2 or None in shape[1:]
        return 0 if unknown or (rows[0] is not None and rows[0] >= MIN_EMBEDDING) else None
    long = [place for place, count in enumerate(rows) if count is not None and count >= MIN_EMBEDDING]
    return long[0] if len(long) == 1 and all(count == 1 for count in rows if count != rows[long[0]]) else None


def import_model(data: bytes, name: str, hints: ModelHints, *, where: str = "") -> tuple[ModelCard, dict[str, bytes]]:
    """Make a card for a recognizer or a detector.

    Args:
        data: an ONNX file.
        name: the model's name in the store.
        hints: what the file does not say.
        where: what messages call the file; empty takes the name.

    Returns:
        The card with its golden vector, and the file by part, for the store.

    Raises:
        CardError: not a name, an unknown family, weights or answers that are not numbers or say nothing, or a
            recognizer without a colour order.
    """
    require_name(name, "model", CardError, CHOOSE)
    where = where or name
    family, graph = recognize(data, where)
    data, measured = _measure(data, where, family, graph, hints)
    card = _card(data, name, family, measured, hints)
    if family != EMBEDDING:
        return card.model_copy(update={"summary": f"{family} detector added from a file"}), {"model": data}
    output = embedding_output(graph) or 0
    embedding = EmbeddingSpec(
        size=_embedding_size(where, measured, output),
        output=output,
        metric=hints.metric,
        normalized=hints.metric == "cosine",
        mirror=hints.mirror,
        template=hints.template,
    )
    own = {"kind": "recognizer", "summary": "recognizer added from a file", "embedding": embedding}
    return card.model_copy(update=own), {"model": data}


def import_portrait_model(
    data: bytes, name: str, family: str, hints: ModelHints, spec: PortraitModelSpec, *, where: str = ""
) -> tuple[ModelCard, dict[str, bytes]]:
    """Make a card for a model that examines one face of a portrait.

    Args:
        data: an ONNX file that takes crops of one size.
        name: the model's name in the store.
        family: what it gives; mien.portrait knows the families, and refuses others when it opens the model.
        hints: what the file does not say.
        spec: how it gets the face, and what its output means.
        where: what messages call the file; empty takes the name.

    Raises:
        CardError: not a name, crops of any size, weights or answers that are not numbers, or no colour order.
    """
    require_name(name, "model", CardError, CHOOSE)
    where = where or name
    graph = read_graph(data, where)
    if graph.width is None or graph.height is None:
        raise CardError(f"{where} takes images of any size; export it with the size that it was trained on")
    data, measured = _measure(data, where, family, graph, hints)
    card = _card(data, name, family, measured, hints)
    own = {"kind": "expert", "summary": f"{family} of portraits, added from a file", "expert": spec}
    return card.model_copy(update=own), {"model": data}


def _measure(data: bytes, where: str, family: str, graph: OnnxGraph, hints: ModelHints) -> tuple[bytes, _Measured]:
    """Open a network on every engine; the file as all of them run it, and what was measured."""
    spec = _input(where, family, graph, hints)
    check_weights(data, where)
    fitted = fit_to_engines(data, spec, where)
    origin = hints.converted_from or (None if fitted.data == data else _sha256(data))
    return fitted.data, _Measured(spec, fitted.session, fitted.golden, origin)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _card(data: bytes, name: str, family: str, measured: _Measured, hints: ModelHints) -> ModelCard:
    """A detector's card; for other kinds of models the caller says what they are."""
    return ModelCard(
        name=name,
        kind="detector",
        family=family,
        summary="",
        licence=hints.licence,
        commercial_use=hints.commercial_use,
        training_data=hints.training_data,
        source=hints.source,
        files={"model": ModelFile(path="model.onnx", sha256=_sha256(data), converted_from=measured.converted_from)},
        input=measured.input,
        golden={"model": measured.golden},
    )


def _embedding_size(where: str, measured: _Measured, output: int) -> int:
    """How many numbers a recognizer gives for one crop.

    Raises:
        CardError: too few, or the same for every crop.
    """
    golden = measured.golden
    blank = np.zeros((1, golden.height, golden.width, 3), np.uint8)
    drawn = golden_image(golden.seed, golden.width, golden.height)[None]
    dark, other = (measured.session.run(image)[output] for image in (blank, drawn))
    if dark.size < MIN_EMBEDDING:
        raise CardError(f"{where} gives {dark.size} numbers, too few for an embedding")
    if np.array_equal(dark, other):
        raise CardError(
            f"{where} gives the same embedding for every face, so it distinguishes nobody: its weights are damaged "
            "or untrained; copy the file or export it again"
        )
    return int(dark.size)


def _input(where: str, family: str, graph: OnnxGraph, hints: ModelHints) -> InputSpec:
    """How pixels enter the network: by its graph, its owner, and the authors of its family."""
    networks = network_families()
    usual = networks[family].input if family in networks else None
    if family == EMBEDDING and (graph.width is None or graph.width != graph.height):
        raise CardError(
            f"{where} takes crops of {graph.width}x{graph.height}; a recognizer needs square crops of one size"
        )
    colour = hints.colour or (None if usual is None else usual.colour)
    if colour is None:
        raise CardError(
            f"the file does not say whether {where} was trained on RGB or BGR, and a wrong guess costs accuracy "
            "unnoticed: give --colour RGB or --colour BGR (the model's own repository says which)"
        )
    for side in (graph.width, graph.height):
        if side is not None and not MIN_SIDE <= side <= MAX_SIDE:
            raise CardError(f"{where} takes images of {side} pixels; mien takes {MIN_SIDE} to {MAX_SIDE}")
    base = NEUTRAL if graph.prepares or graph.takes_bytes else usual or HALF_RANGE
    try:
        return InputSpec(
            colour=colour,
            mean=hints.mean or base.mean,
            scale=hints.scale or base.scale,
            width=graph.width,
            height=graph.height,
        )
    except ValidationError as reason:
        raise CardError(
            f"{where}: the mean and the scale of pixels are finite numbers, and the scale is not zero"
        ) from reason
