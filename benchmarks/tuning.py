"""What LoRA gives up: Xiaoccer's MobileFaceNet of CASIA, fine-tuned on 122 people of CelebA by thin matrices.

The recipe finetune-mobilefacenet-celeba is followed as it is, and with thin matrices of rank 8 and 32 instead of the
weights, and compared on 47 other people. Thin matrices learn at ten times the rate, as they begin at zero; nothing
was chosen on the held people. Differences from the weights before fine-tuning are paired by person. FOLDER is that of
benchmarks/distillation.py, which prepares the packs.

    python benchmarks/tuning.py FOLDER [--seeds 3]
"""

import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import command
import inputs
from distillation import RATES, compared, differences, fnmr, follow, rates
from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.operating_points import can_show
from mien.train.recipe.shipped import read_shipped

RECIPE = "finetune-mobilefacenet-celeba"
WEIGHTS = "mobilefacenet_casia_068.ckpt"
ARMS: dict[str, dict] = {
    "all weights": {},
    "LoRA, rank 8": {"lora": 8, "lora_alpha": 16.0, "freeze": [], "layer_decay": 1.0},
    "LoRA, rank 32": {"lora": 32, "lora_alpha": 64.0, "freeze": [], "layer_decay": 1.0},
}
"""What is changed in the recipe's [init]."""

FASTER = 10.0
"""Rate of thin matrices over that of weights."""


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=1, help="trainings at the same time")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (given.folder or Path(scratch)).resolve()
        prepare(folder, smoke=given.smoke)
        result = measure(folder, 1 if given.smoke else given.seeds, given.at_once, smoke=given.smoke)
    command.finish("tuning", result, smoke=given.smoke)


def prepare(folder: Path, *, smoke: bool) -> None:
    """The packs, which must be there, and the weights."""
    place = folder / "weights" / WEIGHTS
    place.parent.mkdir(parents=True, exist_ok=True)
    if smoke:
        import torch

        from mien.train.recognizers.backbones.registry import build

        for name, people in (("train", 4), ("held", 6)):
            inputs.pack(folder / "data" / f"celeba-{name}-112", inputs.made_people(folder / name, people, 5))
        torch.save(build("mobilefacenet-xiaoccer", 128).state_dict(), place)
    elif not (folder / "data" / "celeba-held-112").exists():
        sys.exit(f"{folder} has no packs: make them with `python benchmarks/distillation.py {folder} --prepare`")
    elif not place.exists():
        shutil.copy(inputs.need(inputs.DATA / "models" / WEIGHTS), place)


def measure(folder: Path, seeds: int, at_once: int, *, smoke: bool) -> dict:
    """Train every arm from every seed, and compare the held people's embeddings with those before."""
    # A smoke run trains thin matrices of one rank.
    arms = [*ARMS][:2] if smoke else [*ARMS]
    runs = [(arm, seed) for seed in range(1, seeds + 1) for arm in arms]
    with ThreadPoolExecutor(at_once) as pool:
        found = list(pool.map(lambda one: train(folder, *one, smoke=smoke), runs))
    before, pairs = found[0][0], {run: after for run, (_, after) in zip(runs, found, strict=True)}
    shown = [rate for rate in RATES if can_show(before, rate)]
    return {
        "held people": len(np.unique(before.subjects)),
        "held crops": len(before.subjects),
        "trained on": sorted({file.read_text() for file in (folder / "tuned").glob("*/device.txt")}),
        "before, FNMR %": rates(before, shown),
        "mean over seeds, FNMR %": {
            arm: {
                f"{rate:g}": round(float(np.mean([fnmr(pairs[arm, seed], rate) for seed in range(1, seeds + 1)])), 2)
                for rate in shown
            }
            for arm in arms
        },
        "difference from before, points": {
            arm: [differences(before, pairs[arm, seed]) for seed in range(1, seeds + 1)] for arm in arms
        },
    }


def train(folder: Path, arm: str, seed: int, *, smoke: bool) -> tuple[PairStatistics, PairStatistics]:
    """Follow the recipe with an arm's [init]; all comparisons of the held people, before and after."""
    run = folder / "tuned" / f"{arm.replace(' ', '-').replace(',', '').lower()}-{seed}"
    if not (run / "embeddings" / "celeba-held-after.npy").exists():
        content = read_shipped(RECIPE).content
        content |= {"name": run.name, "seed": seed, "evaluate": content["evaluate"][:1]}
        content["init"] |= ARMS[arm]
        content["optimizer"]["rate"] *= FASTER if "lora" in ARMS[arm] else 1.0
        follow(content, run, folder, smoke=smoke)
    before, after = (np.load(run / "embeddings" / f"celeba-held-{when}.npy") for when in ("before", "after"))
    return compared(before, folder), compared(after, folder)


if __name__ == "__main__":
    main()
