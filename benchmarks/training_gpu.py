"""Training speed on a GPU against arcface_torch's step (benchmarks/arcface_torch.py), within minutes.

    python benchmarks/training_gpu.py [--only PART,PART] [--processes 14] [--minutes 4]
    python benchmarks/training_gpu.py --smoke      # the same code on a processor, with a tiny batch

Parts: `loader` (benchmarks/training_loader.py), `ir50-512` (with 10,000 and with 600,000 classes), `ir50-128`,
`ir100-512`, and `whole`: `mien train` of IR-50 with CurricularFace at a batch of 256, reading and all, against its
step alone. Each part is a process. All compile at once, as the card idles meanwhile, and then measure one after the
other. mien and the peer take turns in blocks of steps; a part that is not ready in time is said to be so.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from contextlib import suppress
from pathlib import Path
from statistics import median

import numpy as np
import torch

import command
import training_loader
from arcface_torch import Peer
from mien.train.compute.distributed import World
from mien.train.compute.network import callable_network, use_fast_kernels
from mien.train.compute.optimize import LossScale, make_optimizer
from mien.train.kinds import parse_recipe
from mien.train.loop import StepReport, train
from mien.train.recognizers import task as recognition
from mien.train.recognizers.backbones.registry import build
from mien.train.recognizers.dataset import CropBatch
from mien.train.recognizers.heads import ArcFace
from mien.train.recognizers.partial_fc import PartialFC
from mien.train.recognizers.recipe import RecognizerRecipe
from mien.train.recognizers.step import Learner, make_step

STEPS = {
    "ir50-512": {"depth": 50, "batch": 512, "classes": [10_000, 600_000], "way": "default"},
    "ir50-128": {"depth": 50, "batch": 128, "classes": [10_000], "way": "reduce-overhead"},
    "ir100-512": {"depth": 100, "batch": 512, "classes": [10_000], "way": "default"},
}
WHOLE = {"backbone": "iresnet50", "batch": 256, "way": "default", "marks": (20, 60, 160)}
ROUNDS = 3
PRODUCTS = "tf32"


def recipe_of(content: dict) -> RecognizerRecipe:
    base = {"name": "speed", "data": {"sets": ["none"]}, "optimizer": {"rate": 0.01}}
    return parse_recipe(base | content, "speed")


def make_learner(depth: int, batch: int, way: str, world: World) -> tuple[Learner, RecognizerRecipe]:
    recipe = recipe_of({"model": {"backbone": f"iresnet{depth}"}, "schedule": {"batch": batch, "steps": 1}})
    use_fast_kernels(PRODUCTS, world.device)
    network = build(f"iresnet{depth}", 512).to(world.device).to(memory_format=torch.channels_last)
    learner = Learner(
        backbone=network,
        model=callable_network(network, recipe.run, world, way),
        head=PartialFC(ArcFace(), 2, 512, world),
        optimizer=make_optimizer(network, recipe.optimizer),
        scale=LossScale(),
        way=way,
    )
    return learner, recipe


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def wait_for_turn() -> None:
    """Give back what the card does not need, say that this part is ready, and wait."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    print("ready", flush=True)
    sys.stdin.readline()


def steps(
    depth: int, batch: int, classes: list[int], way: str, device: str, rounds: int = ROUNDS, each: int = 3
) -> dict:
    """Images per second of both for each number of classes, and how often the host waits in a step.

    In each round, the peer takes `each` steps and mien twice as many.
    """
    world = World(device=torch.device(device))
    learner, recipe = make_learner(depth, batch, way, world)
    generator = np.random.default_rng(0)
    crops = torch.from_numpy(generator.integers(0, 256, (batch, 112, 112, 3), np.uint8)).to(device)
    pixels = (crops.permute(0, 3, 1, 2).float() / 127.5 - 1).contiguous()

    def ours(labels: np.ndarray, count: int) -> None:
        for number in range(count):
            make_step(learner, CropBatch(number, crops, labels, labels, labels), 0.01, recipe, world)

    labels = generator.integers(0, 2, batch)
    ours(labels, 4 if device == "cuda" else 1)
    wait_for_turn()
    found: dict = {"way": way}
    for count in classes:
        labels = generator.integers(0, count, batch)
        learner.head = PartialFC(ArcFace(), count, 512, world)
        peer, wanted = Peer(depth, count, device=device), torch.from_numpy(labels).to(device)
        times: dict[str, list[float]] = {"peer": [], "mien": []}
        for _ in range(rounds + 1):
            use_fast_kernels("f32", world.device)
            times["peer"].append(
                timed(lambda p=peer, w=wanted: [p.step(pixels, w) for _ in range(each)], each, world)
            )
            use_fast_kernels(PRODUCTS, world.device)
            times["mien"].append(timed(lambda w=labels: ours(w, 2 * each), 2 * each, world))
        speeds = {who: batch / median(values[1:]) for who, values in times.items()}
        ratios = [a / b for a, b in zip(times["peer"][1:], times["mien"][1:], strict=True)]
        found[f"{count} classes"] = {
            "peer, images per second": round(speeds["peer"]),
            "mien, images per second": round(speeds["mien"]),
            "ratio": round(median(ratios), 2),
        }
        found["host waits per step"] = host_waits(lambda w=labels: ours(w, 1), world)
        del peer
        learner.head = PartialFC(ArcFace(), 2, 512, world)
    return found


