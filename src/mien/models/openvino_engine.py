"""Runs ONNX files on OpenVINO, on the CPU.

Owns the import of the package, which reports nothing to its maker, and the preparation of pixels (colour order, mean
and scale), which it compiles into the network.
"""

import importlib
import queue
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from mien.errors import CardError
from mien.models.batches import FREE_SIZE, batches_agree
from mien.models.card import InputSpec
from mien.models.options import EngineOptions
from mien.types import Floats, Image

LONGEST = 120
"""Maximum number of characters of an engine's message in a sentence."""


def load_openvino() -> Any:  # noqa: ANN401 - the packages are not typed
    """The package openvino, with the stub that it uses where its telemetry package is missing.

    It reports each import to its maker otherwise.
    """
    if "openvino" in sys.modules:
        return sys.modules["openvino"]
    absent = "openvino_telemetry" not in sys.modules
    if absent:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        engine = importlib.import_module("openvino")
        importlib.import_module("openvino.preprocess")
        return engine
    finally:
        if absent:
            del sys.modules["openvino_telemetry"]


def has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware, as OpenVINO sees it."""
    return "BF16" in load_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class OpenVinoSession:
    """An open network; preparation of pixels is a part of the compiled graph."""

    engine = "openvino"

    def __init__(self, data: bytes, spec: InputSpec, options: EngineOptions, precision: str) -> None:
        core = load_openvino().Core()
        try:
            model = core.read_model(data)
            self.batchable = _free_batch(model)
            model = _with_pixels(model, spec)
            compiled = core.compile_model(model, "CPU", _openvino_settings(options, precision))
        except CardError:
            raise
        except Exception as reason:
            # RuntimeError of its own, and UnicodeDecodeError for names in the graph that are not text.
            raise CardError(f"OpenVINO cannot open this network: {last_line(reason)}") from reason
        self.precision = precision
        self._fixed = _fixed_size(model)
        self._outputs = len(compiled.outputs)
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(max(1, options.streams)):
            self._idle.put(compiled.create_infer_request())
        if self.batchable and not batches_agree(self.run, *(self._fixed or FREE_SIZE)):
            self.batchable = False

    def run(self, images: Sequence[Image] | Image) -> list[Floats]:
        """The outputs for (N, H, W, 3) uint8 RGB images of one size."""
        batch = np.ascontiguousarray(images, np.uint8)
        request = self._idle.get()
        try:
            if self.batchable or len(batch) == 1:
                return self._infer(request, batch)
            single = [self._infer(request, batch[i : i + 1]) for i in range(len(batch))]
            return [np.concatenate(parts) for parts in zip(*single, strict=True)]
        finally:
            self._idle.put(request)

    def _infer(self, request: Any, batch: Image) -> list[Floats]:  # noqa: ANN401
        try:
            request.infer([batch], share_inputs=True)
        except RuntimeError as reason:
            raise CardError(f"OpenVINO cannot run this network: {last_line(reason)}") from reason
        return [np.array(request.get_output_tensor(i).data, np.float32) for i in range(self._outputs)]


def last_line(reason: Exception) -> str:
    """What OpenVINO says in the end of its errors, which begin with its own source files."""
    lines = [line for line in str(reason).splitlines() if line.strip()]
    return lines[-1].strip()[:LONGEST] if lines else type(reason).__name__


def _free_batch(model: Any) -> bool:  # noqa: ANN401
    """Make the batch dimension free where the graph allows; say whether it is."""
    shape = model.input().partial_shape
    if len(shape) != 4 or (shape[1].is_static and shape[1].get_length() != 3):
        raise CardError("the network's input is not a batch of three-channel images (N, 3, H, W)")
    fixed = shape.to_string()
    if shape[0].is_dynamic:
        return True
    try:
        model.reshape([-1, *list(shape)[1:]])
    except RuntimeError:
        model.reshape(fixed)
        return False
    return True


def _with_pixels(model: Any, spec: InputSpec) -> Any:  # noqa: ANN401
    """Prepend: uint8 NHWC RGB to the network's float NCHW in the card's colour order."""
    openvino = load_openvino()
    steps = openvino.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    prepare = steps.input().preprocess()
    if spec.colour == "BGR":
        prepare = prepare.reverse_channels()
    prepare.convert_element_type(openvino.Type.f32).mean(list(spec.mean)).scale(list(spec.scale))
    return steps.build()


def _fixed_size(model: Any) -> tuple[int, int] | None:  # noqa: ANN401
    shape = model.input().partial_shape
    if shape[1].is_dynamic or shape[2].is_dynamic:
        return None
    return shape[2].get_length(), shape[1].get_length()


def _openvino_settings(options: EngineOptions, precision: str) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY" if options.streams <= 1 else "THROUGHPUT",
    }
    if options.streams > 1:
        settings["NUM_STREAMS"] = options.streams
    if options.threads:
        settings["INFERENCE_NUM_THREADS"] = options.threads
    return settings
