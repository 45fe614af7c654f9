"""Runs ONNX files on ONNX Runtime: on an NVIDIA GPU, or on the CPU where it is asked for by name.

Owns the import of the package, which reports nothing to its maker.
"""

import importlib
import os
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import CardError, MissingExtraError
from mien.models.batches import CPU_BATCH, FREE_SIZE, GPU_BATCH, batches_agree
from mien.models.card import InputSpec
from mien.models.engines import ENGINES
from mien.models.options import EngineOptions
from mien.types import Floats, Image

LONGEST = 120
"""Maximum number of characters of an engine's message in a sentence."""

GPU = "CUDAExecutionProvider"
PROVIDERS: dict[str, dict[str, str]] = {
    # By default each new shape is timed with every algorithm, and the last batch of a set has a shape of its own.
    GPU: {"cudnn_conv_algo_search": "HEURISTIC"},
    "CPUExecutionProvider": {},
}
"""In the order in which they are asked, with their settings."""


def load_onnxruntime() -> Any:  # noqa: ANN401 - the packages are not typed
    """The package onnxruntime, or the one for GPUs, which has the same name.

    It keeps a device id and an event store unless its telemetry is switched off before the import.

    Raises:
        MissingExtraError: neither is installed.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        return importlib.import_module("onnxruntime")
    except ImportError:
        raise MissingExtraError(f"ONNX Runtime is not installed: {ENGINES['onnxruntime'].remedy}") from None


def has_gpu() -> bool:
    """Whether ONNX Runtime is installed and offers a GPU; the package for CPUs is not imported for the answer."""
    package = find_spec("onnxruntime")
    folders = (package and package.submodule_search_locations) or []
    if not any(True for folder in folders for _ in Path(folder).glob("capi/*onnxruntime_providers_cuda*")):
        return False
    with suppress(MissingExtraError):
        return GPU in load_onnxruntime().get_available_providers()
    return False


NUMBERS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
PIXELS = "tensor(uint8)"
"""The type of an input that takes pixels as they are."""


class OnnxRuntimeSession:
    """An open network; pixels are prepared in numpy."""

    engine = "onnxruntime"
    precision = "f32"

    def __init__(self, data: bytes, spec: InputSpec, options: EngineOptions) -> None:
        onnxruntime = load_onnxruntime()
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.threads
        settings.log_severity_level = 3
        offered = onnxruntime.get_available_providers()
        providers = [p for p in PROVIDERS if p in offered]
        settings_of = [PROVIDERS[p] for p in providers]
        try:
            self._session = onnxruntime.InferenceSession(
                data, settings, providers=providers, provider_options=settings_of, enable_fallback=0
            )
        except Exception as reason:
            raise CardError(f"ONNX Runtime cannot open this network: {_first_line(reason)}") from reason
        self.on_gpu = GPU in self._session.get_providers()
        self.batch = GPU_BATCH if self.on_gpu else CPU_BATCH
        entry = self._session.get_inputs()[0]
        if entry.type not in (*NUMBERS, PIXELS):
            raise CardError(f"the network takes {entry.type}; mien gives float32, float16, float64 or uint8")
        self._input, self._type = entry.name, NUMBERS.get(entry.type, np.float32)
        self._mean = np.asarray(spec.mean, np.float32)
        self._scale = np.asarray(spec.scale, np.float32)
        self._rounds = entry.type == PIXELS
        self._order = slice(None, None, -1) if spec.colour == "BGR" else slice(None)
        self.batchable = not isinstance(entry.shape[0], int) and batches_agree(self._together, *_size(entry.shape))

    def run(self, images: Sequence[Image] | Image) -> list[Floats]:
        """The outputs for (N, H, W, 3) uint8 RGB images of one size."""
        pixels = np.asarray(images)
        if self.batchable or len(pixels) == 1:
            return self._together(pixels)
        single = [self._together(pixels[i : i + 1]) for i in range(len(pixels))]
        return [np.concatenate(parts) for parts in zip(*single, strict=True)]

    def _together(self, images: Image) -> list[Floats]:
        batch = ((images[..., self._order] - self._mean) / self._scale).transpose(0, 3, 1, 2)
        given = (
            np.ascontiguousarray(np.rint(batch), np.uint8) if self._rounds else batch.astype(self._type, order="C")
        )
        try:
            outputs = self._session.run(None, {self._input: given})
        except Exception as reason:
            raise CardError(f"ONNX Runtime cannot run this network: {_first_line(reason)}") from reason
        return [np.asarray(output, np.float32) for output in outputs]


def _size(shape: Sequence[object]) -> tuple[int, int]:
    """Width and height to try a network with."""
    height, width = shape[2:]
    return (width, height) if isinstance(width, int) and isinstance(height, int) else FREE_SIZE


def _first_line(reason: Exception) -> str:
    lines = [line for line in str(reason).splitlines() if line.strip()]
    return lines[0].strip()[:LONGEST] if lines else type(reason).__name__
