"""Opens one ONNX file of a model against its card, on OpenVINO or ONNX Runtime. The engine seam.

Owns the choice of engine and precision, pixel preparation (colour order, mean and scale live inside the
engine's graph or beside it, nowhere else), batching and thread safety. Does not know what outputs mean.
"""

import hashlib
import queue
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mien.errors import CardError, MissingExtraError
from mien.models.card import InputSpec, ModelCard
from mien.models.engines import load_onnxruntime, load_openvino
from mien.models.golden import AGREEMENT, agreement, golden_image
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.settings import Engine, Precision
from mien.types import Floats, Image


class Session(Protocol):
    """One open network. Safe to call from several threads."""

    engine: str
    precision: str
    batchable: bool

    def run(self, images: Sequence[Image] | Image) -> list[Floats]:
        """Run images of one size through the network.

        Args:
            images: (N, H, W, 3) uint8 RGB; the card's colour order, mean and scale are applied inside.

        Returns:
            The outputs in the file's order, float32.
        """
        ...


def open_session(card: ModelCard, folder: Path, part: str, options: EngineOptions = DEFAULT_OPTIONS) -> Session:
    """Open one file of a model.

    Args:
        card: its card.
        folder: where the card's files lie.
        part: which of the card's files.
        options: engine, precision, threads.

    Raises:
        CardError: the file is missing, has another sha256, another input, or does not give the golden
            vector.
        MissingExtraError: the engine asked for is not installed.
    """
    data = read_verified(card, folder, part)
    engine = _choose_engine(options.engine)
    if engine == "onnxruntime":
        session = _OnnxRuntimeSession(data, card.input, options)
        _require_golden(card, part, session)
        return session
    for precision in _precisions(options.precision):
        candidate = _OpenVinoSession(data, card.input, options, precision)
        if _agrees(card, part, candidate):
            return candidate
    _require_golden(card, part, candidate)
    return candidate


def open_unchecked(data: bytes, spec: InputSpec) -> Session:
    """Open a network that has no card yet, on the CPU in float32, to measure its golden vector.

    Raises:
        CardError: the engine cannot open it.
    """
    return _OpenVinoSession(data, spec, DEFAULT_OPTIONS, "f32")


def read_verified(card: ModelCard, folder: Path, part: str) -> bytes:
    """The bytes of a model file whose sha256 is the card's.

    Raises:
        CardError: the card names no such file, it is missing, or it has other bytes.
    """
    if part not in card.files:
        raise CardError(f"the card of {card.name} names no file '{part}'; write it anew with `mien models add`")
    file = card.files[part]
    path = folder / file.path
    try:
        data = path.read_bytes()
    except OSError as reason:
        raise CardError(f"{path} cannot be read ({reason.strerror}); {_remedy(card)}") from reason
    found = hashlib.sha256(data).hexdigest()
    if found != file.sha256:
        raise CardError(f"{path} has sha256 {found[:12]}..., its card says {file.sha256[:12]}...; {_remedy(card)}")
    return data


def _remedy(card: ModelCard) -> str:
    return f"`mien models remove {card.name}`, then pull or add it again"


def _agrees(card: ModelCard, part: str, session: Session) -> bool:
    golden = card.golden.get(part)
    if golden is None:
        raise CardError(f"the card of {card.name} has no golden vector for '{part}'; write it with `mien models add`")
    return agreement(golden, lambda image: session.run(image[None])) >= AGREEMENT


def _require_golden(card: ModelCard, part: str, session: Session) -> None:
    if not _agrees(card, part, session):
        raise CardError(
            f"{card.name} does not give its golden vector on {session.engine} in {session.precision}: the card "
            f"and the file do not belong together; {_remedy(card)}"
        )


def _choose_engine(engine: Engine) -> str:
    if engine != "auto":
        return engine
    with suppress(MissingExtraError):
        if "CUDAExecutionProvider" in load_onnxruntime().get_available_providers():
            return "onnxruntime"
    return "openvino"


