"""What verbs cost from start to end: their processor time as a multiple of `python -c "import typer, rich"`.

Every round runs the base and each verb once, in turns, each in a process of its own, with a model store of its own
and no settings; `mien subjects` lists a gallery of one subject, `mien compare` compares two photographs of 250x250
with the default system. The first round is not counted: it compiles, and makes the models. The multiple is taken
round by round, so that a processor that changes its speed changes both sides. `--against` measures the verbs of
another checkout in the same turns.

    python benchmarks/startup.py [--against PATH-OF-ANOTHER-CHECKOUT]
"""

import statistics
import tempfile
from pathlib import Path

import numpy as np

import command
import inputs
import machine
from mien.gallery.records import Identity, NewTemplate, Portrait
from mien.gallery.stores.sqlite import SqliteStore

ROUNDS = 15
BASE = 'python -c "import typer, rich"'
Rounds = dict[str, list[float]]


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--against", type=Path, help="another checkout, to compare with this one")
    given = parser.parse_args()
    checkouts = {"this checkout": machine.ROOT}
    if given.against:
        checkouts["the other checkout"] = given.against.resolve()
    rounds = 1 if given.smoke else ROUNDS
    with tempfile.TemporaryDirectory() as scratch:
        base, verbs = measure(checkouts, Path(scratch), rounds)
    result = {
        "rounds": rounds,
        "base": BASE,
        "base, CPU seconds": spread(base, 3),
        "verbs": {who: {verb: compared(row, base) for verb, row in rows.items()} for who, rows in verbs.items()},
    }
    if given.against:
        result["the other checkout's commit"] = machine.commit(given.against)
    command.finish("startup", result, smoke=given.smoke)


def measure(checkouts: dict[str, Path], scratch: Path, rounds: int) -> tuple[list[float], dict[str, Rounds]]:
    """CPU seconds of the base and of each checkout's verbs, round by round."""
    base: list[float] = []
    verbs: dict[str, Rounds] = {who: {} for who in checkouts}
    verbs_run = all_verbs(make_gallery(scratch / "people.gallery"), inputs.made_people(scratch / "people", 2, 1))
    for number in range(rounds + 1):
        taken = cpu_seconds(machine.ROOT, ["-c", "import typer, rich"], scratch / "base")
        if number:
            base.append(taken)
        for who, checkout in checkouts.items():
            for verb, words in verbs_run.items():
                taken = cpu_seconds(checkout, ["-m", "mien", *words], scratch / who)
                if number:
                    verbs[who].setdefault(verb, []).append(taken)
    return base, verbs


def all_verbs(gallery: Path, photographs: list[Path]) -> dict[str, list[object]]:
    """The verbs that open no model and no image; and the one that opens a whole system for two images."""
    return {
        "--help": ["--help"],
        "--version": ["--version"],
        "subjects": ["subjects", gallery],
        "doctor": ["doctor"],
        "convert-threshold": ["convert-threshold", "1.22", "--from", "l2"],
        "config list": ["config", "list"],
        "compare": ["compare", *photographs],
    }


def make_gallery(path: Path) -> Path:
    """A gallery of one subject with one template."""
    store = SqliteStore.create(str(path), Identity("contract", "model", "l2", 4))
    portrait = Portrait(b"jpeg", np.zeros((5, 2), np.float32))
    store.add([NewTemplate("Eileen Collins", "sha", np.ones(4, np.float32), portrait)])
    store.close()
    return path


def cpu_seconds(checkout: Path, arguments: list[object], home: Path) -> float:
    # 1: no match. 2: an older checkout may lack a verb; its time is that of the message.
    return command.timed(checkout, arguments, home, accepted=(0, 1, 2)).processor


def compared(verb: list[float], base: list[float]) -> dict:
    """A verb's time, and its multiple of the base's."""
    multiples = [one / other for one, other in zip(verb, base, strict=True)]
    return {"CPU seconds": spread(verb, 3), f"times {BASE}": spread(multiples, 2)}


def spread(values: list[float], digits: int) -> dict:
    """Median, lowest and highest."""
    found = {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}
    return {name: round(value, digits) for name, value in found.items()}


if __name__ == "__main__":
    main()
