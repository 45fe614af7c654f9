"""What the tests of scripts share: a script of the repository as a module."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def load_script() -> Callable[[str], ModuleType]:
    """Loads scripts/NAME.py, which finds its neighbours as it does when it is run."""
    sys.path.append(str(ROOT / "scripts"))

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"scripts_{name}", ROOT / "scripts" / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[f"scripts_{name}"] = module
        spec.loader.exec_module(module)
        return module

    return load
