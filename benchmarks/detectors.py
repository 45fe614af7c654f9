"""The survey of detectors on scenes of LFW people, dlib's images and LFW; mien-face timed against MTCNN.

    python benchmarks/detectors.py SCENES [--lfw FOLDER] [--max-images 200] [--detectors a,b] [--out FOLDER]

SCENES is a folder made by benchmarks/scenes.py from LFW (no model was trained on people of LFW). Runs the survey of
`mien bench detectors` on the scenes, dlib_faces and the video, with LFW portraits as images with one face in the
middle. Then times mien-face and MTCNN on the same images in turn. Writes benchmarks/results/detectors.json, and
report.md with report.json to --out (default: docs/reports/detectors).
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import command
import inputs
import machine
from mien.data.annotated import read_annotated
from mien.detect.families import open_detector
from mien.evaluate.detectors.identity import COUNTED
from mien.evaluate.detectors.survey import Plan, survey
from mien.evaluate.detectors.survey_report import survey_report
from mien.evaluate.detectors.timing import QUICK
from mien.evaluate.render import write_report
from mien.image import read_image
from mien.library.listing import detectors as installed_detectors

ROUNDS = 5


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("scenes", type=Path, nargs="?", help="made by benchmarks/scenes.py")
    parser.add_argument("--lfw", type=Path, help="a folder of portraits with one face in the middle")
    parser.add_argument("--max-images", type=int, default=200, help="per set")
    parser.add_argument("--detectors", help="comma-separated names (default: all installed)")
    parser.add_argument("--out", type=Path, default=machine.ROOT / "docs" / "reports" / "detectors")
    given = parser.parse_args()
    if given.smoke:
        smoke()
        return
    if given.scenes is None:
        parser.error("SCENES is missing")
    for name in ("scrfd-2.5g", "yunet", "ultra-light-rfb-320"):
        inputs.add_model(name)
    dlib = inputs.need(inputs.DATA / "dlib_faces")
    sets = (
        given.scenes / "manifest.parquet",
        dlib / "training_with_face_landmarks.xml",
        dlib / "testing_with_face_landmarks.xml",
    )
    shown = (dlib / "bald_guys.jpg", dlib / "2008_002470.jpg", read_annotated(sets[0]).images[4].path)
    video = inputs.DATA / "video" / "short_hamilton_clip.mp4"
    plan = Plan(sets=sets, portraits=given.lfw, video=video, max_images=given.max_images, shown=shown)
    names = given.detectors.split(",") if given.detectors else installed_detectors()
    # The page shows people, so it stays out of the repository, which keeps the report without images.
    result = compare(names, plan, given.out, Path("survey-page"))
    command.finish("detectors", result, smoke=False)


def smoke() -> None:
    """One detector on two annotated portraits and a clip of six frames."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        manifest = inputs.annotated(folder / "scenes", 2)
        video = inputs.clip(folder / "clip.mp4", smoke=True)
        shown = (read_annotated(manifest).images[0].path,)
        plan = Plan(
            sets=(manifest,),
            portraits=folder / "scenes",
            video=video,
            max_images=2,
            shown=shown,
            sizes=(COUNTED,),
            budget=QUICK,
        )
        command.finish("detectors", compare(["mien-face"], plan, folder / "report", folder / "page"), smoke=True)


def compare(names: list[str], plan: Plan, out: Path, page: Path) -> dict:
    """The survey with its page, its report without images in `out`, and mien-face and MTCNN in turn."""
    done = survey(names, plan, on_progress=lambda step: print(names[step.done - 1], "is done", file=sys.stderr))
    report = survey_report(done, plan)
    write_report(report, page)
    with tempfile.TemporaryDirectory() as scratch:
        write_report(report.model_copy(update={"galleries": ()}), Path(scratch) / "report")
        out.mkdir(parents=True, exist_ok=True)
        for name in ("report.md", "report.json"):
            shutil.copy(Path(scratch) / "report" / name, out / name)
    numbers = {key: value.model_dump(exclude_none=True) for key, value in report.numbers.items()}
    return {"in turn": in_turn(plan.sets[0], plan.max_images), "numbers": numbers}


def in_turn(scenes: Path, max_images: int) -> dict:
    """Milliseconds per image of mien-face and MTCNN, which take turns round by round, and the ratio."""
    images = [read_image(picture.path) for picture in read_annotated(scenes).images[:max_images]]
    detectors = {name: open_detector(name) for name in ("mien-face", "mtcnn")}
    took = {name: [] for name in detectors}
    for image in images[:10]:
        for detector in detectors.values():
            detector.detect([image])
    for _ in range(ROUNDS):
        for name, detector in detectors.items():
            began = time.perf_counter()
            for image in images:
                detector.detect([image])
            took[name].append(1000 * (time.perf_counter() - began) / len(images))
    medians = {name: float(np.median(values)) for name, values in took.items()}
    return {"ms": medians, "ratio": medians["mtcnn"] / medians["mien-face"], "images": len(images)}


if __name__ == "__main__":
    main()