def timed(work: object, count: int, world: World) -> float:
    """Seconds of each of `count` steps."""
    synchronize(world.device)
    start = time.perf_counter()
    work()  # type: ignore[operator]
    synchronize(world.device)
    return (time.perf_counter() - start) / count


def host_waits(work: object, world: World) -> int | None:
    """How often torch says that the host waited for the card."""
    if world.device.type != "cuda":
        return None
    torch.cuda.set_sync_debug_mode("warn")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        work()  # type: ignore[operator]
    torch.cuda.set_sync_debug_mode("default")
    return sum("synchronizing CUDA operation" in str(one.message) for one in caught)


def whole(
    pack: str, folder: str, backbone: str, batch: int, way: str, marks: tuple[int, int, int], device: str
) -> dict:
    """Images per second of a training between two steps, and of its step alone, in the same process.

    It waits for its turn after the first mark, with batches ready, which are used up before the second one.
    """
    ready, first, last = marks
    recipe = recipe_of(
        {
            "data": {"sets": [pack]},
            "model": {"backbone": backbone},
            "head": {"name": "curricularface"},
            "schedule": {"batch": batch, "steps": last},
            "run": {"compile": way, "device": device, "save_every": 10**6},
        }
    )
    kept: list[tuple] = []
    times: dict[int, float] = {}
    original = recognition.make_step

    def keep(*arguments: object, **more: object) -> object:
        kept[:] = [arguments]
        return original(*arguments, **more)

    def mark(report: StepReport) -> None:
        if report.step == ready:
            wait_for_turn()
        if report.step in (first, last):
            times[report.step] = time.perf_counter()

    recognition.make_step = keep
    train(recipe, Path(folder), on_report=mark)
    recognition.make_step = original
    learner, one, rate, recipe, world = kept[0]
    count = last - first
    timed(lambda: original(learner, one, rate, recipe, world), 1, world)
    alone = batch / timed(lambda: [original(learner, one, rate, recipe, world) for _ in range(count)], count, world)
    together = batch * count / (times[last] - times[first])
    return {
        "whole, images per second": round(together),
        "step alone, images per second": round(alone),
        "share": round(together / alone, 3),
    }


class Part:
    """A part of the measurement in a process of its own."""

    def __init__(self, name: str, arguments: dict, threads: int) -> None:
        self.name = name
        words = [sys.executable, __file__, "--child", json.dumps(arguments)]
        environment = os.environ | {"TORCHINDUCTOR_COMPILE_THREADS": str(threads)}
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        self.ready, self.lines, self.errors = threading.Event(), [""], [""]
        self.ended = threading.Event()
        self.started = time.perf_counter()
        self.warm_up = float("nan")
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_errors, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            if line == "ready\n":
                self.warm_up = time.perf_counter() - self.started
                self.ready.set()
            else:
                self.lines.append(line)
        self.ready.set()
        self.ended.set()

    def _read_errors(self) -> None:
        for line in self.process.stderr or ():
            self.errors.append(line)

    def result(self, deadline: float) -> dict:
        """Wait until it is ready, give it its turn, and return what it found."""
        found: dict = {"failed": "not ready in time"}
        if self.ready.wait(max(0.0, deadline - time.perf_counter())) and self.process.stdin:
            with suppress(OSError):
                print(file=self.process.stdin, flush=True)
            if self.ended.wait(max(0.0, deadline - time.perf_counter())):
                print("".join(self.errors), file=sys.stderr, flush=True)
                failed = {"failed": self.errors[-1].strip()}
                found = json.loads(self.lines[-1]) if self.lines[-1].startswith("{") else failed
        self.process.kill()
        self.process.wait()
        return found | {"seconds until ready": round(self.warm_up, 1)}


