"""Whole folders, photographs to embeddings: mien against insightface's own loop, on the same two ONNX files.

1,000 LFW images, and 200 photographs of 3000x2000 with 1 to 8 faces (LFW scenes enlarged and laid on a wall).
SCRFD-2.5G and MobileFaceNet in both. The peer runs in its own environment (pip install insightface onnxruntime),
in turns with mien, each with its models open and warmed up, on the same cores:

    python benchmarks/folders.py --peer-python PEER/bin/python
"""

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import machine

ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer-python", help="the interpreter that has insightface")
    parser.add_argument("--child", choices=("mien", "peer"))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--photographs", type=int, default=200)
    options = parser.parse_args()
    if options.child:
        print(json.dumps({"mien": run_mien, "peer": run_peer}[options.child](sorted(options.folder.rglob("*.jpg")))))
        return
    with tempfile.TemporaryDirectory() as scratch:
        small, large = make_folders(Path(scratch), options.images, options.photographs)
        result = {"LFW 250x250": race(small, options), "photographs 3000x2000": race(large, options)}
    machine.write("folders", {"rounds": ROUNDS, **result})


def race(folder: Path, options: argparse.Namespace) -> dict:
    """Alternate both, and compare their medians."""
    runs: dict[str, list[dict]] = {"mien": [], "peer": []}
    for _ in range(ROUNDS):
        for who, python in (("mien", sys.executable), ("peer", options.peer_python)):
            command = [python, __file__, "--child", who, "--folder", str(folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(done.stderr)
            runs[who].append(json.loads(done.stdout.splitlines()[-1]))
    middle = {who: sorted(rows, key=lambda row: row["images a second"])[ROUNDS // 2] for who, rows in runs.items()}
    return {
        **middle,
        "mien / peer": round(middle["mien"]["images a second"] / middle["peer"]["images a second"], 2),
        "all rounds": {who: [row["images a second"] for row in rows] for who, rows in runs.items()},
    }


def make_folders(scratch: Path, images: int, photographs: int) -> tuple[Path, Path]:
    import cv2
    import numpy as np

    with tarfile.open(machine.need(machine.DATA / "lfw" / "lfw-deepfunneled.tar")) as tar:
        members = [member for member in tar if member.name.endswith(".jpg")]
        tar.extractall(scratch / "lfw", members[:: len(members) // images][:images], filter="data")
    files = sorted((scratch / "lfw").rglob("*.jpg"))
    large = scratch / "large"
    large.mkdir()
    generator = np.random.default_rng(5)
    for number in range(photographs):
        wall = cv2.resize(cv2.imread(str(files[number])), (3000, 2000), interpolation=cv2.INTER_CUBIC)
        wall = cv2.GaussianBlur(wall, (0, 0), 25)
        noise = generator.integers(0, 12, (500, 750, 3), np.uint8)
        wall = cv2.add(wall, cv2.resize(noise, (3000, 2000)))
        spots = generator.permutation(8)[: generator.integers(1, 9)]
        for spot in spots:
            side = int(generator.integers(420, 740))
            person = cv2.imread(str(files[generator.integers(len(files))]))
            left, top = (spot % 4) * 750 + (750 - side) // 2, (spot // 4) * 1000 + (1000 - side) // 2
            wall[top : top + side, left : left + side] = cv2.resize(
                person, (side, side), interpolation=cv2.INTER_CUBIC
            )
        cv2.imwrite(str(large / f"{number:03d}.jpg"), wall, [cv2.IMWRITE_JPEG_QUALITY, 92])
    return scratch / "lfw", large


def run_mien(files: list[Path]) -> dict:
    from mien.library.import_model import ModelHints, import_model
    from mien.models import store
    from mien.pipeline import open_pipeline

    models = machine.DATA / "models"
    store.save(*import_model((models / "scrfd_2.5g_bnkps.onnx").read_bytes(), "scrfd", ModelHints()))
    store.save(*import_model((models / "mobilefacenet.onnx").read_bytes(), "mobilefacenet", ModelHints(colour="RGB")))
    pipeline = open_pipeline("scrfd", "mobilefacenet", many=True)
    list(pipeline.analyse(files[:16]))
    started = time.perf_counter()
    faces = sum(len(analysis.faces) for analysis in pipeline.analyse(files))
    seconds = time.perf_counter() - started
    rate = len(files) / seconds
    backbone = backbone_alone(faces)
    return {
        "images a second": round(rate, 2),
        "faces": faces,
        "stages, ms an image on one core": stages(files[:100]),
        "backbone alone, faces a second": round(backbone, 1),
        "share of the time that the backbone alone would take": round(faces / backbone / seconds, 3),
    }


def backbone_alone(faces: int) -> float:
    """Faces a second through the recognition network, all cores, nothing else."""
    import numpy as np

    from mien.models import store
    from mien.recognize.recognizer import Recognizer

    network = Recognizer(store.load("mobilefacenet"))
    crops = np.random.default_rng(0).integers(0, 256, (min(faces, 1024), 112, 112, 3), np.uint8)
    network.embed(crops[:64])
    started = time.perf_counter()
    network.embed(crops)
    return len(crops) / (time.perf_counter() - started)


def stages(files: list[Path]) -> dict:
    """Each stage by itself, one thread."""
    import numpy as np

    from mien.detect.families import open_detector
    from mien.image import read_photo
    from mien.models import store
    from mien.models.options import EngineOptions
    from mien.pipeline import DECODED
    from mien.recognize.recognizer import Recognizer

    one = EngineOptions(threads=1)
    detector, network = open_detector("scrfd", one), Recognizer(store.load("mobilefacenet"), one)
    warm = [read_photo(path, longest=DECODED).image for path in files[:8]]
    detector.detect(warm)
    network.embed(np.zeros((32, 112, 112, 3), np.uint8))
    clock = [time.perf_counter()]
    photos = [read_photo(path, longest=DECODED) for path in files]
    clock.append(time.perf_counter())
    found = detector.detect([photo.image for photo in photos])
    clock.append(time.perf_counter())
    crops = [network.align(p.image, face) for p, faces in zip(photos, found, strict=True) for face in faces]
    clock.append(time.perf_counter())
    network.embed(np.stack(crops))
    clock.append(time.perf_counter())
    names = ("read and decode", "detect", "align", "embed")
    return {name: round(1000 * (b - a) / len(files), 2) for name, a, b in zip(names, clock, clock[1:], strict=False)}


def run_peer(files: list[Path]) -> dict:
    """insightface's FaceAnalysis with its default detector size, given the same two files as its pack."""
    import contextlib
    import io
    import warnings

    import cv2
    from insightface.app import FaceAnalysis

    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as root, contextlib.redirect_stdout(io.StringIO()):
        pack = Path(root) / "models" / "pack"
        pack.mkdir(parents=True)
        for name in ("scrfd_2.5g_bnkps.onnx", "mobilefacenet.onnx"):
            (pack / name).write_bytes((machine.DATA / "models" / name).read_bytes())
        analysis = FaceAnalysis(name="pack", root=root)
        analysis.prepare(ctx_id=0, det_size=(640, 640))
        for path in files[:16]:
            analysis.get(cv2.imread(str(path)))
        started = time.perf_counter()
        faces = sum(len(analysis.get(cv2.imread(str(path)))) for path in files)
        seconds = time.perf_counter() - started
    return {"images a second": round(len(files) / seconds, 2), "faces": faces}


if __name__ == "__main__":
    main()
