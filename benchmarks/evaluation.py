"""The whole path on real data sets, by the commands themselves: import, preparation and every protocol.

Runs `mien` on LFW and on the part of CelebA for four systems: the default one, MTCNN with face-reid-0095 and with
mien-r29, and SCRFD-2.5G with MobileFaceNet. With --system, the protocols of that system alone, on LFW; the result is
in evaluation-NAME.json then. mien-r29 is compared with the default one, from which it was fine-tuned.
Copies report.json of each report, without images of people, to docs/reports.
The result lists the commands with their seconds.

    python benchmarks/evaluation.py [--system NAME]
"""

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import command
import inputs
import machine
from mien.evaluate.report import read_report

REPORTS = machine.ROOT / "docs" / "reports"
SYSTEMS = {
    "default": ("mtcnn", "dlib-resnet"),
    "face-reid-0095": ("mtcnn", "face-reid-0095"),
    "mien-r29": ("mtcnn", "mien-r29"),
    "mobilefacenet": ("scrfd", "mobilefacenet"),
}


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--system", choices=SYSTEMS, help="this system alone")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        reports = folder / "published" if given.smoke else REPORTS
        made = smoke_commands(folder) if given.smoke else commands(folder, given.system)
        steps = [run(folder, *one.split()) for one in made]
        published = [publish(one, reports / one.name.removeprefix("report-")) for one in folder.glob("report-*")]
        result = {"steps": steps, "numbers": {one.name: numbers(one) for one in sorted(published)}}
    command.finish("evaluation" + (f"-{given.system}" if given.system else ""), result, smoke=given.smoke)


def commands(folder: Path, system: str | None) -> list[str]:
    """The commands of all systems or one, on data sets that are laid out or linked in `folder`."""
    inputs.lfw(folder / "lfw", smoke=False)
    for path in (inputs.DATA / "lfw").glob("*.txt"):
        shutil.copy(path, folder / "lfw" / path.name)
    (folder / "celeba").symlink_to(inputs.need(inputs.DATA / "celeba"))
    for name in ("scrfd", "mobilefacenet", "face-reid-0095"):
        inputs.add_model(name)
    if system is not None:
        first = [embed("default")] if system == "mien-r29" else []
        return ["data import lfw --out lfw.parquet", *first, *of_system(system)]
    made = [
        "data inspect lfw",
        "data import lfw --out lfw.parquet",
        "data import celeba --out celeba.parquet",
        "data prepare celeba.parquet --out celeba-112",
        "data prepare lfw.parquet --out lfw-112 --multiple-faces largest",
        "data check lfw-112",
    ]
    for name in SYSTEMS:
        made += of_system(name)
    # Overlap needs the second system's thresholds on its card, so it comes after their calibration.
    return [
        *made,
        "evaluate compare default.parquet face-reid-0095.parquet --out report-comparison",
        "evaluate calibrate mobilefacenet.parquet --card --out report-mobilefacenet-calibration",
        "data overlap celeba.parquet lfw.parquet --detector scrfd --recognizer mobilefacenet --out overlap",
    ]


def of_system(name: str) -> list[str]:
    """Embedding LFW with a system, and every protocol."""
    made = [embed(name), *protocols(name, 20, 300)]
    if name == "mien-r29":
        made.append("evaluate compare default.parquet mien-r29.parquet --out report-mien-r29-comparison")
    return made


def embed(name: str) -> str:
    detector, recognizer = SYSTEMS[name]
    return f"embed lfw.parquet --detector {detector} --recognizer {recognizer} --out {name}.parquet"


def protocols(name: str, samples: int, images: int) -> list[str]:
    """Every protocol on one embedding file."""
    return [
        f"evaluate verification {name}.parquet --pairs lfw/pairs.txt --out report-{name}-verification",
        f"evaluate impostor {name}.parquet --out report-{name}-impostor",
        f"evaluate mated {name}.parquet --max-samples {samples} --out report-{name}-mated",
        f"evaluate identification {name}.parquet --out report-{name}-identification",
        f"evaluate calibrate {name}.parquet --out report-{name}-calibration",
        f"evaluate robustness {name}.parquet --max-images {images} --out report-{name}-synthetic",
    ]


def smoke_commands(folder: Path) -> list[str]:
    """The same commands on made people, for the default system alone."""
    inputs.lfw(folder / "lfw", smoke=True, people=80, images=2)
    inputs.pairs_file(folder / "lfw" / "pairs.txt", smoke=True)
    return [
        "data import lfw/images_deepfunneled --out lfw.parquet",
        "data prepare lfw.parquet --out lfw-112 --multiple-faces largest",
        "data check lfw-112",
        "embed lfw.parquet --out default.parquet",
        *protocols("default", 10, 2),
        "evaluate compare default.parquet default.parquet --out report-comparison",
    ]


def run(folder: Path, *arguments: str) -> dict:
    started = time.perf_counter()
    done = command.mien(*arguments, folder=folder)
    seconds = round(time.perf_counter() - started, 1)
    print(f"{seconds:6} s  mien {' '.join(arguments)}", file=sys.stderr, flush=True)
    step = {"command": "mien " + " ".join(arguments), "seconds": seconds, "exit code": done.returncode}
    if arguments[0] == "data":
        step["reported"] = json.loads(done.stdout.splitlines()[-1])
    return step


def publish(source: Path, target: Path) -> Path:
    """Copy a report without images of people and without paths of files; scripts/docs draws its page and charts."""
    report = read_report(source / "report.json").model_copy(update={"pairs": ()})
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    left_out = None if report.thresholds else {"thresholds"}
    (target / "report.json").write_text(report.model_dump_json(indent=1, exclude=left_out), encoding="utf-8")
    return target


def numbers(folder: Path) -> dict:
    """The figures that the README shows."""
    found = read_report(folder / "report.json").numbers
    return {key: value.model_dump(exclude_none=True) for key, value in found.items() if shown(key)}


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
