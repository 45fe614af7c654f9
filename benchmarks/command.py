"""The frame that all benchmarks share: arguments, `--smoke`, child processes, and the result.

    python benchmarks/NAME.py           # measures, prints the result and writes it to benchmarks/results/NAME.json
    python benchmarks/NAME.py --smoke   # runs the same code on tiny inputs in seconds and writes no file

A smoke run proves that the benchmark still works; its figures mean nothing. It exits with 0, or with 77 and a message
where it needs a package that is not installed.
"""

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import machine

RESULTS = machine.ROOT / "benchmarks" / "results"
SKIPPED = 77
"""Exit code of a smoke run that cannot run here, as in automake."""


def parser(description: str) -> argparse.ArgumentParser:
    """A parser that shows the module's docstring as its help and knows `--smoke`."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--smoke", action="store_true", help="run on tiny inputs and write no file")
    return made


def finish(name: str, result: dict, *, smoke: bool) -> None:
    """Print a result; write it to benchmarks/results/NAME.json unless this is a smoke run."""
    arguments = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv]
    value = {"command": " ".join(["python", *arguments]), "machine": machine.describe(), **result}
    text = json.dumps(value, indent=1)
    if not smoke:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(text + "\n")
    print(text)


def in_process(file: str, *arguments: object, python: str = sys.executable) -> dict:
    """Run a benchmark's own file with other arguments; return the JSON object that it prints last."""
    done = subprocess.run([python, file, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def mien(*arguments: object, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a `mien` command with --json; exit with its message where it fails completely.

    A smoke run calls it in its own process, which saves the start of another one.
    """
    command = [sys.executable, "-m", "mien", *map(str, arguments), "--json"]
    if "--smoke" in sys.argv:
        done = _called(command, folder)
    else:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1, 4):
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return done


def _called(command: list[str], folder: Path | None) -> subprocess.CompletedProcess[str]:
    """What a `mien` command gives when its function is called."""
    from mien.cli import run

    output, errors, before = io.StringIO(), io.StringIO(), Path.cwd()
    try:
        os.chdir(folder or before)
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            code = run(command[3:])
    finally:
        os.chdir(before)
    return subprocess.CompletedProcess(command, code, output.getvalue(), errors.getvalue())


@dataclass(frozen=True, slots=True)
class Timed:
    """What a child process took and printed.

    Attributes:
        wall: seconds.
        processor: seconds of all its processes and threads.
        output: what it printed.
        peak: memory of its largest process in MB.
    """

    wall: float
    processor: float
    output: str = ""
    peak: int = 0


def timed_here(arguments: Sequence[object], where: Path, *, accepted: Sequence[int]) -> Timed:
    """What `timed` gives for a `mien` command, by its function: a smoke run saves the start of another process.

    Args:
        arguments: what follows `mien`.
        where: the working directory.
        accepted: exit codes of a run that counts.
    """
    wall, processor = time.perf_counter(), time.process_time()
    done = _called([sys.executable, "-m", "mien", *map(str, arguments)], where)
    if done.returncode not in accepted:
        sys.exit(f"mien {' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}")
    taken = time.perf_counter() - wall, time.process_time() - processor
    return Timed(*taken, done.stdout, machine.peak_memory())


def timed(
    checkout: Path,
    arguments: Sequence[object],
    folder: Path,
    *,
    models: Path | None = None,
    where: Path | None = None,
    accepted: Sequence[int],
) -> Timed:
    """Time this interpreter with a checkout's mien, without this user's models and settings.

    Args:
        checkout: the folder whose src/mien is imported.
        arguments: what follows the interpreter.
        folder: where settings and models are looked for.
        models: another folder for models.
        where: the working directory, if it is not `folder`.
        accepted: exit codes of a run that counts; the benchmark ends with the message of any other.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folders = {"PYTHONPATH": checkout / "src", "MIEN_HOME": models or folder, "XDG_CONFIG_HOME": folder}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MIEN_")}
    environment |= {name: str(path) for name, path in folders.items()}
    words = [str(word) for word in (sys.executable, *arguments)]
    with (folder / "output.txt").open("w+") as output:
        started = time.perf_counter()
        child = subprocess.Popen(words, cwd=where or folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - started
        # Popen would otherwise wait for a process that is gone.
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if child.returncode not in accepted:
        sys.exit(f"{' '.join(words)}\n{text[-3000:]}")
    return Timed(wall, usage.ru_utime + usage.ru_stime, text, usage.ru_maxrss // 1024)


def need_package(name: str, extra: str) -> None:
    """Skip the run where a package of an extra is not installed."""
    if find_spec(name) is None:
        skip(f"{name} is not installed: pip install -e '.[{extra}]'")


def skip(reason: str) -> NoReturn:
    """End a run that cannot be made here."""
    print(f"skipped: {reason}", file=sys.stderr)
    sys.exit(SKIPPED)
