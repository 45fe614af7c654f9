"""The loss curve of 200 steps on 1, 2 and 4 processes with one global batch, and of a run killed and resumed.

BatchNorm is synchronized, float32, no compilation; every process has one thread. Sums are taken in another order on
another number of processes, and training amplifies that, the more so the higher the learning rate: it is low here,
and the largest relative difference of a step's loss is stated. A resumed run must be equal to the bit.

    python benchmarks/exactness.py PACK [HEAD ...]
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import machine

STEPS, BATCH = 200, 8

RECIPE = """
name = "exactness"
[data]
sets = ["{pack}"]
[model]
backbone = "mobilefacenet"
embedding = 128
[head]
name = "{head}"
scale = 32.0
margin = 0.3
[optimizer]
rate = 0.001
rate_batch = {batch}
[schedule]
batch = {batch}
steps = {steps}
warm_up = 1.0
[run]
device = "cpu"
precision = "f32"
synchronize_norms = true
save_every = 50
"""


def losses(folder: Path) -> list[float]:
    path = folder / "log.jsonl"
    lines = (
        [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")] if path.exists() else []
    )
    return [line["loss"] for line in lines if "loss" in line]


def start(recipe: Path, out: Path, size: int) -> list[subprocess.Popen]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mien", "train", str(recipe), "--out", str(out)]
    processes = []
    for rank in range(size):
        own = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        environment = os.environ | {key: str(value) for key, value in own.items()} | {"OMP_NUM_THREADS": "1"}
        processes.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL))
    return processes


def run(recipe: Path, out: Path, size: int = 1) -> list[float]:
    codes = [process.wait() for process in start(recipe, out, size)]
    if any(codes):
        sys.exit(f"a training on {size} processes failed")
    return losses(out)


def killed(recipe: Path, out: Path) -> tuple[list[float], int]:
    """A run that is killed in the middle and run again; and the step at which it was killed."""
    process = start(recipe, out, 1)[0]
    while len(losses(out)) < STEPS * 0.6:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return (at := len(losses(out))) and run(recipe, out), at


def main() -> None:
    pack = Path(sys.argv[1]).resolve()
    result: dict = {"steps": STEPS, "batch": BATCH, "backbone": "mobilefacenet"}
    with tempfile.TemporaryDirectory() as scratch:
        for head in sys.argv[2:] or ["arcface"]:
            recipe = Path(scratch) / f"{head}.toml"
            recipe.write_text(RECIPE.format(pack=pack, head=head, batch=BATCH, steps=STEPS))
            curves = {size: run(recipe, Path(scratch) / f"{head}-{size}", size) for size in (1, 2, 4)}
            again, at = killed(recipe, Path(scratch) / f"{head}-killed")
            result[head] = {
                "first and last loss": [curves[1][0], curves[1][-1]],
                **{
                    f"largest relative difference, {size} processes": apart(curves[1], curves[size])
                    for size in (2, 4)
                },
                "killed at step": at,
                "killed and resumed is equal to the bit": again == curves[1],
            }
    machine.write("exactness", result)


def apart(a: list[float], b: list[float]) -> dict[str, float]:
    """The largest relative difference in the first 10, 50 and all steps."""
    each = [abs(x - y) / abs(x) for x, y in zip(a, b, strict=True)]
    return {f"steps 1 to {count}": max(each[:count]) for count in (10, 50, len(each))}


if __name__ == "__main__":
    main()
