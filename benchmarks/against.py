"""This checkout against another one: the same work in turns, each in a process of its own, on the same cores.

Work: whole folders to embeddings with SCRFD-2.5G and MobileFaceNet (LFW images, and photographs of 3000x2000, as in
benchmarks/folders.py), LFW with the default models, `mien data prepare`, and `mien audit`. Each is reported as wall
time and as processor time of all its processes, and as the ratio of the other checkout's time to this one's: above 1,
this one is faster. Ratios are taken round by round, after a first round that is not counted, in which models are
converted. The two commands are timed with their start, folders and LFW once the models are open.

    python benchmarks/against.py --against PATH-OF-ANOTHER-CHECKOUT

The other checkout runs with this interpreter and its packages. A smoke run compares this checkout with itself, on a
few images, with the default models.
"""

import json
import os
import resource
import shutil
import statistics
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import command
import machine

ROUNDS = 5
DONE = (0, 1, 4)
"""Exit codes of finished work: done, done with the answer no, done with some inputs failed."""
OUT = "OUT"
"""Stands for a fresh folder in the arguments of some work."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two checkouts, and the folders that it works in."""

    checkout: Path
    folder: Path
    models: Path

    def run(self, arguments: Sequence[object], accepted: Sequence[int] = DONE) -> command.Timed:
        """Run the interpreter with this checkout's mien."""
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        words = [out if word == OUT else word for word in arguments]
        return command.timed(self.checkout, words, self.folder, models=self.models, accepted=accepted)


@dataclass(frozen=True, slots=True)
class Work:
    """One thing that both checkouts do.

    Attributes:
        arguments: of the interpreter.
        images: how many images it reads.
        times_itself: whether its last line of output has its times.
    """

    arguments: tuple[object, ...]
    images: int
    times_itself: bool = False


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--against", type=Path, help="the other checkout")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--photographs", type=int, default=60)
    parser.add_argument("--only", default="", help="only the work whose name contains this")
    parser.add_argument("--child", nargs=3, metavar=("DETECTOR", "RECOGNIZER", "FOLDER"), help="embed a folder")
    given = parser.parse_args()
    if given.child:
        print(json.dumps(embed(*given.child)))
        return
    if not (given.smoke or given.against):
        parser.error("--against is missing")
    other = machine.ROOT if given.smoke else given.against.resolve()
    with tempfile.TemporaryDirectory() as scratch:
        sides = make_sides(Path(scratch), other, smoke=given.smoke)
        chosen = {name: work for name, work in make_work(Path(scratch), given).items() if given.only in name}
        result = {name: race(work, sides, smoke=given.smoke) for name, work in chosen.items()}
    command.finish("against", {"the other's commit": machine.commit(other), "work": result}, smoke=given.smoke)


def make_sides(scratch: Path, other: Path, *, smoke: bool) -> dict[str, Side]:
    """Both checkouts, each with its own models; those of the user in a smoke run, which saves converting them."""
    found = {}
    for who, checkout in (("this", machine.ROOT), ("other", other)):
        own = scratch / who
        found[who] = Side(checkout, own, Path(os.environ.get("MIEN_HOME", own)) if smoke else own)
        if not smoke:
            add_models(found[who])
    return found


def add_models(side: Side) -> None:
    """Add the models of benchmarks/folders.py by the command, which is the same in every version."""
    import folders
    import inputs

    for name in folders.SYSTEMS[folders.OURS]:
        file, hints = inputs.MODELS[name]
        words = ["-m", "mien", "models", "add", inputs.need(inputs.DATA / "models" / file), "--name", name]
        side.run([*words, *(["--colour", hints.colour] if hints.colour else [])], accepted=(0,))


def make_work(scratch: Path, given: Namespace) -> dict[str, Work]:
    """The inputs, and what is done with them."""
    import folders

    listed, photographed = folders.make_folders(scratch, given)
    small, large = linked(scratch / "small", listed), next(iter(photographed)).parent
    count, photographs = len(listed), len(photographed)
    child, default = (__file__, "--child"), folders.SYSTEMS[folders.DEFAULTS]
    pair = default if given.smoke else folders.SYSTEMS[folders.OURS]
    work = {
        "folders: LFW 250x250": Work((*child, *pair, small), count, times_itself=True),
        "folders: photographs 3000x2000": Work((*child, *pair, large), photographs, times_itself=True),
        "lfw: default models": Work((*child, *default, small), count, times_itself=True),
        "preparation: mien data prepare": Work(("-m", "mien", "data", "prepare", small, "--out", OUT), count),
        "audit: mien audit": Work(("-m", "mien", "audit", small, "--flat", "--out", OUT), count),
    }
    if given.smoke:
        # One that times itself and one that is timed; the others are run in the same ways.
        return {name: work[name] for name in ("folders: LFW 250x250", "preparation: mien data prepare")}
    return work


def linked(folder: Path, files: Iterable[Path]) -> Path:
    """A folder of links to files, each in a folder with the name of its own."""
    for file in files:
        place = folder / file.parent.name / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(file)
    return folder


def race(work: Work, sides: dict[str, Side], *, smoke: bool) -> dict:
    """Do the work on both sides in turns."""
    taken: dict[str, list[command.Timed]] = {who: [] for who in sides}
    uncounted = 0 if smoke else 1
    for number in range(uncounted + (1 if smoke else ROUNDS)):
        for who, side in sides.items():
            run = side.run(work.arguments)
            if work.times_itself:
                run = command.Timed(**json.loads(run.output.splitlines()[-1]))
            if number >= uncounted:
                taken[who].append(run)
    return {"images": work.images, **{clock: compared(taken, clock) for clock in ("wall", "processor")}}


def compared(taken: dict[str, list[command.Timed]], clock: str) -> dict:
    """Seconds of every round, and how many times as long the other checkout takes."""
    seconds = {who: [getattr(run, clock) for run in runs] for who, runs in taken.items()}
    ratios = [other / this for this, other in zip(seconds["this"], seconds["other"], strict=True)]
    return {
        "seconds": {who: [round(one, 3) for one in values] for who, values in seconds.items()},
        "other / this": round(statistics.median(ratios), 3),
        "lowest, highest": [round(min(ratios), 3), round(max(ratios), 3)],
    }


def embed(detector: str, recognizer: str, folder: str) -> dict:
    """Time files to embeddings, by what every version of mien has."""
    from mien.pipeline import open_pipeline

    pipeline = open_pipeline(detector, recognizer, many=True)
    files = sorted(Path(folder).rglob("*.jpg"))
    list(pipeline.analyse(files[:16]))
    started, processor = time.perf_counter(), cpu()
    list(pipeline.analyse(files))
    return {"wall": time.perf_counter() - started, "processor": cpu() - processor}


def cpu() -> float:
    """Processor seconds of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
