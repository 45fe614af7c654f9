"""Where a benchmark ran: processor, versions, commit, settings that change speed, and memory.

Measures nothing itself and writes no file.
"""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    "numpy",
    "openvino",
    "onnxruntime",
    "opencv-python-headless",
    "simplejpeg",
    "faiss-cpu",
    "dlib-bin",
    "torch",
)


def describe() -> dict:
    """Processor, cores, versions, commit, and settings that change speed."""
    info = Path("/proc/cpuinfo").read_text()
    model = next((line.split(":")[1].strip() for line in info.splitlines() if "model name" in line), "unknown")
    flags = next((line for line in info.splitlines() if line.startswith("flags")), "")
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "features": [name for name in ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16") if name in flags],
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "OPENBLAS_CORETYPE": os.environ.get("OPENBLAS_CORETYPE"),
        "commit": commit(ROOT),
    }


def commit(checkout: Path) -> str:
    """The commit of a checkout, with a mark where its source was changed."""
    changed = _git(checkout, "status", "--porcelain", "src")
    return _git(checkout, "rev-parse", "--short", "HEAD") + ("+changes" if changed else "")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _git(checkout: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", checkout, *arguments], capture_output=True, text=True, check=False
    ).stdout.strip()


def peak_memory() -> int:
    """Peak memory of this process in MB, without what its parent held before starting it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return round(int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024)
