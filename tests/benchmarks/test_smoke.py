"""Every benchmark still runs: each is called with --smoke, which takes tiny inputs and writes no file."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = sorted(
    path.stem for path in (ROOT / "benchmarks").glob("*.py") if '__name__ == "__main__"' in path.read_text("utf-8")
)
SKIPPED = 77
"""Exit code of a benchmark that needs a package that is not installed; see benchmarks/command.py."""

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def started(request: pytest.FixtureRequest, home: Path) -> Iterator[dict[str, Future[Done]]]:
    """All selected benchmarks, two at a time."""
    specs = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
    names = [spec.params["name"] for spec in specs if spec is not None]
    with ThreadPoolExecutor(2) as pool:
        # One thread each: two at a time would otherwise wait for each other at every barrier.
        environment = os.environ | {"OMP_NUM_THREADS": "1", "MIEN_TEST_DATA": str(home / "nothing")}
        yield {name: pool.submit(smoke, name, environment) for name in names}


def smoke(name: str, environment: dict[str, str]) -> Done:
    command = [sys.executable, f"benchmarks/{name}.py", "--smoke"]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def files() -> dict[str, int]:
    """What a benchmark might write into, with the times of the last change."""
    folders = ("benchmarks", "docs", "src/mien/models/cards")
    found = (path for folder in folders for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts)
    return {str(path): path.stat().st_mtime_ns for path in (*found, *ROOT.iterdir()) if path.is_file()}


BEFORE = files()


def test_there_are_benchmarks() -> None:
    assert len(COMMANDS) > 20


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_benchmark_runs_on_tiny_inputs(name: str, started: dict[str, Future[Done]]) -> None:
    done = started[name].result()
    if done.returncode == SKIPPED:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip()


@pytest.mark.slow
def test_smoke_runs_write_no_file(started: dict[str, Future[Done]]) -> None:
    for future in started.values():
        future.result()
    assert files() == BEFORE


@pytest.mark.slow
@pytest.mark.parametrize("name", ["against", "detection", "detectors", "exactness", "folders", "scenes", "trainings"])
def test_a_benchmark_that_needs_arguments_says_which(name: str) -> None:
    command = [sys.executable, f"benchmarks/{name}.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"{name}.py: error: ") and last.endswith(("is missing", "are needed"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["alignment", "galleries", "lfw", "recall", "scope", "utility"])
def test_a_benchmark_without_its_data_says_what_is_missing(name: str, tmp_path: Path) -> None:
    environment = os.environ | {"MIEN_TEST_DATA": str(tmp_path / "nothing")}
    command = [sys.executable, f"benchmarks/{name}.py"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "MIEN_TEST_DATA" in done.stderr or "mien models pull" in done.stderr
