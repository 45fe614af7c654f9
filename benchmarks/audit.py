"""Speed and memory of the audit with the default models.

python benchmarks/audit.py stages    # time per stage on one core, at 640x480 and on LFW; the check on all cores
python benchmarks/audit.py memory    # the command's peak memory with 1,000, 10,000 and 100,000 images
python benchmarks/audit.py           # both
python benchmarks/audit.py large --images 500000    # a set of so many files, audited to its end; see `large`
"""

import json
import os
import resource
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet
import simplejpeg

import command
import inputs
import machine
from mien.detect.families import open_detector
from mien.image import decode
from mien.models import store
from mien.models.options import EngineOptions
from mien.portrait.checking import check
from mien.portrait.dataset.measure_cache import FOLDER, PART
from mien.portrait.examine import DECODED, Examiner, choose_portrait
from mien.portrait.measures.catalogue import measure
from mien.portrait.measures.face_chip import make_face_chip
from mien.recognize.recognizer import Recognizer

SIZES = (1_000, 10_000, 100_000)
PHOTOGRAPHS = 200
SOURCES = 100
"""Photographs of the large set."""


def stages(paths: list[Path]) -> dict:
    """Images per second of each stage on one core."""
    cv2.setNumThreads(1)
    options = EngineOptions(threads=1, streams=1)
    detector, network = open_detector("mtcnn", options), Recognizer(store.load("dlib-resnet"), options)
    examiner = Examiner(detector)
    found = {}
    for name, side in (("LFW, 250x250", 0), ("LFW enlarged to 640x480", 480)):
        spent: dict[str, float] = defaultdict(float)
        data = [enlarged(path.read_bytes(), side) for path in inputs.some(paths, PHOTOGRAPHS)]
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
        found[name] = {
            "images per second and core by stage": rates,
            "measures after detection": round(count / both, 1),
        }
    return found


def enlarged(data: bytes, height: int) -> bytes:
    """A 250x250 image as a 640x480 one: enlarged, its border repeated at both sides."""
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
    done = command.mien("audit", folder, "--flat", "--out", out)
    assert (out / "report.json").exists(), done.stderr
    return {"seconds": round(time.perf_counter() - started, 1)}


def peak() -> int:
    """Peak memory in MB of the largest child process so far."""
    return round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)


def varied(paths: list[Path], folder: Path, count: int) -> None:
    """`count` different images, 8 per person: photographs of LFW, mirrored, turned and cut at random."""
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


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("part", nargs="?", choices=("stages", "memory", "large"), help="default: the first two")
    parser.add_argument("--images", type=int, default=500_000, help="files of the large set")
    parser.add_argument("--child", nargs=2, type=Path, help="audit a folder into another and print the peak memory")
    given = parser.parse_args()
    if given.child:
        print(json.dumps({**commanded(*given.child), "peak MB": peak()}))
        return
    result: dict = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        paths = inputs.lfw(folder, smoke=given.smoke, people=2, images=2)
        if given.part in (None, "stages"):
            result["stages"] = stages(paths)
        if given.part in (None, "memory"):
            result["memory"] = memory(paths, folder, (8,) if given.smoke else SIZES)
        if given.part == "large":
            result["large"] = large(paths, folder, *((16, 40) if given.smoke else (SOURCES, given.images)))
    command.finish(f"audit-{given.part}" if given.part else "audit", result, smoke=given.smoke)


