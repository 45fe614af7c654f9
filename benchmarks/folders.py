"""Whole folders, photographs to embeddings: mien against insightface's own loop, on the same two ONNX files.

1,000 LFW images, and 200 photographs of 3000x2000 with 1 to 8 faces (LFW images enlarged and pasted on a wall). mien
runs SCRFD-2.5G with MobileFaceNet, and its default system; insightface runs the same SCRFD-2.5G and MobileFaceNet
with det_size 320, which suits LFW's 250 pixels, and with 640, its default, which suits the large photographs. Every
process may use all cores, has its models open and warmed up, and takes blocks of the same files in turns with the
others; a ratio is the median over the blocks, so that other work on the machine slows all sides. insightface embeds
each face once, and so does mien with MobileFaceNet; its default system averages in the mirror image. Recall is the
share of the known people (the one in the middle of an LFW image, the pasted ones) on whose place a face was found.
The peer runs in an environment of its own (pip install insightface onnxruntime):

    python benchmarks/folders.py --peer-python PEER/bin/python

A smoke run measures mien alone, with the default models.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import command

OURS, DEFAULTS = "mien, SCRFD-2.5G and MobileFaceNet", "mien, default system"
SYSTEMS = {OURS: ("scrfd", "mobilefacenet"), DEFAULTS: ("mtcnn", "dlib-resnet")}
PEERS = {"insightface at 320": 320, "insightface at 640": 640}
BLOCKS = 10
Points = list[tuple[float, float]]


@dataclass
class Side:
    """One process, and what it took for its blocks."""

    child: subprocess.Popen
    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    faces: int = 0
    found: int = 0
    """Known people on whose place it found a face."""


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--peer-python", help="the interpreter that has insightface")
    parser.add_argument("--child", help="of which system this is the process")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--photographs", type=int, default=200)
    given = parser.parse_args()
    if given.child:
        serve(open_mien(*SYSTEMS[given.child]) if given.child in SYSTEMS else open_peer(PEERS[given.child]))
        return
    if not (given.smoke or given.peer_python):
        parser.error("--peer-python is missing")
    load = round(os.getloadavg()[0], 1)
    with tempfile.TemporaryDirectory() as scratch:
        small, large = make_folders(Path(scratch), given)
        result = {
            "LFW 250x250": race(small, "insightface at 320", given),
            "photographs 3000x2000": race(large, "insightface at 640", given),
        }
    about = {"processes that ran before": load, "blocks": BLOCKS}
    command.finish("folders", about | result, smoke=given.smoke)


def race(people: dict[Path, Points], suits: str, given: Namespace) -> dict:
    """Let all sides take blocks of the same files in turns.

    Args:
        people: for each file, where its known people are.
        suits: the peer whose detection size suits these files.
        given: the arguments.
    """
    files = list(people)
    blocks = [files[start::BLOCKS] for start in range(1 if given.smoke else BLOCKS)]
    names = [DEFAULTS] if given.smoke else [*SYSTEMS, *PEERS]
    with children(names, given.peer_python) as sides:
        for block in blocks:
            for side in sides.values():
                take(side, block, people)
    known = sum(len(people[path]) for block in blocks for path in block)
    count = sum(map(len, blocks))
    result: dict = {name: figures(side, count, known) for name, side in sides.items()}
    if suits in sides:
        result["the peer's size that suits"] = suits
        for name in SYSTEMS:
            result[f"{name}: times {suits}"] = ratios(sides[name], sides[suits])
    stages = SYSTEMS if not given.smoke else {DEFAULTS: SYSTEMS[DEFAULTS]}
    measured = files[: 2 if given.smoke else 100]
    result["processor ms per image by stage, one thread"] = {
        name: profile(measured, *stages[name]) for name in stages
    }
    return result


@contextmanager
def children(names: list[str], peer_python: str | None) -> Iterator[dict[str, Side]]:
    """A process for each system, ready to take files."""
    sides = {}
    for name in names:
        python = sys.executable if name in SYSTEMS else peer_python
        words = [str(python), "-W", "ignore", __file__, "--child", name]
        sides[name] = Side(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    try:
        yield sides
    finally:
        for side in sides.values():
            assert side.child.stdin
            side.child.stdin.close()
            side.child.wait()


def take(side: Side, block: list[Path], people: dict[Path, Points]) -> None:
    """Let a side process a block, and note what it took and found."""
    assert side.child.stdin and side.child.stdout
    side.child.stdin.write(json.dumps([str(path) for path in block]) + "\n")
    side.child.stdin.flush()
    line = side.child.stdout.readline()
    if not line:
        sys.exit("a process has ended; its message stands above")
    answer = json.loads(line)
    side.wall.append(answer["seconds"])
    side.processor.append(answer["processor"])
    for path, boxes in zip(block, answer["boxes"], strict=True):
        side.faces += len(boxes)
        side.found += sum(any(inside(point, box) for box in boxes) for point in people[path])


def inside(point: tuple[float, float], box: list[float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def figures(side: Side, count: int, known: int) -> dict:
    return {
        "images per second": round(count / sum(side.wall), 2),
        "processor ms per image": round(1000 * sum(side.processor) / count, 2),
        "faces": side.faces,
        "recall": round(side.found / known, 4),
    }


def ratios(side: Side, peer: Side) -> dict:
    """Speed as a multiple of the peer's, block by block."""
    wall = [b / a for a, b in zip(side.wall, peer.wall, strict=True)]
    processor = [b / a for a, b in zip(side.processor, peer.processor, strict=True)]
    return {
        "speed, median of the blocks": round(statistics.median(wall), 2),
        "speed, lowest and highest": [round(min(wall), 2), round(max(wall), 2)],
        "processor time, median of the blocks": round(statistics.median(processor), 2),
    }


