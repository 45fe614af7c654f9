"""The whole path on real sets, by the commands themselves: from import and preparation to every protocol.

Runs `mien` on LFW and on the part of CelebA for two systems, the default one and SCRFD-2.5G with MobileFaceNet, and
puts the reports without people's pictures (report.md without its pairs, report.json without its pairs, charts) under
docs/reports. The commands and their seconds stand in the result.

    python benchmarks/evaluation.py
"""

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import machine
from mien.evaluate.render import write_report
from mien.evaluate.report import read_report

REPORTS = machine.ROOT / "docs" / "reports"
SYSTEMS = {"default": ("mtcnn", "dlib-resnet"), "mobilefacenet": ("scrfd", "mobilefacenet")}


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with tarfile.open(machine.need(machine.DATA / "lfw" / "lfw-deepfunneled.tar")) as tar:
            tar.extractall(folder / "lfw", filter="data")
        for path in (machine.DATA / "lfw").glob("*.txt"):
            shutil.copy(path, folder / "lfw" / path.name)
        (folder / "celeba").symlink_to(machine.DATA / "celeba")
        (folder / "models").symlink_to(machine.DATA / "models")
        steps = [run(folder, *command.split()) for command in commands()]
        shutil.rmtree(REPORTS, ignore_errors=True)
        for report in sorted(folder.glob("report-*")):
            publish(report, REPORTS / report.name.removeprefix("report-"))
    machine.write("evaluation", {"steps": steps, "numbers": numbers()})


def commands() -> list[str]:
    made = [
        "models add models/scrfd_2.5g_bnkps.onnx --name scrfd",
        "models add models/mobilefacenet.onnx --name mobilefacenet --colour RGB",
        "data inspect lfw",
        "data import lfw --out lfw.parquet",
        "data import celeba --out celeba.parquet",
        "data prepare celeba.parquet --out celeba-112",
        "data prepare lfw.parquet --out lfw-112 --multiple-faces largest",
        "data check lfw-112",
    ]
    for name, (detector, recognizer) in SYSTEMS.items():
        made += [
            f"embed lfw.parquet --detector {detector} --recognizer {recognizer} --out {name}.parquet",
            f"evaluate verification {name}.parquet --pairs lfw/pairs.txt --out report-{name}-verification",
            f"evaluate impostor {name}.parquet --out report-{name}-impostor",
            f"evaluate mated {name}.parquet --most 1000 --out report-{name}-mated",
            f"evaluate identification {name}.parquet --out report-{name}-identification",
            f"evaluate calibrate {name}.parquet --out report-{name}-calibration",
            f"evaluate robustness {name}.parquet --most 300 --out report-{name}-synthetic",
        ]
    # Overlap needs the second system's thresholds on its card, so it comes after their calibration.
    return [
        *made,
        "evaluate compare default.parquet mobilefacenet.parquet --out report-comparison",
        "evaluate calibrate mobilefacenet.parquet --card --out report-mobilefacenet-calibration",
        "data overlap celeba.parquet lfw.parquet --detector scrfd --recognizer mobilefacenet --out overlap",
    ]


def run(folder: Path, *arguments: str) -> dict:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "mien", *arguments, "--json"], cwd=folder, capture_output=True, text=True, check=False
    )
    seconds = round(time.perf_counter() - started, 1)
    print(f"{seconds:6} s  mien {' '.join(arguments)}", file=sys.stderr, flush=True)
    if done.returncode not in (0, 4):
        sys.exit(done.stderr)
    step = {"command": "mien " + " ".join(arguments), "seconds": seconds, "exit code": done.returncode}
    if arguments[0] == "data":
        step["said"] = json.loads(done.stdout.splitlines()[-1])
    return step


def publish(source: Path, target: Path) -> None:
    """A report without pictures of people, and without files' places."""
    report = read_report(source / "report.json")
    write_report(report.model_copy(update={"pairs": ()}), target)
    (target / "report.html").unlink()


def numbers() -> dict:
    """The figures that the README shows."""
    found = {}
    for path in sorted(REPORTS.glob("*/report.json")):
        wanted = {key: value for key, value in read_report(path).numbers.items() if shown(key)}
        found[path.parent.name] = {key: value.model_dump(exclude_none=True) for key, value in wanted.items()}
    return found


def shown(key: str) -> bool:
    starts = (
        "accuracy",
        "eer",
        "d'",
        "fnmr@",
        "fmr@",
        "threshold@",
        "fnir@",
        "rank-1 ",
        "most alike",
        "fnmr difference",
    )
    return key.startswith(starts)


if __name__ == "__main__":
    main()
