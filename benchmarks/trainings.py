"""The trainings that the documentation shows: runs them, or takes finished runs, and keeps their reports and figures.

FOLDER is a working folder as the recipes need it: data/ with the packs that they name, weights/ with the CASIA
checkpoint, data/lfw.parquet and data/lfw/. Runs go to FOLDER/runs; a finished one is not made again. A smoke run
trains a tiny recipe on made people. mien-r29 is compared with its start by benchmarks/evaluation.py.

    python benchmarks/trainings.py FOLDER
"""

import os
import tempfile
import tomllib
from pathlib import Path

import command
import inputs
import machine
from evaluation import publish
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
    publish(folder / "report", reports / f"training-{recipe.stem}")
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
    result = {"casia checkpoint on View 2": casia(), **found}
    command.finish("trainings", result, smoke=False)


def smoke(folder: Path) -> dict:
    """A training of two steps on made people."""
    paths = inputs.lfw(folder / "data" / "lfw", smoke=True, people=4, images=6)
    inputs.pack(folder / "data" / "pack", paths)
    recipe = folder / "smoke.toml"
    recipe.write_text(SMOKE_RECIPE)
    return {"smoke": train(recipe, folder / "reports")}


if __name__ == "__main__":
    main()
