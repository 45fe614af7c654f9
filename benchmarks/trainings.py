"""The trainings that the documentation shows: runs them, or takes finished runs, and keeps their reports and figures.

FOLDER is a working folder as the recipes want it: data/ with the packs that they name, weights/ with the CASIA
checkpoint, data/lfw.parquet and data/lfw/. Runs go to FOLDER/runs; a finished one is not made again.

    python benchmarks/trainings.py FOLDER
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import machine
from mien.evaluate.report import read_report
from mien.train.journal import read_journal

RECIPES = ("lfw-arcface", "lfw-curricularface", "finetune-mobilefacenet-celeba", "finetune-dlib-celeba")
CASIA = "weights/mobilefacenet_casia_068.ckpt"


def mien(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "mien", *arguments], check=True)


def show(name: str) -> dict:
    mien("train", str(machine.ROOT / "recipes" / f"{name}.toml"), "--out", f"runs/{name}")
    folder = Path("runs") / name
    kept = machine.ROOT / "docs" / "reports" / f"training-{name}"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(folder / "report", kept)
    report = read_report(folder / "report" / "report.json")
    steps = [line for line in read_journal(folder / "log.jsonl") if "loss" in line]
    batch = int(
        next(
            line for line in (folder / "recipe.toml").read_text().splitlines() if line.startswith("batch =")
        ).split()[-1]
    )
    return {
        "headline": report.headline,
        "minutes of steps": sum(batch / line["speed"] for line in steps) / 60,
        "images a second": report.numbers["images a second"].value,
        "numbers": {
            key: {"value": value.value, "low": value.low, "high": value.high}
            for key, value in report.numbers.items()
            if value.value is not None
        },
    }


def casia() -> dict:
    """The CASIA checkpoint, read, exported and judged on LFW's View 2."""
    mien("export", CASIA, "--name", "casia-mbf", "--crops", "data/celeba-held-112", "--mirror")
    if not Path("casia-lfw.parquet").exists():
        mien(
            "embed",
            "data/lfw.parquet",
            "--detector",
            "scrfd",
            "--recognizer",
            "casia-mbf",
            "--out",
            "casia-lfw.parquet",
        )
    mien("evaluate", "verification", "casia-lfw.parquet", "--pairs", "data/lfw/pairs.txt", "--out", "casia-view2")
    numbers = read_report(Path("casia-view2/report.json")).numbers
    return {"accuracy": numbers["accuracy"].value, "deviation": numbers["accuracy deviation"].value}


def of_our_own() -> dict:
    """mien-r29 against the model that it was fine-tuned from, on all pairs of LFW and on View 2."""
    for name in ("dlib-resnet", "mien-r29"):
        if not Path(f"{name}-lfw.parquet").exists():
            mien("embed", "data/lfw.parquet", "--recognizer", name, "--out", f"{name}-lfw.parquet")
    mien("evaluate", "compare", "dlib-resnet-lfw.parquet", "mien-r29-lfw.parquet", "--out", "mien-r29")
    kept = machine.ROOT / "docs" / "reports" / "mien-r29-comparison"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree("mien-r29", kept)
    found = {"comparison": read_report(Path("mien-r29/report.json")).headline}
    for name in ("dlib-resnet", "mien-r29"):
        files = f"{name}-lfw.parquet", "--pairs", "data/lfw/pairs.txt", "--out", f"{name}-view2"
        mien("evaluate", "verification", *files)
        found[f"View 2, {name}"] = read_report(Path(f"{name}-view2/report.json")).headline[0]
    return found


def main() -> None:
    os.chdir(machine.need(Path(sys.argv[1])))
    result = {name: show(name) for name in RECIPES}
    machine.write("trainings", {"casia checkpoint on View 2": casia(), "mien-r29": of_our_own(), **result})


if __name__ == "__main__":
    main()