def large(paths: list[Path], folder: Path, sources: int, count: int) -> dict:
    """Measure some photographs by the command, then audit a set of `count` files to its end, by the command too.

    The files of the large set are hard links to the photographs, eight for each person. To detect and to measure all
    of them would take hours and show nothing more, so the audit finds their rows in its folder, as one that is called
    again does: each has what was measured of its photograph, with hashes that were drawn and the embedding of a drawn
    person. Everything after measuring runs on all of them: listing, checking that no file has changed, rules,
    duplicates, neighbours, labels, people, tables and the page.
    """
    few, whole = folder / "few", folder / "whole"
    varied(paths, few, sources)
    started = time.perf_counter()
    command.mien("audit", few, "--flat", "--keep", "--out", folder / "few-out")
    rate = sources / (time.perf_counter() - started)
    parts = sorted((folder / "few-out" / FOLDER).glob("part-*.parquet"))
    measured = pa.concat_tables([pyarrow.parquet.read_table(part) for part in parts])
    measured = measured.filter(pa.compute.is_valid(measured.column("embedding")))
    (folder / "out" / FOLDER).mkdir(parents=True)
    (folder / "out" / FOLDER / "plan.json").write_bytes((folder / "few-out" / FOLDER / "plan.json").read_bytes())
    draw = np.random.default_rng(0)
    rows, images = measured.to_pylist(), [few / path for path in measured.column("path").to_pylist()]
    vectors = np.stack([row["embedding"] for row in rows])
    for start in range(0, count, PART):
        made = [
            linked(rows[n % len(rows)], images[n % len(rows)], whole, n, draw)
            for n in range(start, min(count, start + PART))
        ]
        drawn = embeddings(vectors, start, len(made))
        for row, vector in zip(made, drawn, strict=True):
            row["embedding"], row["other"] = vector, None
        part = folder / "out" / FOLDER / f"part-{start // PART:06d}.parquet"
        pyarrow.parquet.write_table(pa.Table.from_pylist(made, measured.schema), part)
    words = ("-m", "mien", "audit", whole, "--flat", "--out", folder / "out", "--json")
    done = command.timed(machine.ROOT, words, folder / "work", models=store_home(), accepted=(0, 1, 4))
    hours = count / rate / 3600
    return {
        "photographs measured": sources,
        "measured, images per second": round(rate, 1),
        "images": count,
        "after measuring": {
            "seconds": round(done.wall, 1),
            "processor seconds": round(done.processor, 1),
            "peak MB": done.peak,
        },
        "hours of measuring at that rate": round(hours, 2),
        "hours of the whole audit": round(hours + done.wall / 3600, 2),
    }


def linked(row: dict, image: Path, folder: Path, number: int, draw: np.random.Generator) -> dict:
    """A further name of a photograph, and the row that its audit would find."""
    name = f"p{number // 8:06d}/{number % 8}.jpg"
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.hardlink_to(image)
    known = place.stat()
    hashes = draw.integers(0, 2**64, 2, np.uint64).tolist()
    drawn = {"sha256": f"{number:064x}", "phash": hashes[0], "face_phash": hashes[1]}
    return row | {"path": name, "bytes": known.st_size, "changed": known.st_mtime_ns} | drawn


def embeddings(measured: np.ndarray, start: int, count: int) -> np.ndarray:
    """Embeddings of people that spread as measured ones do, each image near its person, from `start` on."""
    mean, spread = measured.mean(axis=0), measured.std(axis=0)
    people = [np.random.default_rng((1, n // 8)).normal(size=len(mean)) for n in range(start, start + count)]
    own = np.random.default_rng((2, start)).normal(size=(count, len(mean)))
    return (mean + spread * (0.95 * np.stack(people) + 0.31 * own)).astype(np.float32)


def store_home() -> Path | None:
    """The folder of this user's models, where one is set."""
    named = os.environ.get("MIEN_HOME")
    return Path(named) if named else None


def memory(paths: list[Path], folder: Path, sizes: tuple[int, ...]) -> dict:
    """Seconds and peak memory of audits, each in its own process so that its peak is its own."""
    found = {}
    for count in sizes:
        varied(paths, folder / f"set-{count}", count)
        one = command.in_process(__file__, "--child", folder / f"set-{count}", folder / f"out-{count}")
        found[f"{count:,} images"] = one
        print(count, one, file=sys.stderr, flush=True)
    return found


if __name__ == "__main__":
    main()
