"""Runs ONNX files on OpenVINO, on the CPU.

Owns the import of the package, which reports nothing to its maker, and the preparation of pixels (colour order, mean
and scale), which it compiles into the network. Compiled networks are kept for the next process (see compiled_cache).
"""

import importlib
import queue
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np

from mien.errors import CardError
from mien.models import compiled_cache
from mien.models.batches import CPU_BATCH, FREE_SIZE, batches_agree
from mien.models.card import InputSpec
from mien.models.compiled_cache import CompiledNetwork
from mien.models.options import EngineOptions
from mien.types import Floats, Image

LONGEST = 120
"""Maximum number of characters of an engine's message in a sentence."""


CONVERTER = "openvino.tools.ovc"


def load_openvino() -> Any:  # noqa: ANN401 - the packages are not typed
    """The package openvino, without its telemetry, and with its model converter imported when it is called.

    It reports each import to its maker otherwise, where its telemetry package is installed. The converter takes a
    third of the time of the import.
    """
    if "openvino" in sys.modules:
        return sys.modules["openvino"]
    absent = [name for name in ("openvino_telemetry", CONVERTER) if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        engine: Any = importlib.import_module("openvino")
        importlib.import_module("openvino.preprocess")
    finally:
        for name in absent:
            del sys.modules[name]
    if not hasattr(engine, "convert_model"):
        engine.convert_model = _convert_model
    return engine


def _convert_model(*given: Any, **named: Any) -> Any:  # noqa: ANN401
    """openvino.convert_model, for other code in this process."""
    return importlib.import_module(CONVERTER).convert_model(*given, **named)


@cache
def _core() -> Any:  # noqa: ANN401
    return load_openvino().Core()


def has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware, as OpenVINO sees it."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class OpenVinoSession:
    """An open network; preparation of pixels is a part of the compiled graph."""

    engine = "openvino"
    batch = CPU_BATCH
    on_gpu = False

    def __init__(self, data: bytes, spec: InputSpec, options: EngineOptions, precision: str) -> None:
        self.precision = precision
        settings = _openvino_settings(options, precision)
        self._key = _key_of(spec, settings, options.keep_as) if options.keep_as else ""
        # The reopened network reads its weights from the kept bytes, which have to live as long.
        self._kept = kept = compiled_cache.find(self._key) if self._key else None
        opened = _reopen(kept, settings) if kept else None
        self.from_cache = opened is not None
        self._compiled, self.batchable = opened or _compile(data, spec, settings)
        self._fixed = _fixed_size(self._compiled)
        self._outputs = len(self._compiled.outputs)
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(max(1, options.streams)):
            self._idle.put(self._compiled.create_infer_request())
        if not self.from_cache and self.batchable:
            self.batchable = batches_agree(self.run, *(self._fixed or FREE_SIZE))

    def keep(self) -> None:
        """Keep the compiled network for the next process, where the options say so."""
        if self._key and not self.from_cache:
            with suppress(RuntimeError):
                data = np.frombuffer(self._compiled.export_model().getvalue(), np.uint8)
                compiled_cache.keep(self._key, CompiledNetwork(data, self.batchable))

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
        return [_taken(request.get_output_tensor(i).data) for i in range(self._outputs)]


def _taken(output: Floats) -> Floats:
    """A copy of an output, whose place is overwritten: the last embedding would stay there until the next one."""
    copy = np.array(output, np.float32)
    if output.flags.writeable:
        output.fill(0)
    return copy


def _compile(data: bytes, spec: InputSpec, settings: dict[str, Any]) -> tuple[Any, bool]:
    """Compile an ONNX file; say whether its batch dimension is free."""
    try:
        model = _core().read_model(data)
        batchable = _free_batch(model)
        return _core().compile_model(_with_pixels(model, spec), "CPU", settings), batchable
    except CardError:
        raise
    except Exception as reason:
        # RuntimeError of its own, and UnicodeDecodeError for names in the graph that are not text.
        raise CardError(f"OpenVINO cannot open this network: {last_line(reason)}") from reason


def _reopen(kept: CompiledNetwork, settings: dict[str, Any]) -> tuple[Any, bool] | None:
    """Open a network that an earlier process compiled; None where the engine refuses it."""
    try:
        data = load_openvino().Tensor(kept.data, shared_memory=True)
        return _core().import_model(data, "CPU", settings), kept.batchable
    except RuntimeError:
        return None


def _key_of(spec: InputSpec, settings: dict[str, Any], network: str) -> str:
    """The name under which a compiled network is kept: everything that decides how it is compiled."""
    processor = [_core().get_property("CPU", name) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    return compiled_cache.key_of(network, [load_openvino().get_version(), processor, spec.model_dump(), settings])


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
