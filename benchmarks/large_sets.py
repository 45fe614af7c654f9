"""The size of the real thing: a made RecordIO set with MS1M's classes and tail, through every stage of a training.

Makes 1,000,000 small JPEGs in 85,742 classes, then inspects, imports, prepares and checks them, plans a training of
ResNet-100 with partial FC, and trains 50 steps on the processor: killed after a checkpoint, and resumed. Each stage
runs in its own process; its wall time, processor time and peak memory are recorded. From them follow the figures for
5.8 million (MS1M), 17 million (Glint360K) and 42 million crops (WebFace42M): on the line through the set and a tenth
of it, which is made too.

The crops are a few hundred smooth patterns of 4 KB, half the size of faces, so that 10 GB of disk are enough. FOLDER
keeps everything, and a stage that is done there is not repeated.

    python benchmarks/large_sets.py [FOLDER]
"""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import command
import machine

CROPS, CLASSES = 1_000_000, 85_742
PATTERNS = 300
STEPS, SAVED, BATCH = 50, 10, 2
TARGETS = {"MS1M, 5.8 million": 5_800_000, "Glint360K, 17 million": 17_000_000, "WebFace42M, 42 million": 42_000_000}
TAIL = 1.2
"""Standard deviation of the logarithm of a class's size: MS1M has classes of 2 and of several hundred crops."""


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--make", type=int, nargs=2, metavar=("CROPS", "CLASSES"), help="write a set into FOLDER")
    given = parser.parse_args()
    crops, classes = (800, 40) if given.smoke else (CROPS, CLASSES)
    if given.make:
        write_set(given.folder, *given.make)
        return
    if given.folder is not None:
        given.folder.mkdir(parents=True, exist_ok=True)
        result = measure(given.folder.resolve(), crops, classes, smoke=given.smoke)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            result = measure(Path(scratch), crops, classes, smoke=given.smoke)
    command.finish("large_sets", result, smoke=given.smoke)


