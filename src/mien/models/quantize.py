"""Makes an 8-bit copy of a recognizer, on crops of real faces. Only when it is asked for.

The copy gives other embeddings, so it is another model: a file, a card, a golden vector and a contract of its
own, and no thresholds until they are measured. Needs ONNX Runtime, whose static quantization writes the file;
OpenVINO runs it.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mien.errors import CardError
from mien.models.card import AccuracyRow, InputSpec, ModelCard, ModelFile
from mien.models.engines import load_onnxruntime
from mien.models.golden import measure
from mien.models.import_model import SEED
from mien.models.session import open_unchecked, read_verified
from mien.models.store import Model
from mien.types import Floats, Image

FEWEST = 32
"""Crops below which the ranges of activations are a guess."""


def quantize(model: Model, crops: Sequence[Image], name: str) -> tuple[ModelCard, dict[str, bytes]]:
    """Quantize weights and activations to 8 bits (per channel, QDQ form).

    Args:
        model: a recognizer.
        crops: (H, W, 3) uint8 RGB each, aligned for it; their activations set the ranges.
        name: of the copy.

    Returns:
        The copy's card, which says how near it is to the original on the crops, and its file, for the store.

    Raises:
        CardError: too few crops, or no recognizer.
        MissingExtraError: ONNX Runtime is not installed.
    """
    card = model.card
    if card.embedding is None:
        raise CardError(f"{card.name} is a detector; only recognizers are quantized")
    if len(crops) < FEWEST:
        raise CardError(f"{len(crops)} faces are too few to measure ranges on; give a folder with at least {FEWEST}")
    original = read_verified(card, model.folder, "model")
    data = _quantized(original, card.input, crops)
    before, after = open_unchecked(original, card.input), open_unchecked(data, card.input)
    nearness = _cosines(before.run(np.stack(crops))[0], after.run(np.stack(crops))[0], len(crops))
    height, width = crops[0].shape[:2]
    figure = f"cosine to float32 on {len(crops)} faces: mean {nearness.mean():.5f}, least {nearness.min():.5f}"
    copy = card.model_copy(
        update={
            "name": name,
            "summary": f"{card.summary}, 8 bits",
            "source": f"quantized from {card.name}; {card.source}",
            "files": {"model": ModelFile(path="model.onnx", sha256=hashlib.sha256(data).hexdigest())},
            "thresholds": (),
            "accuracy": (AccuracyRow(protocol="quantization", figure=figure),),
            "golden": {"model": measure(lambda image: after.run(image[None]), SEED, width, height)},
        }
    )
    return copy, {"model": data}


def _cosines(a: Floats, b: Floats, rows: int) -> Floats:
    a, b = a.reshape(rows, -1), b.reshape(rows, -1)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray((a * b).sum(axis=1) / np.maximum(norms, 1e-12), np.float32)


def _quantized(data: bytes, spec: InputSpec, crops: Sequence[Image]) -> bytes:
    load_onnxruntime()
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self, name: str) -> None:
            self._inputs = ({name: tensor} for tensor in _tensors(crops, spec))

        def get_next(self) -> dict[str, Floats] | None:
            return next(self._inputs, None)

    with tempfile.TemporaryDirectory() as scratch:
        source, prepared, result = (Path(scratch) / name for name in ("source.onnx", "prepared.onnx", "result.onnx"))
        source.write_bytes(data)
        quantization.quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantization.quantize_static(
            str(prepared),
            str(result),
            Reader(_input_name(data)),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            weight_type=quantization.QuantType.QInt8,
            activation_type=quantization.QuantType.QUInt8,
        )
        return result.read_bytes()


def _input_name(data: bytes) -> str:
    import onnx

    graph = onnx.load_from_string(data).graph
    constants = {tensor.name for tensor in graph.initializer}
    return next(str(value.name) for value in graph.input if value.name not in constants)


def _tensors(crops: Sequence[Image], spec: InputSpec) -> Iterator[Floats]:
    order = slice(None, None, -1) if spec.colour == "BGR" else slice(None)
    for crop in crops:
        pixels = (crop[..., order] - np.asarray(spec.mean)) / np.asarray(spec.scale)
        yield np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32)
