"""What every benchmark states: the machine, the versions, the commit; and where its output goes."""

import json
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
DATA = Path(os.environ.get("MIEN_TEST_DATA", ROOT.parent / "shared" / "data"))
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
        "commit": _git("rev-parse", "--short", "HEAD") + ("+changes" if _git("status", "--porcelain", "src") else ""),
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=False).stdout.strip()


def peak_memory() -> int:
    """The most memory that this process held, in MB; what its parent held before it was started does not count."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return round(int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024)


def write(name: str, result: dict) -> None:
    """Print a result and put it under benchmarks/results."""
    RESULTS.mkdir(exist_ok=True)
    arguments = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv]
    value = {"command": " ".join(["python", *arguments]), "machine": describe(), **result}
    text = json.dumps(value, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n")
    print(text)


def need(path: Path) -> Path:
    """A path that a benchmark cannot do without."""
    if not path.exists():
        sys.exit(f"{path} is missing: set MIEN_TEST_DATA to the folder with the measuring data")
    return path
