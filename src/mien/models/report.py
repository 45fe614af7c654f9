"""What the engines, the processor and the store look like on this machine. Mends nothing."""

import os
import platform
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from mien.errors import MienError
from mien.models import store
from mien.models.engines import usable_cores
from mien.models.session import has_bf16

PACKAGES = ("numpy", "opencv-python-headless", "simplejpeg", "Pillow", "openvino", "onnx", "faiss-cpu", "pyarrow")
OPTIONAL = {
    "pi-heif": ("HEIC images", "heic"),
    "dlib-bin": ("the detector dlib-hog", "dlib"),
    "onnxruntime-gpu": ("inference on an NVIDIA GPU", "gpu"),
    "scikit-image": ("the sample portraits", "samples"),
    "matplotlib": ("the sample portraits", "samples"),
}
"""Packages of extras: what they are for, and the extra."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report.

    Attributes:
        topic: what was looked at.
        state: good, note (works, but could be better), missing (harmless until it is needed) or bad.
        detail: what was found.
        remedy: the command that mends it; empty where nothing is wrong.
    """

    topic: str
    state: str
    detail: str
    remedy: str = ""


def examine() -> list[Check]:
    """Look at interpreter, processor, packages, engines and models."""
    return [*_machine(), *_packages(), *_extras(), *_models()]


def _machine() -> list[Check]:
    flags = _flags()
    features = [name for name in ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16") if name in flags]
    bf16 = has_bf16()
    findings = [
        Check("python", "good", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        Check(
            "processor",
            "good",
            f"{usable_cores()} cores; {', '.join(features) or 'no known extensions'}",
        ),
        Check("precision", "good", "bf16 where the golden vector agrees" if bf16 else "float32: no bf16 in hardware"),
    ]
    if "OPENBLAS_CORETYPE" in os.environ:
        core = os.environ["OPENBLAS_CORETYPE"]
        detail = f"OPENBLAS_CORETYPE={core} makes numpy use the kernels of that processor, which may be slower"
        findings.append(Check("OpenBLAS", "note", detail, "unset OPENBLAS_CORETYPE"))
    return findings


def _flags() -> set[str]:
    try:
        found = re.search(r"^flags\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return set()
    return set(found.group(1).split()) if found else set()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _packages() -> list[Check]:
    findings = [Check("mien", "good", _version("mien") or "not installed as a package")]
    for package in PACKAGES:
        version = _version(package)
        if version is None:
            findings.append(Check(package, "bad", "not installed", f"pip install {package}"))
        else:
            findings.append(Check(package, "good", version))
    return findings


def _extras() -> list[Check]:
    findings = []
    for package, (purpose, extra) in OPTIONAL.items():
        version = _version(package)
        remedy = "" if version else f"pip install '.[{extra}]' in mien's folder"
        findings.append(Check(package, "good" if version else "missing", version or f"for {purpose}", remedy))
    return findings


def _models() -> list[Check]:
    findings = [Check("model store", "good", str(store.models_folder()))]
    for name in store.names():
        if not store.is_stored(name):
            findings.append(Check(f"model {name}", "good", "will be made from its package on first use"))
            continue
        try:
            model = store.load(name)
            sessions = [model.session(part) for part in model.card.files]
            used = ", ".join(sorted({f"{session.engine} {session.precision}" for session in sessions}))
            findings.append(Check(f"model {name}", "good", f"{model.card.kind}, golden vector agrees on {used}"))
        except MienError as reason:
            findings.append(Check(f"model {name}", "bad", str(reason), f"mien models remove {name}"))
    return findings
