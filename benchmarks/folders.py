"""Whole folders, photographs to embeddings: mien against insightface's own loop, on the same two ONNX files.

1,000 LFW images, and 200 photographs of 3000x2000 with 1 to 8 faces (LFW images enlarged and pasted on a wall). Both
use SCRFD-2.5G and MobileFaceNet. The peer runs in its own environment (pip install insightface onnxruntime), in turns
with mien on the same cores, each with its models open and warmed up:

    python benchmarks/folders.py --peer-python PEER/bin/python

A smoke run measures mien alone, with the default models.
"""

import json
import sys
import tempfile
import time
from argparse import Namespace
from pathlib import Path

import command

ROUNDS = 3
MODELS = "scrfd", "mobilefacenet"
SMOKE_MODELS = "mtcnn", "dlib-resnet"


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--peer-python", help="the interpreter that has insightface")
    parser.add_argument("--child", choices=("mien", "peer"))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--photographs", type=int, default=200)
    given = parser.parse_args()
    if given.child:
        files = sorted(given.folder.rglob("*.jpg"))
        models = SMOKE_MODELS if given.smoke else MODELS
        print(json.dumps(run_mien(files, *models) if given.child == "mien" else run_peer(files)))
        return
    if not (given.smoke or given.peer_python):
        parser.error("--peer-python is missing")
    with tempfile.TemporaryDirectory() as scratch:
        small, large = make_folders(Path(scratch), given)
        result = {"LFW 250x250": race(small, given), "photographs 3000x2000": race(large, given)}
    command.finish("folders", {"rounds": ROUNDS, **result}, smoke=given.smoke)


def race(folder: Path, given: Namespace) -> dict:
    """Run both in turn and compare their medians."""
    runs: dict[str, list[dict]] = {"mien": []} if given.smoke else {"mien": [], "peer": []}
    rounds = 1 if given.smoke else ROUNDS
    for _ in range(rounds):
        for who, rows in runs.items():
            python = given.peer_python if who == "peer" else sys.executable
            more = ["--smoke"] if given.smoke else []
            rows.append(command.in_process(__file__, "--child", who, "--folder", folder, *more, python=python))
    middle = {who: sorted(rows, key=lambda row: row["images per second"])[rounds // 2] for who, rows in runs.items()}
    ratio = middle["mien"]["images per second"] / middle.get("peer", middle["mien"])["images per second"]
    return {
        **middle,
        "mien / peer": round(ratio, 2),
        "all rounds": {who: [row["images per second"] for row in rows] for who, rows in runs.items()},
    }


def make_folders(scratch: Path, given: Namespace) -> tuple[Path, Path]:
    """LFW images as they are, and large photographs made of them."""
    import cv2
    import numpy as np

    import inputs

    every = inputs.lfw(scratch / "lfw", smoke=given.smoke)
    files = every[:: max(1, len(every) // given.images)][: given.images]
    for path in set(every) - set(files):
        path.unlink()
    photographs = 2 if given.smoke else given.photographs
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


def run_mien(files: list[Path], detector: str, recognizer: str) -> dict:
    import inputs
    from mien.pipeline import open_pipeline

    for name in {detector, recognizer} & inputs.MODELS.keys():
        inputs.add_model(name)
    pipeline = open_pipeline(detector, recognizer, many=True)
    list(pipeline.analyse(files[:16]))
    started = time.perf_counter()
    faces = sum(len(analysis.faces) for analysis in pipeline.analyse(files))
    seconds = time.perf_counter() - started
    rate = len(files) / seconds
    backbone = backbone_alone(recognizer, faces)
    return {
        "images per second": round(rate, 2),
        "faces": faces,
        "stages, ms per image on one core": stages(files[:100], detector, recognizer),
        "backbone alone, faces per second": round(backbone, 1),
        "share of the time that the backbone alone would take": round(faces / backbone / seconds, 3),
    }


def backbone_alone(recognizer: str, faces: int) -> float:
    """Faces per second through the recognition network on all cores, without anything else."""
    import numpy as np

    from mien.models import store
    from mien.recognize.recognizer import Recognizer

    network = Recognizer(store.load(recognizer))
    shape = min(faces, 1024), network.size, network.size, 3
    crops = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    network.embed(crops[:64])
    started = time.perf_counter()
    network.embed(crops)
    return len(crops) / (time.perf_counter() - started)


def stages(files: list[Path], finder: str, recognizer: str) -> dict:
    """Each stage alone on one thread."""
    import numpy as np

    from mien.detect.families import open_detector
    from mien.image import read_photo
    from mien.models import store
    from mien.models.options import EngineOptions
    from mien.pipeline import DECODED
    from mien.recognize.recognizer import Recognizer

    one = EngineOptions(threads=1)
    detector, network = open_detector(finder, one), Recognizer(store.load(recognizer), one)
    warm = [read_photo(path, longest=DECODED).image for path in files[:8]]
    detector.detect(warm)
    network.embed(np.zeros((32, network.size, network.size, 3), np.uint8))
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
    import os
    import warnings

    import cv2
    from insightface.app import FaceAnalysis

    warnings.simplefilter("ignore")
    data = Path(os.environ.get("MIEN_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    with tempfile.TemporaryDirectory() as root, contextlib.redirect_stdout(io.StringIO()):
        pack = Path(root) / "models" / "pack"
        pack.mkdir(parents=True)
        for name in ("scrfd_2.5g_bnkps.onnx", "mobilefacenet.onnx"):
            (pack / name).write_bytes((data / "models" / name).read_bytes())
        analysis = FaceAnalysis(name="pack", root=root)
        analysis.prepare(ctx_id=0, det_size=(640, 640))
        for path in files[:16]:
            analysis.get(cv2.imread(str(path)))
        started = time.perf_counter()
        faces = sum(len(analysis.get(cv2.imread(str(path)))) for path in files)
        seconds = time.perf_counter() - started
    return {"images per second": round(len(files) / seconds, 2), "faces": faces}


if __name__ == "__main__":
    main()
