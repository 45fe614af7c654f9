"""Speed and memory of the audit with the default models.

python benchmarks/audit.py stages    # seconds by stage on one core, at 640x480 and on LFW; the whole on all cores
python benchmarks/audit.py memory    # the command's peak memory with 1,000, 10,000 and 100,000 images
python benchmarks/audit.py           # both
"""

import json
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

import machine
from mien.detect.families import open_detector
from mien.image import decode
from mien.models import store
from mien.models.options import EngineOptions
from mien.portrait.checking import check
from mien.portrait.examine import DECODED, Examiner, choose_portrait
from mien.portrait.measures.catalogue import measure
from mien.portrait.measures.face_chip import make_face_chip
from mien.recognize.recognizer import Recognizer

MIEN = Path(sys.executable).parent / "mien"
SIZES = (1_000, 10_000, 100_000)


def extracted(folder: Path) -> list[Path]:
    with tarfile.open(machine.need(machine.DATA / "lfw" / "lfw-deepfunneled.tar")) as archive:
        archive.extractall(folder, filter="data")
    return sorted((folder / "images_deepfunneled").rglob("*.jpg"))


def stages(paths: list[Path]) -> dict:
    """Seconds by stage on one core."""
    cv2.setNumThreads(1)
    options = EngineOptions(threads=1, streams=1)
    detector, network = open_detector("mtcnn", options), Recognizer(store.load("dlib-resnet"), options)
    examiner = Examiner(detector)
    chosen = [paths[i] for i in np.random.default_rng(0).permutation(len(paths))[:200]]
    found = {}
    for name, side in (("LFW, 250x250", 0), ("LFW enlarged to 640x480", 480)):
        spent: dict[str, float] = defaultdict(float)
        data = [enlarged(path.read_bytes(), side) for path in chosen]
        for _ in range(2):
            spent.clear()
            for one in data:
                clock = time.perf_counter()
                photo = decode(one, "x", longest=DECODED)
                clock = lap(spent, "decode", clock)
                faces = detector.detect([photo.image])[0]
                clock = lap(spent, "detect", clock)
                portrait = choose_portrait(photo, faces)
                if portrait.chosen is None:
                    continue
                seen = make_face_chip(portrait)
                clock = lap(spent, "measure: prepare the face", clock)
                measure(portrait, seen)
                clock = lap(spent, "measure: all measures", clock)
                examiner.measure(choose_portrait(photo, faces), "x")
                clock = lap(spent, "measure, with hashes and quality", clock)
                network.embed(network.align(photo.image, portrait.face)[None])
                lap(spent, "embed", clock)
        count = len(data)
        rates = {stage: round(count / seconds, 1) for stage, seconds in spent.items()}
        both = spent["measure: prepare the face"] + spent["measure: all measures"]
        frames = [decode(one, "x").image for one in data]
        check(frames[0])
        clock = time.perf_counter()
        for frame in frames:
            check(frame)
        rates["mien.portrait.check on all cores"] = round(count / (time.perf_counter() - clock), 1)
        found[name] = {"images a second a core by stage": rates, "measures after detection": round(count / both, 1)}
    return found


def enlarged(data: bytes, height: int) -> bytes:
    """A picture of 250x250 as one of 640x480: enlarged, its border repeated at the sides."""
    if not height:
        return data
    image = cv2.resize(decode(data, "x").image, (height, height), interpolation=cv2.INTER_CUBIC)
    side = (640 - height) // 2
    wide = cv2.copyMakeBorder(image, 0, 0, side, 640 - height - side, cv2.BORDER_REPLICATE)
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(wide), 92, "RGB"))


def lap(spent: dict[str, float], stage: str, since: float) -> float:
    now = time.perf_counter()
    spent[stage] += now - since
    return now


def commanded(folder: Path, out: Path) -> dict:
    """One audit by the command: seconds, and the peak memory of its largest process."""
    started = time.perf_counter()
    done = subprocess.run(
        [MIEN, "audit", folder, "--flat", "--out", out, "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1, 4) and (out / "report.json").exists(), done.stderr
    return {"seconds": round(time.perf_counter() - started, 1)}


def watched(folder: Path, out: Path) -> dict:
    """The same in a process of its own, so that its peak is its own."""
    code = (
        "import audit, json, sys; from pathlib import Path; "
        "r = audit.commanded(Path(sys.argv[1]), Path(sys.argv[2])); r['peak MB'] = audit.peak(); print(json.dumps(r))"
    )
    command = [sys.executable, "-c", code, folder, out]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def peak() -> int:
    return round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)


def varied(paths: list[Path], folder: Path, count: int) -> None:
    """So many different pictures of so many people, 8 each: LFW, mirrored, turned and cut at random."""
    draw = np.random.default_rng(0)
    order = draw.permutation(len(paths))
    for number in range(count):
        image = decode(paths[order[number % len(paths)]].read_bytes(), "x").image
        matrix = cv2.getRotationMatrix2D((125, 125), draw.uniform(-12, 12), draw.uniform(0.9, 1.15))
        matrix[:, 2] += draw.uniform(-12, 12, 2)
        image = cv2.warpAffine(image, matrix, (200, 200), borderMode=cv2.BORDER_REFLECT)
        image = np.ascontiguousarray(image[:, ::-1] if number // len(paths) % 2 else image)
        place = folder / f"p{number // 8:06d}" / f"{number % 8}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(simplejpeg.encode_jpeg(image, 88, "RGB"))


def main(what: list[str]) -> None:
    result: dict = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        paths = extracted(folder)
        if not what or "stages" in what:
            result["stages"] = stages(paths)
        if not what or "memory" in what:
            result["memory"] = {}
            for count in SIZES:
                varied(paths, folder / f"set-{count}", count)
                result["memory"][f"{count:,} images"] = watched(folder / f"set-{count}", folder / f"out-{count}")
                print(count, result["memory"][f"{count:,} images"], flush=True)
    machine.write("audit" if not what else f"audit-{'-'.join(what)}", result)


if __name__ == "__main__":
    main(sys.argv[1:])
