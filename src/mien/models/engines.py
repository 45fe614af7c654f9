"""Every inference engine, in one table; which one runs a model on this machine, and in which precision.

A new engine is one object in this table: `--engine`, settings, `mien doctor` and messages follow from it. Imports no
engine until it is used.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from mien.errors import ModelError
from mien.models.options import AUTO, EngineOptions

if TYPE_CHECKING:
    from mien.models.card import InputSpec
    from mien.models.session import Session

Opener = Callable[[bytes, "InputSpec", EngineOptions, str], "Session"]
"""Opens an ONNX file whose pixels enter as the spec says, in one precision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceEngine:
    """An inference engine.

    Attributes:
        name: as `--engine` takes it, and of the module that is imported.
        distributions: names under which its package can be installed.
        about: where it runs networks.
        remedy: the command that installs it.
        open: opens a network; raises MissingExtraError where the package is not installed.
        preferred: whether `auto` takes it on this machine, if no engine before it in the table is preferred.
        precisions: those that it has, the fastest first; the last one is always right.
        fast: whether this machine computes in a precision in hardware.
    """

    name: str
    distributions: tuple[str, ...]
    about: str
    remedy: str
    open: Opener
    preferred: Callable[[], bool]
    precisions: tuple[str, ...]
    fast: Callable[[str], bool]

    @property
    def installed(self) -> bool:
        """Whether its package is there; nothing is imported."""
        return find_spec(self.name) is not None

    def candidates(self, precision: str) -> tuple[str, ...]:
        """The precisions to try in turn: the one asked for, or for auto those that are fast here, then the last one.

        An engine that does not have the precision asked for runs in its last one.
        """
        if precision == AUTO:
            return (*(one for one in self.precisions[:-1] if self.fast(one)), self.precisions[-1])
        return (precision,) if precision in self.precisions else self.precisions[-1:]


def _open_onnxruntime(data: bytes, spec: "InputSpec", options: EngineOptions, precision: str) -> "Session":
    from mien.models.onnxruntime_engine import OnnxRuntimeSession

    return OnnxRuntimeSession(data, spec, options)


def _has_gpu() -> bool:
    from mien.models.onnxruntime_engine import has_gpu

    return has_gpu()


def _open_openvino(data: bytes, spec: "InputSpec", options: EngineOptions, precision: str) -> "Session":
    from mien.models.openvino_engine import OpenVinoSession

    return OpenVinoSession(data, spec, options, precision)


def _is_fast_on_openvino(precision: str) -> bool:
    from mien.models.openvino_engine import has_bf16

    return precision != "bf16" or has_bf16()


ENGINES: dict[str, InferenceEngine] = {
    engine.name: engine
    for engine in (
        InferenceEngine(
            name="onnxruntime",
            distributions=("onnxruntime-gpu", "onnxruntime"),
            about="NVIDIA GPUs, and CPUs where it is asked for by name",
            remedy="pip install 'mien[gpu]' ('mien[onnxruntime]' for the CPU)",
            open=_open_onnxruntime,
            preferred=_has_gpu,
            precisions=("f32",),
            fast=lambda precision: True,
        ),
        InferenceEngine(
            name="openvino",
            distributions=("openvino",),
            about="CPUs",
            remedy="pip install openvino",
            open=_open_openvino,
            preferred=lambda: True,
            precisions=("bf16", "f32"),
            fast=_is_fast_on_openvino,
        ),
    )
}
"""In the order in which `auto` asks them."""

REFERENCE = "openvino"
"""The engine that measures golden vectors, in its last precision."""


CPU_ENGINE = REFERENCE
"""The engine that never uses a GPU."""


def engine_names() -> tuple[str, ...]:
    """What `--engine` takes."""
    return AUTO, *ENGINES


def precision_names() -> tuple[str, ...]:
    """What `--precision` takes: auto, and what any engine has, the safest first."""
    known = [name for engine in ENGINES.values() for name in reversed(engine.precisions)]
    return AUTO, *dict.fromkeys(known)


def choose_engine(name: str) -> InferenceEngine:
    """The engine of this name; for auto the first one that is preferred here.

    Raises:
        ModelError: no such engine.
    """
    if name == AUTO:
        return next(engine for engine in ENGINES.values() if engine.preferred())
    if name not in ENGINES:
        raise ModelError(f"the engines are {', '.join(engine_names())}, not '{name}'")
    return ENGINES[name]


def usable_cores() -> int:
    """Processor cores that this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
