"""The trainings that the documentation shows: runs them, or takes finished runs, and keeps their reports and figures.

FOLDER is a working folder as the recipes need it: data/ with the packs that they name, weights/ with the CASIA
checkpoint, data/lfw.parquet and data/lfw/. Runs go to FOLDER/runs; a finished one is not made again. A smoke run
trains a tiny recipe on made people and compares the two recognizers that come with mien.

    python benchmarks/trainings.py FOLDER
"""

import os
import shutil
import tempfile
import tomllib
from pathlib import Path

import command
import inputs
import machine
from mien.evaluate.report import read_report
from mien.train.recipe.shipped import FOLDER
from mien.train.run.journal import read_journal

RECIPES = ("lfw-arcface", "lfw-curricularface", "finetune-mobilefacenet-celeba", "finetune-dlib-celeba")
CASIA = "weights/mobilefacenet_casia_068.ckpt"


REPORTS = machine.ROOT / "docs" / "reports"
SMOKE_RECIPE = """
name = "smoke"
[data]
sets = ["data/pack"]
[model]
backbone = "mobilefacenet"
embedding = 32
[head]
name = "arcface"
[optimizer]
rate = 0.01
[schedule]
batch = 4
steps = 2
[run]
device = "cpu"
precision = "f32"
"""


def train(recipe: Path, reports: Path) -> dict:
    """Train, or go on with a run, and keep its report in `reports`."""
    folder = Path("runs") / recipe.stem
    command.mien("train", recipe, "--out", folder)
    kept = reports / f"training-{recipe.stem}"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(folder / "report", kept)
    report = read_report(folder / "report" / "report.json")
    steps = [line for line in read_journal(folder / "log.jsonl") if "loss" in line]
    batch = tomllib.loads((folder / "recipe.toml").read_text())["schedule"]["batch"]
    return {
        "headline": report.headline,
        "minutes of steps": sum(batch / line["speed"] for line in steps) / 60,
        "images per second": report.numbers["images per second"].value,
        "numbers": {
            key: {"value": value.value, "low": value.low, "high": value.high}
            for key, value in report.numbers.items()
            if value.value is not None
        },
    }


def casia() -> dict:
    """The CASIA checkpoint, read, exported and evaluated on LFW's View 2."""
    command.mien("export", CASIA, "--name", "casia-mbf", "--crops", "data/celeba-held-112", "--mirror")
    if not Path("casia-lfw.parquet").exists():
        words = "--detector", "scrfd", "--recognizer", "casia-mbf", "--out", "casia-lfw.parquet"
        command.mien("embed", "data/lfw.parquet", *words)
    command.mien(
        "evaluate", "verification", "casia-lfw.parquet", "--pairs", "data/lfw/pairs.txt", "--out", "casia-view2"
    )
    numbers = read_report(Path("casia-view2/report.json")).numbers
    return {"accuracy": numbers["accuracy"].value, "deviation": numbers["accuracy deviation"].value}


def our_own(reports: Path) -> dict:
    """mien-r29 against the model that it was fine-tuned from, on all pairs of LFW and on View 2."""
    for name in ("dlib-resnet", "mien-r29"):
        if not Path(f"{name}-lfw.parquet").exists():
            command.mien("embed", "data/lfw.parquet", "--recognizer", name, "--out", f"{name}-lfw.parquet")
    command.mien("evaluate", "compare", "dlib-resnet-lfw.parquet", "mien-r29-lfw.parquet", "--out", "mien-r29")
    kept = reports / "mien-r29-comparison"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree("mien-r29", kept)
    found = {"comparison": read_report(Path("mien-r29/report.json")).headline}
    for name in ("dlib-resnet", "mien-r29"):
        files = f"{name}-lfw.parquet", "--pairs", "data/lfw/pairs.txt", "--out", f"{name}-view2"
        command.mien("evaluate", "verification", *files)
        found[f"View 2, {name}"] = read_report(Path(f"{name}-view2/report.json")).headline[0]
    return found


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    given = parser.parse_args()
    if given.smoke:
        with tempfile.TemporaryDirectory() as scratch:
            os.chdir(scratch)
            command.finish("trainings", smoke(Path(scratch)), smoke=True)
            os.chdir(machine.ROOT)
        return
    if given.folder is None:
        parser.error("FOLDER is missing")
    os.chdir(inputs.need(given.folder))
    found = {name: train(FOLDER / f"{name}.toml", REPORTS) for name in RECIPES}
    result = {"casia checkpoint on View 2": casia(), "mien-r29": our_own(REPORTS), **found}
    command.finish("trainings", result, smoke=False)


def smoke(folder: Path) -> dict:
    """A training of two steps, and our own recognizer's comparison, on made people."""
    paths = inputs.lfw(folder / "data" / "lfw", smoke=True, people=4, images=6)
    inputs.pairs_file(folder / "data" / "lfw" / "pairs.txt", smoke=True)
    inputs.pack(folder / "data" / "pack", paths)
    command.mien("data", "import", "data/lfw/images_deepfunneled", "--out", "data/lfw.parquet")
    recipe = folder / "smoke.toml"
    recipe.write_text(SMOKE_RECIPE)
    return {"mien-r29": our_own(folder / "reports"), "smoke": train(recipe, folder / "reports")}


if __name__ == "__main__":
    main()
