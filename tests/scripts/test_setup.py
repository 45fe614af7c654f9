"""Installing: the first line says how long it takes, what pip does is seen, and a failure is a failure."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PYTHON = """#!/bin/sh
case "$*" in
    *"-m venv"*) mkdir -p .venv/bin; cp "$0" .venv/bin/python; cp "$0" .venv/bin/mien;;
    *"-m pip"*) echo "Downloading numpy (16 MB)"; echo "$*" > pip-said; exit PIP;;
    *--version*) echo "Python 3.11.0";;
    tour*) echo "the tour";;
esac
"""
"""Stands for Python, pip and the console script."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    (tmp_path / "pyproject.toml").write_text("[project]")
    (tmp_path / "constraints.txt").write_text("numpy==2.4.6\n")
    return tmp_path


def run(folder: Path, pip: int = 0) -> subprocess.CompletedProcess[str]:
    (folder / "python").write_text(PYTHON.replace("PIP", str(pip)))
    (folder / "python").chmod(0o755)
    environment = {"PATH": "/usr/bin:/bin", "PYTHON": str(folder / "python")}
    return subprocess.run([folder / "scripts/run"], env=environment, capture_output=True, text=True, check=False)


def test_the_first_line_says_how_long_installing_takes_and_pip_shows_what_it_does(folder: Path) -> None:
    done = run(folder)
    lines = done.stderr.splitlines()
    assert done.returncode == 0 and "minutes" in lines[0] and "GB" in lines[0]
    assert lines[1] == "Downloading numpy (16 MB)"
    assert done.stdout == "the tour\n", "results alone go to standard output"


def test_what_is_installed_is_not_installed_again(folder: Path) -> None:
    run(folder)
    assert run(folder).stderr == ""


def test_an_installation_that_failed_is_not_called_done(folder: Path) -> None:
    for _ in range(2):
        done = run(folder, pip=1)
        assert done.returncode != 0 and done.stdout == "" and "Downloading" in done.stderr


def test_a_release_of_another_project_does_not_change_what_is_installed(folder: Path) -> None:
    run(folder)
    assert "-c constraints.txt" in (folder / "pip-said").read_text()
    (folder / "constraints.txt").write_text("numpy==2.4.7\n")
    assert "Downloading" in run(folder).stderr, "a raised version is installed"
