"""Training speed against arcface_torch's own backbone, head and step (benchmarks/arcface_torch.py).

Both use the same batch and threads and take steps in turn; medians and the ratio of each pair are reported. Heads run
at 10k, 100k and 1M classes, full and sampled at 0.1, each in its own process, with its peak memory. PACK adds the
loader alone, the step alone, and both. GPUs are measured by benchmarks/training_gpu.py, and the loader by number of
processes by benchmarks/training_loader.py.

    python benchmarks/training.py [PACK]
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch

import command
import inputs
import machine
import training_loader
from arcface_torch import Peer
from mien.train.compute.distributed import ALONE
from mien.train.compute.memory import keep_freed_memory
from mien.train.compute.optimize import LossScale, make_optimizer
from mien.train.compute.order import BatchSlice, Readers
from mien.train.kinds import parse_recipe
from mien.train.recognizers.backbones.registry import build
from mien.train.recognizers.dataset import BatchReading, CropBatch, CropDataset, batches
from mien.train.recognizers.heads import ArcFace
from mien.train.recognizers.partial_fc import PartialFC
from mien.train.recognizers.recipe import RecognizerRecipe
from mien.train.recognizers.step import Learner, make_step

CLASSES, ROUNDS = 10_000, 7


def recipe_of(backbone: str, batch: int) -> RecognizerRecipe:
    return parse_recipe(
        {
            "name": "speed",
            "data": {"sets": ["none"]},
            "model": {"backbone": backbone},
            "optimizer": {"rate": 0.1},
            "schedule": {"batch": batch, "steps": 1},
        },
        "speed",
    )


def ours(backbone: str, batch: int, classes: int) -> tuple[Learner, RecognizerRecipe]:
    recipe = recipe_of(backbone, batch)
    network = build(backbone, 512).to(memory_format=torch.channels_last)
    head = PartialFC(ArcFace(), classes, 512, ALONE)
    optimizer = make_optimizer(network, recipe.optimizer)
    learner = Learner(backbone=network, model=network, head=head, optimizer=optimizer, scale=LossScale())
    return learner, recipe


def compare(depth: int, batch: int, classes: int = CLASSES, rounds: int = ROUNDS, warm_up: int = 2) -> dict:
    """Images per second of both, in turn."""
    generator = np.random.default_rng(0)
    crops = generator.integers(0, 256, (batch, 112, 112, 3), np.uint8)
    labels = generator.integers(0, classes, batch)
    peer, (learner, recipe) = Peer(depth, classes), ours(f"iresnet{depth}", batch, classes)
    x = (torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 127.5 - 1).contiguous()
    y = torch.from_numpy(labels)
    times: dict[str, list[float]] = {"peer": [], "mien": []}
    for index in range(rounds + warm_up):
        start = time.perf_counter()
        peer.step(x, y)
        middle = time.perf_counter()
        make_step(learner, CropBatch(index, crops, labels, labels, labels), 0.01, recipe, ALONE)
        end = time.perf_counter()
        if index >= warm_up:
            times["peer"].append(middle - start)
            times["mien"].append(end - middle)
    ratios = [a / b for a, b in zip(times["peer"], times["mien"], strict=True)]
    return {
        "batch": batch,
        "peer, images per second": batch / statistics.median(times["peer"]),
        "mien, images per second": batch / statistics.median(times["mien"]),
        "ratio": statistics.median(ratios),
        "ratios": ratios,
    }


def head_alone(who: str, classes: int, rate: float, batch: int = 128) -> dict:
    """Seconds of a head's step, and the peak memory of the process."""
    x, y = torch.randn(batch, 512), torch.randint(0, classes, (batch,))
    took = []
    if who == "peer":
        peer = Peer(None, classes, rate)
        for _ in range(4):
            start = time.perf_counter()
            peer.step(x.clone().requires_grad_(), y)
            took.append(time.perf_counter() - start)
    else:
        head = PartialFC(ArcFace(), classes, 512, ALONE, rate=rate)
        for index in range(4):
            start = time.perf_counter()
            head.choose(y.numpy(), index)
            head.loss(x.clone().requires_grad_(), y.numpy()).backward()
            head.step(0.1)
            took.append(time.perf_counter() - start)
    return {"seconds": statistics.median(took[1:]), "peak memory, MB": machine.peak_memory()}