def measure(folder: Path, crops: int, classes: int, *, smoke: bool) -> dict:
    """Every stage's time and memory on the set and on a tenth of it, and the line through both to larger sets."""
    whole = prepared(folder / "whole", crops, classes, smoke=smoke)
    # A smoke run saves four processes; its line has no meaning anyway.
    tenth = whole if smoke else prepared(folder / "tenth", crops // 10, classes // 10, smoke=smoke)
    words = recipe(crops, smoke=smoke)
    trained = {"dry run": stage(folder / "whole", "dry run", ("train", *words, "--dry-run"), smoke=smoke)}
    trained |= training(folder / "whole", words, smoke=smoke)
    sizes = {name: size_of(folder / "whole" / name) / 1e9 for name in ("set", "pack", "set.parquet")}
    return {
        "crops": crops,
        "classes": classes,
        "GB on disk": {name: round(size, 3) for name, size in sizes.items()},
        "a tenth of it": tenth,
        "stages": whole | trained,
        "on the line through both": {
            name: {one: line(tenth[one], whole[one], 10 * (count - crops) / (9 * crops)) for one in whole}
            for name, count in TARGETS.items()
        },
    }


def prepared(folder: Path, crops: int, classes: int, *, smoke: bool) -> dict:
    """Make a set and take it from RecordIO to a checked pack."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "set" / "property").exists():
        # Peaks of children include what this process holds when it starts them, so it imports nothing large.
        command.in_process(__file__, folder / "set", "--make", crops, classes)
    stages = {
        "inspect": ("data", "inspect", "set"),
        "import": ("data", "import", "set", "--out", "set.parquet", "--overwrite"),
        "prepare": ("data", "prepare", "set.parquet", "--out", "pack"),
        "check": ("data", "check", "pack"),
    }
    return {name: stage(folder, name, words, smoke=smoke) for name, words in stages.items()}


def write_set(folder: Path, crops: int, classes: int) -> None:
    """A RecordIO set of made crops whose classes have a long tail."""
    import numpy as np

    from mien.data.recordio import PackWriter
    from mien.data.shards import encode_crop
    from packs import smooth

    generator = np.random.default_rng(0)
    patterns = [encode_crop(smooth(generator), 60) for _ in range(PATTERNS)]
    shutil.rmtree(folder, ignore_errors=True)
    with PackWriter(folder) as writer:
        for label, count in enumerate(class_sizes(crops, classes)):
            for number in range(count):
                writer.add(patterns[(label * 7 + number) % PATTERNS], label)
        writer.close(112, 112)
    print(json.dumps({"crops": crops}))


def class_sizes(crops: int, classes: int) -> list[int]:
    """Numbers of crops with a long tail: at least 2 for each class, and `crops` in all."""
    import numpy as np

    weights = np.random.default_rng(1).lognormal(0, TAIL, classes)
    shares = weights / weights.sum() * (crops - 2 * classes)
    sizes = 2 + np.floor(shares).astype(int)
    sizes[np.argsort(shares % 1)[::-1][: crops - sizes.sum()]] += 1
    return sizes.tolist()


def recipe(crops: int, *, smoke: bool) -> list[str]:
    """ResNet-100 on MS1M as it ships, with partial FC, on a processor, in batches that it can hold."""
    steps = 6 if smoke else STEPS
    settings = {
        "data.sets": '["pack"]',
        "evaluate": "[]",
        "head.sample": 0.1,
        "schedule.batch": BATCH,
        "schedule.epochs": steps / (crops // BATCH),
        "run.save_every": SAVED,
        "run.keep": 1,
        "run.device": "cpu",
    }
    if smoke:
        settings |= {"model.backbone": "mobilefacenet", "run.save_every": 2, "head.sample": 0.5}
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    return ["arcface-r100-ms1m", *words]


def stage(folder: Path, name: str, words: tuple[str, ...], *, smoke: bool) -> dict:
    """Run a stage of mien in its own process, or this one in a smoke run, unless its figures are there already."""
    kept = folder / f"{name}.json"
    if not kept.exists():
        accepted, command_line = (0, 1, 4), (*words, "--json")
        if smoke:
            done = command.timed_here(command_line, folder, accepted=accepted)
        else:
            program = ("-m", "mien", *command_line)
            done = command.timed(machine.ROOT, program, folder / "work", accepted=accepted, where=folder)
        figures = {"seconds": round(done.wall, 1), "processor seconds": round(done.processor, 1), "MB": done.peak}
        kept.write_text(json.dumps(figures))
        print(f"{name}: {figures}", file=sys.stderr)
    return json.loads(kept.read_text())


def training(folder: Path, words: list[str], *, smoke: bool) -> dict:
    """Train until a checkpoint is written, kill the process, and go on to the end."""
    kept = folder / "trained.json"
    if not kept.exists():
        run = folder / "run"
        shutil.rmtree(run, ignore_errors=True)
        first = killed(folder, run, ("train", *words, "--out", "run", "--json"), 0 if smoke else 10)
        resumed = stage(folder, "resumed", ("train", *words, "--out", "run"), smoke=smoke)
        steps = losses(run)
        assert [one["step"] for one in steps] == list(range(1, len(steps) + 1)), "a step is missing after the resume"
        figures = {
            "training, killed": first,
            "training, resumed": {**resumed, "from step": first["saved step"], "to step": steps[-1]["step"]},
            "a step": {"seconds": round(statistics.median(BATCH / one["speed"] for one in steps), 2)},
            "a checkpoint": {"MB": round(size_of(newest(run)) / 1e6)},
        }
        kept.write_text(json.dumps(figures))
    return json.loads(kept.read_text())


def killed(folder: Path, run: Path, words: tuple[str, ...], longer: float) -> dict:
    """Start a training and kill it some seconds after its first checkpoint."""
    environment = os.environ | {"PYTHONPATH": str(machine.ROOT / "src")}
    started, peak = time.perf_counter(), 0
    with (folder / "first.txt").open("w") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "mien", *words], cwd=folder, env=environment, stdout=output, stderr=output
        )
        while newest(run) is None and child.poll() is None:
            peak = max(peak, resident(child.pid))
            time.sleep(0.2)
        time.sleep(longer)
        child.send_signal(signal.SIGKILL)
        child.wait()
    saved = newest(run)
    if saved is None:
        sys.exit((folder / "first.txt").read_text()[-3000:])
    seconds = round(time.perf_counter() - started, 1)
    return {"seconds": seconds, "MB": peak, "saved step": int(saved.name[5:]), "last step": losses(run)[-1]["step"]}


def newest(run: Path) -> Path | None:
    """The last complete checkpoint of a run."""
    return max((run / "checkpoints").glob("step-*"), default=None)


def losses(run: Path) -> list[dict]:
    """The lines of a run's log that are about steps."""
    lines = (run / "log.jsonl").read_text().splitlines()
    return [one for one in map(json.loads, lines) if "loss" in one]


def resident(process: int) -> int:
    """The memory of a process in MB."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")), 0)


def line(tenth: dict, whole: dict, further: float) -> dict:
    """Hours of processor and GB of memory on the line through a tenth and the whole, `further` lengths beyond."""

    def at(name: str) -> float:
        return whole[name] + (whole[name] - tenth[name]) * further

    return {
        "hours of processor": round(at("processor seconds") / 3600, 2), "GB of memory": round(at("MB") / 1000, 1)
    }  # fmt: skip


def size_of(path: Path) -> int:
    """The bytes of a file, or of all files in a folder."""
    return (
        sum(one.stat().st_size for one in path.rglob("*") if one.is_file()) if path.is_dir() else path.stat().st_size
    )


if __name__ == "__main__":
    main()
