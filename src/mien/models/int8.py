"""Quantizes a network's weights and activations to 8 bits (per channel, QDQ form), on crops of real faces.

Needs ONNX Runtime, whose static quantization writes the file. Makes no card.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mien.models.card import InputSpec
from mien.models.onnx_graph import input_name
from mien.models.onnxruntime_engine import load_onnxruntime
from mien.types import Floats, Image


def quantize_network(data: bytes, spec: InputSpec, crops: Sequence[Image]) -> bytes:
    """Quantize an ONNX file.

    Args:
        data: the file.
        spec: how pixels enter the network.
        crops: (H, W, 3) uint8 RGB each; their activations set the ranges.

    Raises:
        MissingExtraError: ONNX Runtime is not installed.
    """
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
            Reader(input_name(data)),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            weight_type=quantization.QuantType.QInt8,
            activation_type=quantization.QuantType.QUInt8,
        )
        return result.read_bytes()


def _tensors(crops: Sequence[Image], spec: InputSpec) -> Iterator[Floats]:
    order = slice(None, None, -1) if spec.colour == "BGR" else slice(None)
    for crop in crops:
        pixels = (crop[..., order] - np.asarray(spec.mean)) / np.asarray(spec.scale)
        yield np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32)
