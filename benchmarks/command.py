"""The frame that all benchmarks share: arguments, `--smoke`, child processes, and the result.

    python benchmarks/NAME.py           # measures, prints the result and writes it to benchmarks/results/NAME.json
    python benchmarks/NAME.py --smoke   # runs the same code on tiny inputs in seconds and writes no file

A smoke run proves that the benchmark still works; its figures mean nothing. It exits with 0, or with 77 and a message
where it needs a package that is not installed.
"""

import argparse
import json
import subprocess
import sys
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
    """Run a `mien` command with --json; exit with its message where it fails completely."""
    command = [sys.executable, "-m", "mien", *map(str, arguments)]
    done = subprocess.run([*command, "--json"], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1, 4):
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return done


def need_package(name: str, extra: str) -> None:
    """Skip the run where a package of an extra is not installed."""
    if find_spec(name) is None:
        skip(f"{name} is not installed: pip install -e '.[{extra}]'")


def skip(reason: str) -> NoReturn:
    """End a run that cannot be made here."""
    print(f"skipped: {reason}", file=sys.stderr)
    sys.exit(SKIPPED)
