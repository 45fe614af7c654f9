"""Networks compared: a crop in use on one core, and a training step without a head.

In use: processor time of OpenVINO in float32 on one thread, batches of 8, networks in turn; the fastest of the rounds
counts, so that other work on the machine matters little. Training: bf16, AdamW, on a GPU where there is one; with the
numbers that learn, and on a GPU the peak of its memory. Weights are random, which changes no time.

    python benchmarks/networks.py [--only use|training] [--batch 256]
"""

import sys
import time
from collections.abc import Callable

import numpy as np
import torch

import command
from mien.train.recognizers import lora
from mien.train.recognizers.backbones.backbone import Backbone
from mien.train.recognizers.backbones.registry import build

SMALL = ("mobilefacenet-arcface", "mobilefacenet", "edgeface-xxs", "edgeface-xs", "edgeface-s", "iresnet18", "vit-t")
TRAINED = (
    *("mobilefacenet-arcface", "edgeface-xs", "iresnet50", "iresnet100", "ir100-adaface"),
    *("vit-t", "vit-s", "vit-b", "vit-b + lora 8", "vit-b-cvlface", "vit-b-kprpe"),
)
LORA = " + lora "
AT_ONCE, ROUNDS = 8, 30


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--only", choices=("use", "training"))
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=15)
    given = parser.parse_args()
    result: dict = {}
    if given.only != "training":
        names, rounds = (SMALL[2:3], 1) if given.smoke else (SMALL, ROUNDS)
        result["in use"] = in_use(names, rounds)
    if given.only != "use":
        names, batch, steps = (SMALL[2:3], 2, 1) if given.smoke else (TRAINED, given.batch, given.steps)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        card = torch.cuda.get_device_name() if device.type == "cuda" else "processor"
        rows: dict = {}
        for name in names:
            rows[name] = training(name, batch, steps, device)
            print(name, rows[name], file=sys.stderr, flush=True)
        result["training"] = {"device": card, "batch": batch, "networks": rows}
    command.finish(f"networks-{given.only}" if given.only else "networks", result, smoke=given.smoke)


def in_use(names: tuple[str, ...], rounds: int) -> dict:
    import openvino

    from mien.train.recognizers.export import to_onnx

    core, crops = openvino.Core(), np.random.default_rng(0).random((AT_ONCE, 3, 112, 112), np.float32)
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    networks = {
        name: core.compile_model(core.read_model(to_onnx(build(name, 512)), b""), "CPU", settings) for name in names
    }
    best = dict.fromkeys(names, float("inf"))
    for _ in range(rounds + 1):
        for name, network in networks.items():
            started = time.process_time()
            network([crops])
            best[name] = min(best[name], time.process_time() - started)
    first = best[names[0]]
    return {
        name: {"ms per crop": round(1000 * took / AT_ONCE, 2), "times the first one's speed": round(first / took, 2)}
        for name, took in best.items()
    }


def training(name: str, batch: int, steps: int, device: torch.device) -> dict:
    plain, _, rank = name.partition(LORA)
    network = build(plain, 512).to(device)
    if rank:
        lora.adapt(network, int(rank), 2.0 * int(rank))
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    on_card = device.type == "cuda"
    step = step_of(network, torch.optim.AdamW(learning, 1e-4, fused=on_card), batch, device)
    if on_card:
        torch.backends.cudnn.benchmark = True
        torch.cuda.reset_peak_memory_stats()
    for _ in range(3 if on_card else 1):
        step()
    started = time.perf_counter()
    for _ in range(steps):
        step()
    took = (time.perf_counter() - started) / steps
    row = {"images per second": round(batch / took, 1), "numbers that learn": sum(p.numel() for p in learning)}
    if on_card:
        row["peak memory, GB"] = round(torch.cuda.max_memory_allocated() / 1e9, 1)
    return row


def step_of(network: Backbone, optimizer: torch.optim.Optimizer, batch: int, device: torch.device) -> Callable:
    crops = torch.randn(batch, 3, 112, 112, device=device).to(memory_format=torch.channels_last)
    network = network.train().to(memory_format=torch.channels_last)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16):
            embeddings = network(crops)
        embeddings.float().square().mean().backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return step


if __name__ == "__main__":
    main()
