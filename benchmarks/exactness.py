"""The loss curve of 200 steps on 1, 2 and 4 processes with one global batch, and of a run killed and resumed.

BatchNorm is synchronized, precision is float32, nothing is compiled, and every process has one thread. Sums are taken
in a different order on a different number of processes. Training amplifies that, more so at higher learning rates, so
the rate is low here and the largest relative difference of a step's loss is reported. A resumed run must equal the
uninterrupted one bit for bit.

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

import command
import inputs

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


def launch(recipe: Path, out: Path, size: int) -> list[subprocess.Popen]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "mien", "train", str(recipe), "--out", str(out)]
    processes = []
    for rank in range(size):
        own = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        environment = os.environ | {key: str(value) for key, value in own.items()} | {"OMP_NUM_THREADS": "1"}
        processes.append(subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL))
    return processes


def run(recipe: Path, out: Path, size: int = 1) -> list[float]:
    """Train to the end; a smoke run trains in this process, which saves the start of another one."""
    if "--smoke" in sys.argv:
        command.timed_here(("train", recipe, "--out", out), out.parent, accepted=(0,))
        return losses(out)
    codes = [process.wait() for process in launch(recipe, out, size)]
    if any(codes):
        sys.exit(f"a training on {size} processes failed")
    return losses(out)


def killed(recipe: Path, out: Path, steps: int) -> tuple[list[float], int]:
    """A run that is killed in the middle and run again; and the step at which it was killed."""
    process = launch(recipe, out, 1)[0]
    while len(losses(out)) < steps * 0.6 and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return (at := len(losses(out))) and run(recipe, out), at


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("pack", nargs="?", type=Path, help="training crops; a smoke run makes its own")
    parser.add_argument("heads", nargs="*", default=["arcface"])
    given = parser.parse_args()
    if not (given.smoke or given.pack):
        parser.error("PACK is missing")
    steps, sizes = (4, (1,)) if given.smoke else (STEPS, (1, 2, 4))
    result: dict = {"steps": steps, "batch": BATCH, "backbone": "mobilefacenet"}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        pack = inputs.made_pack(folder) if given.smoke else inputs.need(given.pack).resolve()
        for head in given.heads:
            recipe = folder / f"{head}.toml"
            recipe.write_text(RECIPE.format(pack=pack, head=head, batch=BATCH, steps=steps))
            result[head] = on_sizes(recipe, sizes, steps)
    command.finish("exactness", result, smoke=given.smoke)


def on_sizes(recipe: Path, sizes: tuple[int, ...], steps: int) -> dict:
    curves = {size: run(recipe, recipe.with_name(f"{recipe.stem}-{size}"), size) for size in sizes}
    again, at = killed(recipe, recipe.with_name(f"{recipe.stem}-killed"), steps)
    return {
        "first and last loss": [curves[1][0], curves[1][-1]],
        **{f"largest relative difference, {size} processes": apart(curves[1], curves[size]) for size in sizes[1:]},
        "killed at step": at,
        "killed and resumed is equal to the bit": again == curves[1],
    }


def apart(a: list[float], b: list[float]) -> dict[str, float]:
    """The largest relative difference in the first 10, 50 and all steps."""
    each = [abs(x - y) / abs(x) for x, y in zip(a, b, strict=True)]
    return {f"steps 1 to {count}": max(each[:count]) for count in (10, 50, len(each)) if count <= len(each)}


if __name__ == "__main__":
    main()
