"""Every benchmark still runs: each is called with --smoke, which takes tiny inputs and writes no file."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest

from forks import CAN_FORK, Forks

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = sorted(
    path.stem for path in (ROOT / "benchmarks").glob("*.py") if '__name__ == "__main__"' in path.read_text("utf-8")
)
SKIPPED = 77
"""Exit code of a benchmark that needs a package that is not installed; see benchmarks/command.py."""

AT_ONCE = 2

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def run(forks: Forks, home: Path, tmp_path_factory: pytest.TempPathFactory) -> "Run":
    return Run(forks, home, tmp_path_factory.mktemp("benchmarks"))


class Run:
    """Runs benchmarks where there is no measuring data, each on one core: two on both would wait for each other."""

    def __init__(self, forks: Forks, home: Path, folder: Path) -> None:
        self._forks, self._folder = forks, folder
        self._cores: SimpleQueue[int | None] = SimpleQueue()
        for core in (sorted(os.sched_getaffinity(0)) * AT_ONCE)[:AT_ONCE] if CAN_FORK else [None] * AT_ONCE:
            self._cores.put(core)
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._environment = os.environ | threads | {"MIEN_TEST_DATA": str(home / "nothing")}

    def __call__(self, name: str, *arguments: str) -> Done:
        words = [f"benchmarks/{name}.py", *arguments]
        output = self._folder / "-".join((name, *arguments))
        core = self._cores.get()
        try:
            return self._forks.run(words, output, self._environment, ROOT, core)
        finally:
            self._cores.put(core)


@pytest.fixture(scope="module")
def started(request: pytest.FixtureRequest, run: Run) -> Iterator[Mapping[str, Future[Done]]]:
    """All selected benchmarks, some at a time."""
    specs = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
    names = [spec.params["name"] for spec in specs if spec is not None and "name" in spec.params]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(run, name, "--smoke") for name in names}


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
def test_a_benchmark_runs_on_tiny_inputs(name: str, started: Mapping[str, Future[Done]]) -> None:
    done = started[name].result()
    if done.returncode == SKIPPED:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip()


@pytest.mark.slow
def test_smoke_runs_write_no_file(started: Mapping[str, Future[Done]]) -> None:
    for future in started.values():
        future.result()
    assert files() == BEFORE


@pytest.mark.parametrize(
    "plain", ["against", "detection", "detectors", "exactness", "folders", "scenes", "trainings"]
)
def test_a_benchmark_that_needs_arguments_says_which(plain: str, run: Run) -> None:
    done = run(plain)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"{plain}.py: error: ") and last.endswith(("is missing", "are needed"))


@pytest.mark.parametrize("plain", ["alignment", "galleries", "lfw", "recall", "scope", "utility"])
def test_a_benchmark_without_its_data_says_what_is_missing(plain: str, run: Run) -> None:
    done = run(plain)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "MIEN_TEST_DATA" in done.stderr or "mien models pull" in done.stderr
