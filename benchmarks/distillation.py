"""What a teacher is worth: MobileFaceNet on 122 people of CelebA, with and without face-reid-0095, on 47 others.

The same recipe (distil-mobilefacenet-celeba) is followed without its teacher, with it, by the teacher alone, and with
its relations too, from several seeds. The weights are those of the literature; nothing is chosen on the held people.
Differences from the training without a teacher are paired by person. What face-reid-0095 itself was trained on is not
published: it may have seen these people, its student has not seen the held ones.

    python benchmarks/distillation.py [FOLDER]            # prepares what is missing in FOLDER, then trains
    python benchmarks/distillation.py FOLDER --prepare    # only prepares: packs, the teacher, and its embeddings
"""

import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tomli_w

import command
import machine
from mien.evaluate.differences import compare
from mien.pairwise.all_pairs import PairStatistics, compare_all
from mien.pairwise.operating_points import can_show, operating_point
from mien.train.recipe.shipped import read_shipped

RECIPE = "distil-mobilefacenet-celeba"
ARMS: dict[str, dict | None] = {
    "without a teacher": None,
    "head and teacher": {},
    "teacher alone": {"head": 0.0},
    "head, teacher and its relations": {"distance": 25.0, "angle": 50.0},
}
"""What is changed in the recipe's [teacher]; RKD's weights are those of the paper (section 4.2.2)."""

BASE = "without a teacher"
RATES = (1e-1, 1e-2, 1e-3)
SEEDS = 3


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--prepare", action="store_true", help="prepare the inputs and train nothing")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--arms", nargs="+", choices=tuple(ARMS), default=list(ARMS), help="instead of all")
    parser.add_argument("--epochs", type=float, help="instead of the recipe's 40")
    parser.add_argument("--at-once", type=int, default=1, help="trainings at the same time")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (given.folder or Path(scratch)).resolve()
        prepare(folder, smoke=given.smoke)
        if given.prepare:
            return
        arms = [BASE, "head, teacher and its relations"] if given.smoke else given.arms
        runs = [(arm, seed) for seed in range(1, (1 if given.smoke else given.seeds) + 1) for arm in arms]
        result = measure(folder, runs, given.at_once, given.epochs, smoke=given.smoke)
    command.finish("distillation", result, smoke=given.smoke)


def prepare(folder: Path, *, smoke: bool) -> None:
    """The packs of both groups of people, the teacher's card and network, and its embeddings of the first pack."""
    if (folder / "teacher" / "card.toml").exists():
        return
    import inputs
    from mien.models import store

    folder.mkdir(parents=True, exist_ok=True)
    if smoke:
        for name, people in (("train", 4), ("held", 6)):
            inputs.pack(folder / "data" / f"celeba-{name}-112", inputs.made_people(folder / name, people, 5))
        teacher = store.load("dlib-resnet")
    else:
        command.mien("data", "import", inputs.need(inputs.DATA / "celeba"), "--out", folder / "celeba.parquet")
        parts = ("--part", "train=0.75", "--part", "held=0.25", "--seed", 1)
        command.mien("data", "split", folder / "celeba.parquet", "--out", folder / "parts", *parts)
        how = ("--detector", inputs.add_model("scrfd"), "--multiple-faces", "largest")
        for name in ("train", "held"):
            pack = folder / "data" / f"celeba-{name}-112"
            command.mien("data", "prepare", folder / "parts" / f"{name}.parquet", "--out", pack, *how)
        teacher = store.load(inputs.add_model("face-reid-0095"))
    shutil.copytree(teacher.folder, folder / "scratch-teacher")
    command.mien("data", "teach", folder / "data" / "celeba-train-112", "--teacher", folder / "scratch-teacher")
    (folder / "scratch-teacher").rename(folder / "teacher")
    teacher_pairs(folder)


