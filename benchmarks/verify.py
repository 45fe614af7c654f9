"""Many pairs at once: `mien verify` against `mien embed` of the same images, and against one `mien compare` per pair.

300 pairs of LFW's View 2, 150 of one person and 150 of two. Each command runs in a process of its own with the
default models, in turns; `compare` runs on ten of the pairs, and its time is scaled. Then the same pairs with every
photograph saved again at JPEG quality 75, and shrunk to nine tenths: how many scores cross the threshold, and how
many of those were near it. Last, a log of 200 pairs and the size of its page.

    python benchmarks/verify.py
"""

import csv
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

import command
import inputs
import machine
from mien.verify.decisions import PairDecision
from mien.verify.log import DecisionLog
from mien.verify.verifying import verify_pairs

PAIRS, COMPARED, ROUNDS, PAGE = 300, 10, 3, 200
ACCEPTED = (0, 1, 4, 5)


def main() -> None:
    given = command.parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        result = measure(Path(scratch), smoke=given.smoke)
    command.finish("verify", result, smoke=given.smoke)


def measure(scratch: Path, *, smoke: bool) -> dict:
    paths = inputs.lfw(scratch / "lfw", smoke=smoke, people=4, images=3)
    pairs = draw_pairs(paths, 12 if smoke else PAIRS)
    listed = write_list(scratch / "pairs.csv", pairs)
    log = verify_pairs(listed, scratch / "log")
    page = verify_pairs(write_list(scratch / "page.csv", pairs[: 6 if smoke else PAGE]), scratch / "page")
    return {
        "pairs": len(pairs),
        "images": len({path for a, b, _ in pairs for path in (a, b)}),
        "seconds": timings(scratch, listed, pairs, smoke=smoke),
        "decisions": dict(log.counts),
        "to review": len(log.to_review),
        "near the threshold": sum(is_near(one) for one in log.decisions),
        "labelled": rates(log),
        "decisions that change": {
            name: changed(scratch, name, pairs, log, change) for name, change in CHANGES.items()
        },
        f"page of {len(page.decisions)} pairs, MB": round((page.out / "report.html").stat().st_size / 1e6, 2),
    }


