"""Keeps constraints.txt: the version of every package that scripts/setup, CI and a release install.

    python scripts/constraints.py            # check: exit code 1 where a pin is missing or refused
    python scripts/constraints.py --raise    # take the newest of everything, test it, write the file

Raising resolves all extras together, makes a fresh environment in .venv-newest, and runs all tests in it. Where a
test fails, constraints.txt stays as it is, and the candidate is next to it as constraints-candidate.txt. The file
pins public versions (2.13.0, not 2.13.0+cpu), so that each platform takes its own build. Needs pip 23 or newer.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "constraints.txt"
ALTERNATIVES = ("gpu",)
"""Extras that hold another build of the same module as a second extra: resolved, never installed together with it."""
HEAD = """\
# The versions that scripts/setup, CI and releases install. Written by `python scripts/constraints.py --raise`.
"""


def requirements(project: dict[str, Any]) -> Iterator[Requirement]:
    """All that pyproject.toml asks for, with every extra."""
    for one in project["dependencies"]:
        yield Requirement(one)
    for extra in project["optional-dependencies"].values():
        yield from map(Requirement, extra)


def read_pins(text: str) -> dict[str, Version]:
    """The versions in a constraints file, by the canonical name of the package."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    pairs = (line.split("==") for line in lines if line)
    return {canonicalize_name(name): Version(version) for name, version in pairs}


def faults(asked: Iterable[Requirement], pins: dict[str, Version]) -> Iterator[str]:
    """A sentence for each dependency that has no pin, or one that it does not accept."""
    for one in asked:
        pin = pins.get(canonicalize_name(one.name))
        if pin is None:
            yield f"{one.name} has no version in constraints.txt"
        elif not one.specifier.contains(pin, prereleases=True):
            yield f"{one.name}=={pin} in constraints.txt is not {one.specifier}, which pyproject.toml asks for"


def pins_of_report(report: dict[str, Any]) -> dict[str, Version]:
    """The versions that pip resolved (its installation report), without mien itself."""
    found = (one["metadata"] for one in report["install"])
    pins = {canonicalize_name(one["name"]): Version(Version(one["version"]).public) for one in found}
    return {name: version for name, version in sorted(pins.items()) if name != "mien"}


def _project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        found: dict[str, Any] = tomllib.load(file)["project"]
    return found


def _resolve(extras: Iterable[str]) -> dict[str, Version]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--report", str(report)]
        subprocess.run([*command, f"{ROOT}[{','.join(extras)}]"], check=True, stdout=subprocess.DEVNULL)
        return pins_of_report(json.loads(report.read_text(encoding="utf-8")))


def _passes(candidate: Path, extras: Iterable[str]) -> bool:
    """Whether all tests pass in a fresh environment with the candidate's versions."""
    place = ROOT / ".venv-newest"
    venv.create(place, with_pip=True, clear=True)
    python = place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    wanted = ",".join(one for one in extras if one not in ALTERNATIVES)
    install = [python, "-m", "pip", "install", "--quiet", "-c", candidate, "-e", f"{ROOT}[{wanted}]"]
    subprocess.run(install, check=True)
    tests = [python, "-m", "pytest", "-n", "2", "--dist", "loadfile", "-q"]
    return subprocess.run(tests, cwd=ROOT, check=False).returncode == 0


def write(pins: dict[str, Version], path: Path) -> None:
    """Write a constraints file."""
    path.write_text(HEAD + "".join(f"{name}=={version}\n" for name, version in pins.items()), encoding="utf-8")


def main() -> int:
    """Check the file, or raise it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raise", dest="raised", action="store_true", help="take the newest versions that pass")
    parser.add_argument("--no-tests", action="store_true", help="with --raise: write what pip resolves, untested")
    chosen = parser.parse_args()
    project = _project()
    if not chosen.raised:
        found = list(faults(requirements(project), read_pins(FILE.read_text(encoding="utf-8"))))
        print("\n".join(found) or "constraints.txt pins every dependency")
        return 1 if found else 0
    extras = list(project["optional-dependencies"])
    candidate = ROOT / "constraints-candidate.txt"
    write(_resolve(extras), candidate)
    if not chosen.no_tests and not _passes(candidate, extras):
        print(f"tests fail with the newest versions; they are in {candidate.name}, and constraints.txt stays")
        return 1
    candidate.replace(FILE)
    print("constraints.txt is raised; see what changed with git diff constraints.txt")
    return 0


if __name__ == "__main__":
    sys.exit(main())