def child(arguments: dict) -> None:
    kind = arguments.pop("kind")
    print(json.dumps({"steps": steps, "whole": whole}[kind](**arguments)), flush=True)


def measure(chosen: set[str], minutes: float, device: str, parts: dict[str, dict], loader: dict) -> dict:
    deadline = time.perf_counter() + 60 * minutes
    found: dict = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        pack = training_loader.noise_pack(folder / "pack", **loader.pop("pack", {}))
        if "loader" in chosen:
            found["loader"] = training_loader.measure(pack, **loader)
            show("loader", found["loader"])
        started: list[Part] = []
        threads = max(1, len(os.sched_getaffinity(0)) // max(1, len(chosen & set(parts))))
        for name, arguments in parts.items():
            if name in chosen:
                more = {"pack": str(pack), "folder": str(folder / name)} if arguments["kind"] == "whole" else {}
                started.append(Part(name, {**arguments, **more, "device": device}, threads))
        for part in started:
            found[part.name] = part.result(deadline)
            show(part.name, found[part.name])
    return found


def show(name: str, found: dict) -> None:
    """Print a part's rows as they come, so that a run that is cut off has shown what it had."""
    print(f"{name}: {json.dumps(found)}", file=sys.stderr, flush=True)


def table(found: dict) -> None:
    """Print one line for each figure, after the result."""
    for name, part in found.items():
        for key, value in part.items() if isinstance(part, dict) else ():
            print(f"{name:12} {key:32} {value if not isinstance(value, dict) else json.dumps(value)}")


def main() -> None:
    parser = command.parser(__doc__)
    names = ["loader", *STEPS, "whole"]
    parser.add_argument("--only", default=",".join(names), help="parts, with commas")
    parser.add_argument("--processes", default="1,2,4,8,14", help="numbers of the loader's processes, with commas")
    parser.add_argument("--minutes", type=float, default=4.0, help="limit of the whole run")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(json.loads(given.child))
        return
    chosen = set(given.only.split(","))
    if unknown := chosen - set(names):
        parser.error(f"--only: there is no part {', '.join(sorted(unknown))}; parts are {', '.join(names)}")
    if not (given.smoke or torch.cuda.is_available()):
        sys.exit("torch sees no GPU here; benchmarks/training.py measures processors")
    counts = tuple(int(word) for word in given.processes.split(","))
    found = smoke(chosen) if given.smoke else on_gpu(chosen, given.minutes, counts)
    # A run of some parts does not replace the figures of the others.
    command.finish(
        "-".join(["training_gpu", *sorted(chosen if chosen != set(names) else ())]), found, smoke=given.smoke
    )
    table(found)
    if any("failed" in one for one in found.values() if isinstance(one, dict)):
        sys.exit("a part failed: see above")


def on_gpu(chosen: set[str], minutes: float, counts: tuple[int, ...]) -> dict:
    parts = {name: {"kind": "steps", **value} for name, value in STEPS.items()} | {
        "whole": {"kind": "whole", **WHOLE}
    }
    loader = {"counts": training_loader.usable(counts)}
    return {
        "card": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "head's products": PRODUCTS,
        **measure(chosen, minutes, "cuda", parts, loader),
    }


def smoke(chosen: set[str]) -> dict:
    parts = {
        "ir50-128": {"kind": "steps", "depth": 18, "batch": 2, "classes": [10], "way": "off", "rounds": 1, "each": 1},
        "whole": {"kind": "whole", "backbone": "mobilefacenet", "batch": 4, "way": "off", "marks": (1, 2, 3)},
    }
    loader = {"counts": (2,), "batch": 8, "seconds": 0.05, "pack": {"crops": 64, "classes": 8}}
    return measure(chosen, 5.0, "cpu", parts, loader)


if __name__ == "__main__":
    main()