def measure(folder: Path, runs: list[tuple[str, int]], at_once: int, epochs: float | None, *, smoke: bool) -> dict:
    """Train each arm from each seed, and compare the held people's embeddings."""
    with ThreadPoolExecutor(at_once) as pool:
        found = list(pool.map(lambda one: train(folder, *one, epochs, smoke=smoke), runs))
    pairs, arms = dict(zip(runs, found, strict=True)), list(dict.fromkeys(arm for arm, _ in runs))
    seeds = sorted({seed for _, seed in runs})
    shown = [rate for rate in RATES if can_show(found[0], rate)]
    return {
        "held people": len(np.unique(found[0].subjects)),
        "held crops": len(found[0].subjects),
        "seeds": len(seeds),
        "epochs": epochs or read_shipped(RECIPE).content["schedule"]["epochs"],
        "trained on": sorted({file.read_text() for file in (folder / "runs").glob("*/device.txt")}),
        "teacher, FNMR %": rates(teacher_pairs(folder), shown),
        "FNMR %": {arm: [rates(pairs[arm, seed], shown) for seed in seeds] for arm in arms},
        "mean over seeds, FNMR %": {
            arm: {
                f"{rate:g}": round(float(np.mean([fnmr(pairs[arm, seed], rate) for seed in seeds])), 2)
                for rate in shown
            }
            for arm in arms
        },
        f"difference from {BASE}, points": {
            arm: [differences(pairs[BASE, seed], pairs[arm, seed]) for seed in seeds] for arm in arms if arm != BASE
        },
    }


def train(folder: Path, arm: str, seed: int, epochs: float | None, *, smoke: bool) -> PairStatistics:
    """Follow the recipe with an arm's teacher; all comparisons of the held people."""
    run = folder / "runs" / f"{arm.replace(' ', '-').replace(',', '')}-{seed}"
    vectors = run / "embeddings" / "celeba-held-after.npy"
    if not vectors.exists():
        content = read_shipped(RECIPE).content
        teacher, change = content.pop("teacher"), ARMS[arm]
        if change is not None:
            content["teacher"] = teacher | {"model": "teacher"} | change
        content |= {"name": run.name.lower(), "seed": seed}
        if epochs:
            content["schedule"]["epochs"] = epochs
        follow(content, run, folder, smoke=smoke)
    return compared(np.load(vectors), folder)


def follow(content: dict, run: Path, folder: Path, *, smoke: bool) -> None:
    """Train by a recipe as a benchmark does, many at the same time, and note what it was trained on."""
    content["run"] |= {"threads": 1, "compile": "off"}  # compiling takes longer than a thousand steps
    if smoke:
        content["schedule"] = {"batch": 8, "steps": 2}
        content["run"]["device"] = "cpu"
    run.mkdir(parents=True, exist_ok=True)
    file = run.with_suffix(".toml")
    file.write_text(tomli_w.dumps(content))
    command.mien("train", file, "--out", run, folder=folder)
    (run / "device.txt").write_text(device())
    print(f"{run.name}: done", file=sys.stderr)


def device() -> str:
    """What `mien train` computes on here."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else str(machine.describe()["processor"])


def compared(vectors: np.ndarray, folder: Path) -> PairStatistics:
    """All comparisons of the held people's embeddings."""
    from mien.data.pack import Pack

    return compare_all(vectors, Pack(folder / "data" / "celeba-held-112").labels, "cosine")


def teacher_pairs(folder: Path) -> PairStatistics:
    """All comparisons of the held people by the teacher, whose embeddings are made once."""
    kept = folder / "teacher-held.npy"
    if not kept.exists():
        import torch

        from mien.data.pack import Pack
        from mien.train.recognizers.teacher import open_teacher

        crops = np.stack(list(Pack(folder / "data" / "celeba-held-112").crops()))
        teacher = open_teacher(str(folder / "teacher"), 112, "arcface", torch.device("cpu"))
        np.save(kept, teacher.open()(crops))
    return compared(np.load(kept), folder)


def fnmr(pairs: PairStatistics, rate: float) -> float:
    """In percent, at the threshold that the held people give themselves."""
    point = operating_point(pairs, rate)
    assert point.fnmr is not None
    return 100 * point.fnmr.value


def rates(pairs: PairStatistics, shown: list[float]) -> dict:
    """FNMR in percent with its interval by person, by false match rate."""
    found = {rate: operating_point(pairs, rate).fnmr for rate in shown}
    return {
        f"{rate:g}": [round(100 * value, 2) for value in (one.value, one.low, one.high)]
        for rate, one in found.items()
        if one is not None
    }


def differences(base: PairStatistics, other: PairStatistics) -> dict:
    """Points of FNMR by which the other is better (negative) or worse, paired by person, with the interval."""
    points = compare(base, other)
    return {
        f"{point.wanted:g}": [
            round(100 * value, 2) for value in (point.difference.value, point.difference.low, point.difference.high)
        ]
        for point in points
    }


if __name__ == "__main__":
    main()
