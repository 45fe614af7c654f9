"""Quantizes a network's weights and activations to 8 bits (per channel, QDQ form), on images like those it will see.

Owns which tensors stay in float32. Needs ONNX Runtime, whose static quantization writes the file. Makes no card.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from mien.models.card import InputSpec
from mien.models.onnx_graph import input_name
from mien.models.onnxruntime_engine import load_onnxruntime
from mien.types import Floats, Image

LEFT_OUT = (0, 1, 2, 4, 8, 16)
"""How many of the most sensitive tensors stay in float32, in turn, until the copy is near enough."""
MIN_OPSET = 13
"""The first version of ONNX's operators with scales per channel; older files are brought to it."""
PROBES = 8
"""Crops on which the sensitivity of tensors is measured: all activations of these are in memory at once."""


def quantize_network(
    data: bytes, spec: InputSpec, crops: Sequence[Image], near_enough: Callable[[bytes], bool]
) -> tuple[bytes, int]:
    """Quantize an ONNX file, with as many tensors left in float32 as it takes.

    A tensor is sensitive where 8 bits change it most on the crops, by its own error alone (signal to noise of the
    quantized tensor, as in ONNX Runtime's qdq_loss_debug). One such tensor can ruin a network: two of
    face-reid-0095 bring the mean cosine of an 8-bit copy from 0.97 down to 0.72.

    Args:
        data: the file.
        spec: how pixels enter the network.
        crops: (H, W, 3) uint8 RGB each; their activations set the ranges.
        near_enough: says of a quantized file whether it gives nearly the original's outputs.

    Returns:
        The first file that is near enough, or else the last one that was tried; and how many tensors stay in float32.

    Raises:
        MissingExtraError: ONNX Runtime is not installed.
    """
    load_onnxruntime()
    with tempfile.TemporaryDirectory() as scratch:
        quantizer = _Quantizer(data, spec, crops, Path(scratch))
        for count in LEFT_OUT:
            small = quantizer.quantize(count)
            if near_enough(small):
                break
        return small, count


@dataclass(slots=False, eq=False)
class _Quantizer:
    """One network that is quantized several times, in a folder for the files in between."""

    data: bytes
    spec: InputSpec
    crops: Sequence[Image]
    folder: Path

    def quantize(self, left_out: int) -> bytes:
        """The quantized file, with this number of the most sensitive tensors in float32."""
        return self._quantized(self.around(self.sensitive[:left_out])) if left_out else self.plain

    @cached_property
    def plain(self) -> bytes:
        """The quantized file with nothing left out."""
        return self._quantized([])

    def _quantized(self, left_out: Sequence[str]) -> bytes:
        from onnxruntime import quantization

        result = self.folder / "result.onnx"
        quantization.quantize_static(
            str(self.prepared),
            str(result),
            self.reader(self.crops),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            weight_type=quantization.QuantType.QInt8,
            activation_type=quantization.QuantType.QUInt8,
            nodes_to_exclude=list(left_out),
        )
        return result.read_bytes()

    @cached_property
    def prepared(self) -> Path:
        """The network with constants folded and a name for each node."""
        from onnxruntime import quantization

        source, prepared = self.folder / "source.onnx", self.folder / "prepared.onnx"
        source.write_bytes(_with_new_operators(self.data))
        quantization.quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        model = onnx.load(str(prepared))
        for number, node in enumerate(model.graph.node):
            node.name = f"node-{number}"
        onnx.save(model, str(prepared))
        return prepared

    @cached_property
    def sensitive(self) -> list[str]:
        """The names of activations, that which 8 bits change most first."""
        from onnxruntime.quantization import qdq_loss_debug as losses

        small = self.folder / "small.onnx"
        small.write_bytes(self.plain)
        activations = []
        for path in (small, self.prepared):
            opened = path.with_suffix(".open.onnx")
            losses.modify_model_output_intermediate_tensors(str(path), str(opened))
            activations.append(losses.collect_activations(str(opened), self.reader(self.crops[:PROBES])))
        errors = losses.compute_activation_error(losses.create_activation_matching(*activations))
        return sorted(errors, key=lambda name: (errors[name]["qdq_err"], name))

    def around(self, tensors: Sequence[str]) -> list[str]:
        """The names of the nodes that make or read these tensors."""
        nodes = onnx.load(str(self.prepared)).graph.node
        return [node.name for node in nodes if set(tensors) & {*node.input, *node.output}]

    def reader(self, crops: Sequence[Image]) -> Any:  # noqa: ANN401 - ONNX Runtime is not typed
        """What ONNX Runtime's calibration reads from."""
        from onnxruntime import quantization

        class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
            def __init__(self, name: str, tensors: Iterator[Floats]) -> None:
                self._inputs = ({name: tensor} for tensor in tensors)

            def get_next(self) -> dict[str, Floats] | None:
                return next(self._inputs, None)

        return Reader(input_name(self.data), _tensors(crops, self.spec))


def _with_new_operators(data: bytes) -> bytes:
    """The same network in a version of ONNX's operators that can be quantized per channel."""
    from onnx import version_converter

    model = onnx.load_from_string(data)
    if all(one.version >= MIN_OPSET for one in model.opset_import if one.domain in ("", "ai.onnx")):
        return data
    return bytes(version_converter.convert_version(model, MIN_OPSET).SerializeToString())


def _tensors(crops: Sequence[Image], spec: InputSpec) -> Iterator[Floats]:
    order = slice(None, None, -1) if spec.colour == "BGR" else slice(None)
    for crop in crops:
        pixels = (crop[..., order] - np.asarray(spec.mean)) / np.asarray(spec.scale)
        yield np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32)
