"""What holds for the package as a whole."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import mien

ROOT = Path(__file__).resolve().parent.parent


def test_importing_mien_loads_no_engine_and_does_nothing() -> None:
    code = (
        "import sys, mien;"
        "heavy = {'openvino', 'onnx', 'onnxruntime', 'torch', 'faiss', 'cv2', 'typer'} & set(sys.modules);"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_every_name_of_the_api_exists_and_is_documented() -> None:
    for name in mien.__all__:
        assert getattr(mien, name).__doc__, name
        assert not (ROOT / "src/mien" / name).exists() and not (ROOT / "src/mien" / f"{name}.py").exists(), name
    with pytest.raises(AttributeError, match="it has AuditEntry, AuditLog, Consent, Gallery"):
        _ = mien.nothing


def test_the_project_names_no_machine_and_no_package_host() -> None:
    """Texts and code speak of the project alone."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split(
        "\n"
    )
    words = re.compile(
        "|".join(("/" + "work/", "/" + "opt/", "pypi" + r"\.org", "/" + "tmp/lab", "session " + "ends"))
    )
    for name in filter(None, tracked):
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".json", "") and path.is_file():
            found = words.search(path.read_text(encoding="utf-8", errors="ignore"))
            assert found is None, f"{name}: {found and found.group()}"