def make_folders(scratch: Path, given: Namespace) -> tuple[dict[Path, Points], dict[Path, Points]]:
    """LFW images as they are, and large photographs made of them, each with the places of its known people."""
    import cv2
    import numpy as np

    import inputs

    every = inputs.lfw(scratch / "lfw", smoke=given.smoke)
    files = every[:: max(1, len(every) // given.images)][: given.images]
    small = {path: [(125.0, 125.0)] for path in files}
    large: dict[Path, Points] = {}
    (scratch / "large").mkdir()
    generator = np.random.default_rng(5)
    for number in range(2 if given.smoke else given.photographs):
        wall = cv2.resize(cv2.imread(str(files[number])), (3000, 2000), interpolation=cv2.INTER_CUBIC)
        wall = cv2.GaussianBlur(wall, (0, 0), 25)
        noise = generator.integers(0, 12, (500, 750, 3), np.uint8)
        wall = cv2.add(wall, cv2.resize(noise, (3000, 2000)))
        spots = generator.permutation(8)[: generator.integers(1, 9)]
        places = []
        for spot in spots:
            side = int(generator.integers(420, 740))
            person = cv2.imread(str(files[generator.integers(len(files))]))
            left, top = (spot % 4) * 750 + (750 - side) // 2, (spot // 4) * 1000 + (1000 - side) // 2
            wall[top : top + side, left : left + side] = cv2.resize(
                person, (side, side), interpolation=cv2.INTER_CUBIC
            )
            places.append((float(left + side / 2), float(top + side / 2)))
        path = scratch / "large" / f"{number:03d}.jpg"
        cv2.imwrite(str(path), wall, [cv2.IMWRITE_JPEG_QUALITY, 92])
        large[path] = places
    return small, large


def serve(boxes_of: Callable[[list[Path]], list]) -> None:
    """Take a list of files from each line of the input, and answer with the boxes and the time that it took."""
    warm = False
    for line in sys.stdin:
        files = [Path(name) for name in json.loads(line)]
        if not warm:
            boxes_of(files[:16])
            warm = True
        started, busy = time.perf_counter(), time.process_time()
        boxes = boxes_of(files)
        taken = {"seconds": time.perf_counter() - started, "processor": time.process_time() - busy}
        print(json.dumps({"boxes": boxes, **taken}), flush=True)


def open_mien(detector: str, recognizer: str) -> Callable[[list[Path]], list]:
    import inputs
    from mien.pipeline import open_pipeline

    for name in {detector, recognizer} & inputs.MODELS.keys():
        inputs.add_model(name)
    pipeline = open_pipeline(detector, recognizer, many=True)
    return lambda files: [[face.box.corners for face in one.faces] for one in pipeline.analyse(files)]


def open_peer(size: int) -> Callable[[list[Path]], list]:
    """insightface's FaceAnalysis, given the same two files as its pack."""
    import contextlib

    import cv2
    from insightface.app import FaceAnalysis

    data = Path(os.environ.get("MIEN_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    root = tempfile.TemporaryDirectory()  # it is read again later, so it stays as long as the process
    pack = Path(root.name) / "models" / "pack"
    pack.mkdir(parents=True)
    for name in ("scrfd_2.5g_bnkps.onnx", "mobilefacenet.onnx"):
        (pack / name).write_bytes((data / "models" / name).read_bytes())
    with contextlib.redirect_stdout(sys.stderr):
        analysis = FaceAnalysis(name="pack", root=root.name)
        analysis.prepare(ctx_id=0, det_size=(size, size))

    def boxes_of(files: list[Path]) -> list:
        assert root.name
        return [[face.bbox.tolist() for face in analysis.get(cv2.imread(str(path)))] for path in files]

    return boxes_of


def profile(files: list[Path], finder: str, recognizer: str) -> dict:
    """Processor time of each stage alone on one thread; inside of a detector with one network, of its steps too."""
    import numpy as np

    from mien.detect.families import open_detector
    from mien.detect.one_stage import OneStage
    from mien.image import read_photo
    from mien.models import store
    from mien.models.options import EngineOptions
    from mien.pipeline import DECODED
    from mien.recognize.recognizer import Recognizer

    one = EngineOptions(threads=1)
    detector, network = open_detector(finder, one), Recognizer(store.load(recognizer), one)
    detector.detect([read_photo(path, longest=DECODED).image for path in files[:8]])
    network.embed(np.zeros((32, network.size, network.size, 3), np.uint8))
    clock = Clock(len(files))
    images = [read_photo(path, longest=DECODED).image for path in files]
    clock.note("read and decode")
    found = detector.detect(images)
    clock.note("detect")
    crops = [network.align(image, face) for image, faces in zip(images, found, strict=True) for face in faces]
    clock.note("align")
    network.embed(np.stack(crops))
    clock.note("embed")
    return clock.taken | (steps(detector, images, finder) if isinstance(detector, OneStage) else {})


def steps(detector: object, images: list, finder: str) -> dict:
    """What the passes of a detector with one network take: laying images on canvases, and the network for each."""
    from mien.detect.schedule import make_views
    from mien.models import store
    from mien.models.options import EngineOptions

    session = store.load(finder).session(options=EngineOptions(threads=1))
    clock = Clock(len(images))
    views = [make_views(image, detector.passes) for image in images]
    clock.note("of detect: shrink, and lay on canvases")
    for number in range(len(detector.passes)):
        for own in views:
            session.run(own[number].canvas[None])
        clock.note(f"of detect: network, pass {number + 1}")
    return clock.taken


class Clock:
    """Processor milliseconds per image of one stage after the other."""

    def __init__(self, count: int) -> None:
        self.taken: dict[str, float] = {}
        self._count, self._last = count, time.process_time()

    def note(self, stage: str) -> None:
        """Note what has been used since the last stage ended."""
        now = time.process_time()
        self.taken[stage] = round(1000 * (now - self._last) / self._count, 2)
        self._last = now


if __name__ == "__main__":
    main()
