"""What the engines, the processor and the store look like on this machine. Repairs nothing.

Reads the versions of packages without importing them; only opening the stored models loads an engine.
"""

import os
import platform
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from mien.errors import MienError
from mien.models import store
from mien.models.engines import ENGINES, REFERENCE, usable_cores
from mien.version import __version__

PACKAGES = ("numpy", "opencv-python-headless", "simplejpeg", "Pillow", "onnx", "faiss-cpu", "pyarrow")
OPTIONAL = {
    "pi-heif": ("HEIC images", "heic"),
    "dlib-bin": ("the detector dlib-hog", "dlib"),
    "scikit-image": ("the sample portraits", "samples"),
    "matplotlib": ("the sample portraits", "samples"),
}
"""Packages of extras: what they are for, and the extra."""

FEATURES = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16")
"""Extensions of the processor that networks gain from."""

BF16 = {"avx512_bf16", "amx_bf16"}
"""Those with which it multiplies bfloat16; asking an engine would load it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report.

    Attributes:
        topic: what was examined.
        state: good, note (works, but could be better), missing (harmless until it is needed) or bad.
        detail: what was found.
        remedy: the command that fixes it; empty where nothing is wrong.
    """

    topic: str
    state: str
    detail: str
    remedy: str = ""


def examine() -> list[Check]:
    """Check interpreter, processor, engines, packages and models.

    Example:
        >>> [check.state for check in mien.examine_machine() if check.topic == "python"]
        ['good']
    """
    return [*_machine(), *_engines(), *_packages(), *_extras(), *_models()]


def _machine() -> list[Check]:
    flags = _flags()
    found = ", ".join(name for name in FEATURES if name in flags) or "no known extensions"
    checks = [
        Check("python", "good", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        Check("processor", "good", f"{usable_cores()} cores; {found}"),
    ]
    if flags:
        fast = flags & BF16
        detail = "bf16 where the golden vector agrees" if fast else "float32: the processor has no bf16"
        checks.append(Check("precision", "good", detail))
    if "OPENBLAS_CORETYPE" in os.environ:
        core = os.environ["OPENBLAS_CORETYPE"]
        detail = f"OPENBLAS_CORETYPE={core} makes numpy use the kernels of that processor, which may be slower"
        checks.append(Check("OpenBLAS", "note", detail, "unset OPENBLAS_CORETYPE"))
    return checks


def _engines() -> list[Check]:
    checks = []
    for engine in ENGINES.values():
        versions = [version for name in engine.distributions if (version := _version(name))]
        if versions:
            checks.append(Check(engine.name, "good", f"{versions[0]}, for {engine.about}"))
        else:
            state = "bad" if engine.name == REFERENCE else "missing"
            checks.append(Check(engine.name, state, f"not installed; for {engine.about}", engine.remedy))
    return checks


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
    checks = [Check("mien", "good", __version__)]
    for package in PACKAGES:
        version = _version(package)
        if version is None:
            checks.append(Check(package, "bad", "not installed", f"pip install {package}"))
        else:
            checks.append(Check(package, "good", version))
    return checks


def _extras() -> list[Check]:
    checks = []
    for package, (purpose, extra) in OPTIONAL.items():
        version = _version(package)
        remedy = "" if version else f"pip install 'mien[{extra}]'"
        checks.append(Check(package, "good" if version else "missing", version or f"for {purpose}", remedy))
    return checks


def _models() -> list[Check]:
    checks = [Check("model store", "good", str(store.models_folder()))]
    for name in store.names():
        if not store.is_stored(name):
            checks.append(Check(f"model {name}", "good", "will be made from its package on first use"))
            continue
        try:
            model = store.load(name)
            sessions = [model.session(part) for part in model.card.files]
            used = ", ".join(sorted({f"{session.engine} {session.precision}" for session in sessions}))
            checks.append(Check(f"model {name}", "good", f"{model.card.kind}, golden vector agrees on {used}"))
        except MienError as reason:
            checks.append(Check(f"model {name}", "bad", str(reason), f"mien models remove {name}"))
    return checks
