"""Networks compared: a crop in use on one core, a training step without a head, and landmarks that they find.

In use: processor time of OpenVINO in float32 on one thread, batches of 8, networks in turn; the fastest of the rounds
counts, so that other work on the machine matters little. Training: bf16, AdamW, on a GPU where there is one; with the
numbers that learn, and on a GPU the peak of its memory. Weights are random, which changes no time.

Landmarks: how far those that networks with KP-RPE find in crops of CelebA are from those that MTCNN found in the
photograph, and how far the pose is that alignment aims at. Crops as they are aligned, and moved, turned and scaled.

    python benchmarks/networks.py [--only use|training|landmarks] [--batch 256]
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
LARGE = ("iresnet50", "iresnet100", "vit-s", "vit-b", "vit-b-cvlface", "vit-b-kprpe")
TRAINED = (
    *("mobilefacenet-arcface", "edgeface-xs", "iresnet50", "iresnet100", "ir100-adaface"),
    *("vit-t", "vit-s", "vit-b", "vit-b + lora 8", "vit-b-cvlface", "vit-b-kprpe"),
)
LORA = " + lora "
AT_ONCE, ROUNDS, LARGE_ROUNDS = 8, 30, 6
PHOTOGRAPHS = 149
"""Of CelebA, drawn with seed 0."""

MISSED = {"as aligned": 0.0, "moved by up to 8%, turned by up to 10 degrees, 85 to 115%": 1.0}
"""How far crops are from their alignment, as shares of LIMITS."""

LIMITS = (0.08, 10.0, 0.15)
"""Share of the side, degrees, and share of the scale."""


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--only", choices=("use", "training", "landmarks"))
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=15)
    given = parser.parse_args()
    result: dict = {}
    if given.only in (None, "use"):
        names, rounds = (SMALL[2:3], 1) if given.smoke else (SMALL, ROUNDS)
        result["in use"] = in_use(names, rounds)
        if not given.smoke:
            result["in use, large"] = in_use((SMALL[0], *LARGE), LARGE_ROUNDS)
    if given.only in (None, "landmarks"):
        result["landmarks"] = landmarks(2 if given.smoke else PHOTOGRAPHS, smoke=given.smoke)
    if given.only in (None, "training"):
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


def landmarks(count: int, *, smoke: bool) -> dict:
    """Mean distances of five points, in pixels of a crop of 112: median and 95% over photographs."""
    import inputs
    from mien.detect.families import open_detector
    from mien.geometry import similarity, transform
    from mien.image import read_image
    from mien.templates import arcface_template

    if smoke:
        files = [inputs.package_file("scikit-image", "skimage/data/astronaut.png")] * count
    else:
        every = sorted(inputs.need(inputs.DATA / "celeba").rglob("*.jpg"))
        files = [every[number] for number in np.random.default_rng(0).permutation(len(every))[:count]]
    pose, generator = arcface_template(112).points, np.random.default_rng(1)
    detector, distances = open_detector(), {name: ([], []) for name in MISSED}
    for file in files:
        image = read_image(file)
        faces = detector.detect([image])[0]
        if not len(faces):
            continue
        face = max(faces, key=lambda one: one.box.width * one.box.height)
        fit = np.vstack([similarity(face.landmarks, pose), [0, 0, 1]])
        for name, share in MISSED.items():
            placed = missed(share, generator) @ fit
            own = transform(face.landmarks, placed)
            for found, points in zip(distances[name], (seen_landmarks(image, placed), pose), strict=True):
                found.append(float(np.linalg.norm(points - own, axis=1).mean()))
    return {
        name: {
            "photographs": len(found[0]),
            "found in the crop": spread(found[0]),
            "pose that alignment aims at": spread(found[1]),
        }
        for name, found in distances.items()
    }


def missed(share: float, generator: np.random.Generator) -> np.ndarray:
    """From an aligned crop to one whose alignment missed: (2, 3)."""
    shift, turn, scale = (share * limit for limit in LIMITS)
    angle = np.radians(generator.uniform(-turn, turn))
    turned = generator.uniform(1 - scale, 1 + scale) * np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    middle = np.array([55.5, 55.5])
    return np.column_stack([turned, middle - turned @ middle + generator.uniform(-shift, shift, 2) * 112])


def seen_landmarks(image: np.ndarray, placed: np.ndarray) -> np.ndarray:
    """What a network with KP-RPE finds in the crop that a matrix cuts: (5, 2) pixels."""
    from mien.align import warp
    from mien.train.compute.preprocess import prepare
    from mien.train.recognizers.backbones.backbone import BackboneInput
    from mien.train.recognizers.backbones.crop_landmarks import CropLandmarks

    crop = warp(image, placed, (112, 112))
    return CropLandmarks()(prepare(crop[None], BackboneInput(), torch.device("cpu")))[0].numpy() * 112


def spread(values: list[float]) -> dict:
    return {
        "median": round(float(np.median(values)), 2),
        "95%": round(float(np.quantile(values, 0.95)), 2),
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
