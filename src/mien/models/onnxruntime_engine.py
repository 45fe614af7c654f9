"""Runs ONNX files on ONNX Runtime: on an NVIDIA GPU, or on the CPU where it is asked for by name.

Owns the import of the package, which reports nothing to its maker.
"""

import importlib
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from mien.errors import MissingExtraError
from mien.models.card import InputSpec
from mien.models.engines import ENGINES
from mien.models.options import EngineOptions
from mien.types import Floats, Image

GPU = "CUDAExecutionProvider"


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
    """Whether ONNX Runtime is installed and offers a GPU."""
    with suppress(MissingExtraError):
        return GPU in load_onnxruntime().get_available_providers()
    return False


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
        providers = [p for p in (GPU, "CPUExecutionProvider") if p in offered]
        self._session = onnxruntime.InferenceSession(data, settings, providers=providers)
        entry = self._session.get_inputs()[0]
        self._input, self.batchable = entry.name, not isinstance(entry.shape[0], int)
        self._mean = np.asarray(spec.mean, np.float32)
        self._scale = np.asarray(spec.scale, np.float32)
        self._order = slice(None, None, -1) if spec.colour == "BGR" else slice(None)

    def run(self, images: Sequence[Image] | Image) -> list[Floats]:
        """The outputs for (N, H, W, 3) uint8 RGB images of one size."""
        pixels = np.asarray(images)[..., self._order]
        batch = np.ascontiguousarray(((pixels - self._mean) / self._scale).transpose(0, 3, 1, 2), np.float32)
        if self.batchable or len(batch) == 1:
            return self._infer(batch)
        single = [self._infer(batch[i : i + 1]) for i in range(len(batch))]
        return [np.concatenate(parts) for parts in zip(*single, strict=True)]

    def _infer(self, batch: Floats) -> list[Floats]:
        return [np.asarray(output, np.float32) for output in self._session.run(None, {self._input: batch})]