def head_in_process(who: str, classes: int, rate: float) -> dict:
    words = [sys.executable, __file__, "--head", who, str(classes), str(rate)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "killed"}
    return json.loads(done.stdout)


def heads(sizes: tuple[int, ...], rates: tuple[float, ...] = (1.0, 0.1)) -> dict:
    found = {}
    for classes in sizes:
        for rate in rates:
            found[f"{classes} classes, rate {rate:g}"] = {
                who: head_in_process(who, classes, rate) for who in ("peer", "mien")
            }
    return found


def reading(pack: Path, batch: int = 64, steps: int = 12) -> dict:
    """The loader alone, the step alone, and both, for the fastest backbone."""
    crops = CropDataset([pack], 112, "arcface")
    return {name: read_and_step(crops, chances, batch, steps) for name, chances in training_loader.KINDS.items()}


def read_and_step(crops: CropDataset, chances: dict[str, float], batch: int, steps: int) -> dict:
    reading = BatchReading(share=BatchSlice(batch, 0, batch), seed=1, probabilities=chances, readers=Readers())
    learner, recipe = ours("mobilefacenet", batch, len(crops.classes))

    def step(one: CropBatch) -> None:
        make_step(learner, one, 0.01, recipe, ALONE)

    def rate(items: Iterable[CropBatch], work: Callable[[CropBatch], None]) -> float:
        start = time.perf_counter()
        for one in items:
            work(one)
        return steps * batch / (time.perf_counter() - start)

    queue = batches(crops, reading, 0, 3 + steps)
    warm = [next(queue) for _ in range(3)]
    for one in warm:
        step(one)
    return {
        "both": rate(queue, step),
        "step alone": rate([warm[0]] * steps, step),
        "loader alone, one thread": rate(batches(crops, reading, 0, steps), lambda one: None),
    }


def main() -> None:
    keep_freed_memory()
    parser = command.parser(__doc__)
    parser.add_argument("pack", type=Path, nargs="?", help="training crops, to measure reading them")
    parser.add_argument("--head", nargs=3, metavar=("WHO", "CLASSES", "RATE"), help="one head's step, peer or mien")
    given = parser.parse_args()
    if given.head:
        print(json.dumps(head_alone(given.head[0], int(given.head[1]), float(given.head[2]))))
        return
    result: dict = {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "peer": "arcface_torch's backbone, head and step, float32, contiguous; see benchmarks/arcface_torch.py",
    }
    result |= smoke() if given.smoke else measure(given.pack)
    command.finish("training", result, smoke=given.smoke)


def measure(pack: Path | None) -> dict:
    found: dict = {"heads": heads((10_000, 100_000, 1_000_000))}
    if pack is not None:
        found["reading, images per second"] = reading(inputs.need(pack))
    return found | {"backbones": {f"IR-{depth}": compare(depth, 32) for depth in (50, 100)}}


def smoke() -> dict:
    with tempfile.TemporaryDirectory() as scratch:
        return {
            # One of them in a process of its own; a full run starts the other in the same way.
            "heads": {"peer": head_alone("peer", 2_000, 0.1), "mien": head_in_process("mien", 2_000, 0.1)},
            "reading, images per second": reading(
                training_loader.noise_pack(Path(scratch) / "pack", 64, 8), batch=4, steps=1
            ),
            "backbones": {"IR-18": compare(18, 2, 100, rounds=1, warm_up=0)},
        }


if __name__ == "__main__":
    main()
