"""Imports the engines without their telemetry, and counts the cores they may use.

A program that sees faces tells nobody that it runs: openvino reports each import to its maker, and onnxruntime keeps
a device id and an event store, unless they are told not to. Both are told here, and imported nowhere else.
"""

import importlib
import os
import sys
from typing import Any

from mien.errors import MissingExtraError


def load_openvino() -> Any:  # noqa: ANN401 - the packages are not typed
    """The package openvino, with the stub that it uses where its telemetry package is missing."""
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


def usable_cores() -> int:
    """Processor cores that this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def load_onnxruntime() -> Any:  # noqa: ANN401
    """The package onnxruntime, or the one for GPUs, which has the same name.

    Raises:
        MissingExtraError: neither is installed.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        return importlib.import_module("onnxruntime")
    except ImportError:
        raise MissingExtraError(
            "ONNX Runtime is not installed: pip install '.[gpu]' in mien's folder ('.[onnxruntime]' for the CPU)"
        ) from None