def draw_pairs(paths: list[Path], count: int) -> list[tuple[Path, Path, bool]]:
    """The first pairs of every fold of LFW's View 2; of made people all pairs, in turns of one and two people."""
    by_name = {path.stem: path for path in paths}
    source = inputs.DATA / "lfw" / "pairs.txt"
    if len(paths) < 1000:
        every = [(a, b, a.parent == b.parent) for at, a in enumerate(paths) for b in paths[at + 1 :]]
        same, different = ([pair for pair in every if pair[2] is kind] for kind in (True, False))
        return (same[: count // 2] + different)[:count]
    rows = [line.split("\t") for line in inputs.need(source).read_text().splitlines()[1:]]
    step = len(rows) // count
    return [lfw_pair(row, by_name) for row in rows[::step]][:count]


def lfw_pair(row: list[str], by_name: dict[str, Path]) -> tuple[Path, Path, bool]:
    one, number, *rest = row
    other, second = rest if len(rest) == 2 else (one, rest[0])
    return by_name[f"{one}_{int(number):04d}"], by_name[f"{other}_{int(second):04d}"], len(rest) == 1


def write_list(path: Path, pairs: list[tuple[Path, Path, bool]]) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("card", "selfie", "label"))
        writer.writerows((a, b, "same" if same else "different") for a, b, same in pairs)
    return path


def timings(scratch: Path, listed: Path, pairs: list[tuple[Path, Path, bool]], *, smoke: bool) -> dict:
    """Median seconds of each command, models opened and all, and the processor time of all its threads."""
    images = sorted({path for a, b, _ in pairs for path in (a, b)})
    with (scratch / "images.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("path", "subject"), *((path, path.parent.name) for path in images)])
    some = pairs[:: max(1, len(pairs) // COMPARED)][: 1 if smoke else COMPARED]
    runs: dict[str, list[command.Timed]] = {"mien verify": [], "mien embed": [], "mien compare": []}
    if not smoke:
        # The first process makes the models.
        run(scratch, "compare", *some[0][:2])
    for turn in range(1 if smoke else ROUNDS):
        verify = ("verify", listed, "--out", scratch / f"timed-{turn}")
        runs["mien verify"].append(run(scratch, *verify, smoke=smoke))
        embed = ("embed", scratch / "images.csv", "--out", scratch / f"{turn}.parquet")
        runs["mien embed"].append(run(scratch, *embed, smoke=smoke))
    started = time.perf_counter()
    runs["mien compare"] = [run(scratch, "compare", a, b, smoke=smoke) for a, b, _ in some]
    each = (time.perf_counter() - started) / len(some)
    middle = {name: sorted(rows, key=lambda row: row.wall)[len(rows) // 2] for name, rows in runs.items()}
    return {
        "mien verify": round(middle["mien verify"].wall, 2),
        "mien verify, processor": round(middle["mien verify"].processor, 2),
        "mien embed of the same images": round(middle["mien embed"].wall, 2),
        "mien embed, processor": round(middle["mien embed"].processor, 2),
        "one mien compare": round(each, 2),
        f"{len(pairs)} times mien compare": round(each * len(pairs), 1),
        "compare / verify": round(each * len(pairs) / middle["mien verify"].wall, 1),
        "verify / embed": round(middle["mien verify"].wall / middle["mien embed"].wall, 2),
        "all rounds of verify": [round(row.wall, 2) for row in runs["mien verify"]],
        "all rounds of embed": [round(row.wall, 2) for row in runs["mien embed"]],
    }


def run(scratch: Path, *arguments: object, smoke: bool = False) -> command.Timed:
    """Run a command in a process of its own; a smoke run runs it in this one."""
    if smoke:
        return command.timed_here(arguments, scratch, accepted=ACCEPTED)
    return command.timed(machine.ROOT, ("-m", "mien", *arguments), scratch / "home", accepted=ACCEPTED)


def again(image: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 75])[1].tobytes()


def shrunk(image: np.ndarray) -> bytes:
    small = cv2.resize(image, None, fx=0.9, fy=0.9, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


CHANGES: dict[str, Callable[[np.ndarray], bytes]] = {"JPEG quality 75": again, "nine tenths of the size": shrunk}


def changed(
    scratch: Path,
    name: str,
    pairs: list[tuple[Path, Path, bool]],
    before: DecisionLog,
    change: Callable[[np.ndarray], bytes],
) -> dict:
    """How many scores cross the threshold when all photographs change a little, and whether they were near it."""
    folder = scratch / name.replace(" ", "-")
    moved = {path: folder / path.parent.name / path.name for a, b, _ in pairs for path in (a, b)}
    for path, target in moved.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(change(cv2.imread(str(path))))
    listed = write_list(scratch / f"{folder.name}.csv", [(moved[a], moved[b], same) for a, b, same in pairs])
    after = verify_pairs(listed, scratch / f"{folder.name}-log")
    both = [
        (old, old.decision, new.decision)
        for old, new in zip(before.decisions, after.decisions, strict=True)
        if old.decision is not None and new.decision is not None
    ]
    steps = np.array([b.score.value - a.score.value for _, a, b in both])
    crossed = [old for old, a, b in both if a.accepted != b.accepted]
    return {
        "score, standard deviation of the change": round(float(steps.std()), 4),
        "scores that cross the threshold": len(crossed),
        "of those near it before": sum(is_near(one) for one in crossed),
    }


def is_near(one: PairDecision) -> bool:
    return any(reason.code == "near" for reason in one.reasons)


def rates(log: DecisionLog) -> dict:
    report = json.loads((log.out / "report.json").read_text())["labelled"]
    return {name: report[name] for name in ("same", "different", "fnmr", "fmr")}


if __name__ == "__main__":
    sys.exit(main())
