"""The survey of detectors, and our own against MTCNN: scenes of LFW people, dlib's pictures, LFW.

    python benchmarks/detectors.py SCENES [--lfw FOLDER] [--most 200] [--detectors a,b] [--out docs/reports/detectors]

SCENES is a folder that benchmarks/scenes.py made of LFW (nobody in it was trained on). Runs `mien bench detectors` on
scenes, dlib_faces and the video, with LFW portraits as pictures with one face in the middle, and then times mien-face
and MTCNN on the same pictures in turn. Writes benchmarks/results/detectors.json, and report.md with report.json.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

import machine
from mien.cli import bench
from mien.data.annotated import read_annotated
from mien.detect.families import open_detector
from mien.evaluate.detectors.survey import Plan, survey
from mien.evaluate.detectors.survey_report import survey_report
from mien.evaluate.render import write_report
from mien.image import read_image
from mien.library.import_model import ModelHints, import_model
from mien.models import store

FILES = {
    "scrfd-2.5g": ("scrfd_2.5g_bnkps.onnx", "InsightFace weights: non-commercial research"),
    "yunet": ("yunet_n_dynamic.onnx", "Apache-2.0 style"),
    "ultra-light-rfb-320": ("ultralight_rfb_320.onnx", "MIT"),
}
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--lfw", type=Path)
    parser.add_argument("--most", type=int, default=200)
    parser.add_argument("--detectors")
    parser.add_argument("--out", type=Path, default=machine.ROOT / "docs" / "reports" / "detectors")
    given = parser.parse_args()
    add_models()
    dlib = machine.need(machine.DATA / "dlib_faces")
    sets = (
        given.scenes / "manifest.parquet",
        dlib / "training_with_face_landmarks.xml",
        dlib / "testing_with_face_landmarks.xml",
    )
    shown = (dlib / "bald_guys.jpg", dlib / "2008_002470.jpg", read_annotated(sets[0]).images[4].path)
    video = machine.DATA / "video" / "short_hamilton_clip.mp4"
    plan = Plan(sets, given.lfw, video, given.most, shown)
    names = given.detectors.split(",") if given.detectors else bench.available()
    done = []
    for one in survey(names, plan):
        print(one.name, one.fault or "measured", flush=True)
        done.append(one)
    report = survey_report(done, plan)
    # The page shows people, so what is kept in the repository is the report without its pictures.
    write_report(report, Path("survey-page"))
    with tempfile.TemporaryDirectory() as scratch:
        write_report(report.model_copy(update={"galleries": ()}), Path(scratch) / "report")
        given.out.mkdir(parents=True, exist_ok=True)
        for name in ("report.md", "report.json"):
            shutil.copy(Path(scratch) / "report" / name, given.out / name)
    numbers = {key: value.model_dump(exclude_none=True) for key, value in report.numbers.items()}
    machine.write("detectors", {"in turn": in_turn(sets[0], given.most), "numbers": numbers})


def add_models() -> None:
    """The measuring folder's detectors, in the store."""
    for name, (file, licence) in FILES.items():
        data = machine.need(machine.DATA / "models" / file).read_bytes()
        store.save(*import_model(data, name, ModelHints(licence=licence, source=file)))


def in_turn(scenes: Path, most: int) -> dict:
    """Milliseconds a picture of mien-face and MTCNN, each picture by both before the next, and the ratio."""
    images = [read_image(picture.path) for picture in read_annotated(scenes).images[:most]]
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
    return {"ms": medians, "ratio": medians["mtcnn"] / medians["mien-face"], "pictures": len(images)}


if __name__ == "__main__":
    main()