def _precisions(wanted: Precision) -> tuple[str, ...]:
    if wanted != "auto":
        return (wanted,)
    return ("bf16", "f32") if has_bf16() else ("f32",)


def has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware, as OpenVINO sees it."""
    return "BF16" in load_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class _OpenVinoSession:
    """An ONNX file on the CPU; preparation of pixels is a part of the compiled graph."""

    engine = "openvino"

    def __init__(self, data: bytes, spec: InputSpec, options: EngineOptions, precision: str) -> None:
        core = load_openvino().Core()
        try:
            model = core.read_model(data)
            self.batchable = _free_batch(model)
            model = _with_pixels(model, spec)
            compiled = core.compile_model(model, "CPU", _openvino_settings(options, precision))
        except RuntimeError as reason:
            raise CardError(f"OpenVINO cannot open this network: {_first_line(reason)}") from reason
        self.precision = precision
        self._fixed = _fixed_size(model)
        self._outputs = len(compiled.outputs)
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(max(1, options.streams)):
            self._idle.put(compiled.create_infer_request())
        if self.batchable and not self._batches_agree():
            self.batchable = False

    def run(self, images: Sequence[Image] | Image) -> list[Floats]:
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
        request.infer([batch], share_inputs=True)
        return [np.array(request.get_output_tensor(i).data, np.float32) for i in range(self._outputs)]

    def _batches_agree(self) -> bool:
        """Whether two images at once give what each gives alone; some graphs hold the batch in a reshape."""
        width, height = self._fixed or (64, 64)
        pair = np.stack([golden_image(seed, width, height) for seed in (1, 2)])
        try:
            both = self.run(pair)
            alone = [self.run(pair[i : i + 1]) for i in (0, 1)]
        except RuntimeError:
            return False
        return all(
            out.size == 2 * a.size
            and np.allclose(np.sort(out.ravel()), np.sort(np.r_[a.ravel(), b.ravel()]), atol=1e-2)
            for out, a, b in zip(both, *alone, strict=True)
        )


def _first_line(reason: Exception) -> str:
    lines = [line for line in str(reason).splitlines() if line.strip()]
    return lines[-1] if lines else type(reason).__name__


def _free_batch(model: Any) -> bool:  # noqa: ANN401
    """Make the batch dimension free where the graph allows; say whether it is."""
    shape = model.input().partial_shape
    if len(shape) != 4 or (shape[1].is_static and shape[1].get_length() != 3):
        raise CardError("the network's input is no batch of three-channel images (N, 3, H, W)")
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


class _OnnxRuntimeSession:
    """An ONNX file on the GPU, or on the CPU where that engine is asked for by name."""

    engine = "onnxruntime"
    precision = "f32"

    def __init__(self, data: bytes, spec: InputSpec, options: EngineOptions) -> None:
        onnxruntime = load_onnxruntime()
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.threads
        settings.log_severity_level = 3
        offered = onnxruntime.get_available_providers()
        providers = [p for p in ("CUDAExecutionProvider", "CPUExecutionProvider") if p in offered]
        self._session = onnxruntime.InferenceSession(data, settings, providers=providers)
        entry = self._session.get_inputs()[0]
        self._input, self.batchable = entry.name, not isinstance(entry.shape[0], int)
        self._mean = np.asarray(spec.mean, np.float32)
        self._scale = np.asarray(spec.scale, np.float32)
        self._order = slice(None, None, -1) if spec.colour == "BGR" else slice(None)

    def run(self, images: Sequence[Image] | Image) -> list[Floats]:
        pixels = np.asarray(images)[..., self._order]
        batch = np.ascontiguousarray(((pixels - self._mean) / self._scale).transpose(0, 3, 1, 2), np.float32)
        if self.batchable or len(batch) == 1:
            return self._infer(batch)
        single = [self._infer(batch[i : i + 1]) for i in range(len(batch))]
        return [np.concatenate(parts) for parts in zip(*single, strict=True)]

    def _infer(self, batch: Floats) -> list[Floats]:
        return [np.asarray(output, np.float32) for output in self._session.run(None, {self._input: batch})]
