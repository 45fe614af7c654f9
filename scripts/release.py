"""Builds a release and checks it where nothing else is: sdist and wheel in dist/, each tried in an empty environment.

    python scripts/release.py          # build and check
    python scripts/release.py --tag    # then tag the commit as vVERSION; refuses what is not ready to be a release

Checked are: both archives hold the package with its data, py.typed and licence; the wheel is made from the sdist; it
installs into an empty environment with constraints.txt; and there, in an empty home without a repository,
`mien --version` and `mien tour` work. Publishing is left to the person who releases.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
NEEDED = ("mien/py.typed", "mien/html/style.css", "mien/messages/vi.toml", "mien/version.py", "mien/recipes/")
"""What was, or could be, left out of a wheel without any test in the repository noticing."""


def version() -> str:
    """The version in src/mien/version.py."""
    text = (ROOT / "src/mien/version.py").read_text(encoding="utf-8")
    found = re.search(r'__version__ = "(.+)"', text)
    assert found is not None
    return found.group(1)


def missing(names: Sequence[str]) -> list[str]:
    """What a wheel with these names lacks."""
    wanted = [one for one in NEEDED if not any(name.startswith(one) for name in names)]
    return wanted + ([] if any(name.endswith("licenses/LICENSE") for name in names) else ["LICENSE"])


def not_ready(changelog: str, project: dict[str, object], dirty: str, tags: Sequence[str]) -> Iterator[str]:
    """A sentence for each reason why this commit cannot be tagged as a release."""
    number = version()
    if dirty:
        yield "files are not committed: git status"
    if f"v{number}" in tags:
        yield f"v{number} is tagged already: raise __version__ in src/mien/version.py"
    if not re.search(rf"^## {re.escape(number)} \(\d{{4}}-\d\d-\d\d\)$", changelog, re.MULTILINE):
        yield f"CHANGELOG.md has no heading '## {number} (YYYY-MM-DD)': date what is under Unreleased"
    if "urls" not in project:
        yield "pyproject.toml has no [project.urls]: say where the repository and its documentation are"


def python_of(place: Path) -> Path:
    """The interpreter of a virtual environment."""
    return place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _say(*command: str | Path, cwd: Path = ROOT) -> str:
    return subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout


def _build(python: Path) -> tuple[Path, Path]:
    """The sdist and the wheel, made from the sdist."""
    shutil.rmtree(DIST, ignore_errors=True)
    _say(python, "-m", "build", "--outdir", DIST, ROOT)
    sdist, wheel = next(DIST.glob("*.tar.gz")), next(DIST.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    lacking = missing(names)
    assert not lacking, f"{wheel.name} lacks {', '.join(lacking)}"
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    absent = [name for name in names if name.startswith("mien/") and f"src/{name}" not in inside]
    assert not absent, f"{sdist.name} lacks {', '.join(absent[:5])}"
    return sdist, wheel


def _try(wheel: Path, folder: Path) -> str:
    """Install the wheel into an empty environment, and run the tour there; what it printed."""
    place, home = folder / "env", folder / "home"
    venv.create(place, with_pip=True)
    home.mkdir()
    python = python_of(place)
    _say(python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", f"{wheel}[samples]", cwd=home)
    clean = {"HOME": str(home), "PATH": os.environ["PATH"], "MIEN_HOME": str(home / "mien"), "COLUMNS": "120"}

    def mien(*words: str) -> str:
        command = [str(python), "-m", "mien", *words]
        done = subprocess.run(command, cwd=home, env=clean, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (
            f"mien {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
        return done.stdout

    shown = mien("--version")
    assert shown == f"mien {version()}\n", f"the wheel says {shown!r}"
    return mien("tour")


def main() -> int:
    """Build, check, and tag where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tag", action="store_true", help="tag the commit once everything holds")
    chosen = parser.parse_args()
    if chosen.tag:
        changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        reasons = list(
            not_ready(changelog, project, _say("git", "status", "--porcelain"), _say("git", "tag").split())
        )
        if reasons:
            print("not ready for a release:\n- " + "\n- ".join(reasons))
            return 1
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        venv.create(folder / "build", with_pip=True)
        builder = python_of(folder / "build")
        _say(builder, "-m", "pip", "install", "--quiet", "build")
        sdist, wheel = _build(builder)
        print(
            f"built {sdist.name} ({sdist.stat().st_size:,} bytes) and {wheel.name} ({wheel.stat().st_size:,} bytes)"
        )
        print(_try(wheel, folder))
    print("the wheel works in an empty environment")
    if chosen.tag:
        _say("git", "tag", "-a", f"v{version()}", "-m", f"mien {version()}")
        print(f"tagged v{version()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
