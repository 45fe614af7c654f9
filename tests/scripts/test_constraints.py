"""Any release elsewhere could break the two commands: every dependency has one version."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.version import Version


@pytest.fixture
def constraints(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("constraints")


def test_every_dependency_of_every_extra_has_a_version_that_it_accepts(
    constraints: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["constraints.py"])
    assert constraints.main() == 0, capsys.readouterr().out


def test_a_dependency_without_a_version_or_with_a_wrong_one_is_named(constraints: ModuleType) -> None:
    asked = [Requirement("Pillow>=11"), Requirement("typing_extensions>=4.12"), Requirement("scipy>=1.14")]
    pins = constraints.read_pins("# head\npillow==10.4\ntyping-extensions==4.16.0\n")
    assert list(constraints.faults(asked, pins)) == [
        "Pillow==10.4 in constraints.txt is not >=11, which pyproject.toml asks for",
        "scipy has no version in constraints.txt",
    ]


def test_pins_are_public_versions_without_mien_itself(constraints: ModuleType, tmp_path: Path) -> None:
    found = [("Torch", "2.13.0+cpu"), ("mien", "0.5.0"), ("a_b", "1")]
    report = {"install": [{"metadata": {"name": name, "version": version}} for name, version in found]}
    pins = constraints.pins_of_report(report)
    assert pins == {"a-b": Version("1"), "torch": Version("2.13.0")}
    constraints.write(pins, tmp_path / "constraints.txt")
    assert constraints.read_pins((tmp_path / "constraints.txt").read_text()) == pins
