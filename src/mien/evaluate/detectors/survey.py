"""Measures one detector for a survey: what it is, how fast, how much memory, how well; in a process of its own.

So start-up time and memory are the detector's. Compares no detectors and writes no report.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from mien.data.annotated import AnnotatedImage, AnnotatedSet, read_annotated
from mien.detect.detector import Detector
from mien.detect.families import built_in, open_detector
from mien.detect.mtcnn_pyramid import MtcnnSettings, pyramid
from mien.errors import ImageError, MienError
from mien.evaluate.detectors.report import Judged, detection_report, name_of
from mien.evaluate.detectors.run import detect_all
from mien.evaluate.report import Report
from mien.geometry import corners, iou
from mien.image import find_images, read_image
from mien.models import store
from mien.models.complexity import complexity
from mien.models.engines import usable_cores
from mien.models.options import EngineOptions
from mien.rates import Estimate, wilson
from mien.types import Faces, Image, floats
from mien.video import Video

SIZES = ((320, 240), (640, 480), (1280, 720), (1920, 1080))
"""Width and height of the pictures that are timed."""
BATCHES = (1, 8)
COUNTED = (640, 480)
"""The input for which multiplications are counted, where a network takes any."""
TIMED = 20
"""Calls whose median counts, of as many as fit into the time."""
SECONDS = 6.0
"""Most time for one size and batch."""
BEARABLE, LEAST_PICTURES = 90.0, 20
"""Seconds for the pictures of one set, and pictures that a slow detector looks at all the same."""
LEAST = 0.02
FILLED = (0.6, 0.8, 1.0)
"""Share of the frame's height that a face takes in a portrait that fills it."""
FRAME = (480, 640)
"""Width and height of such a portrait."""
FOUND = 0.4
"""IoU from which it is found: a box at the frame's edge may be cut or not."""
TALL = 80
"""Faces from which portraits are made are at least this high."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    Attributes:
        sets: annotated data sets.
        portraits: a folder of pictures with one face in the middle each, not annotated.
        video: a file, or None.
        most: pictures of a set, at most; the first ones.
        shown: pictures whose faces are kept for the eye.
    """

    sets: tuple[Path, ...] = ()
    portraits: Path | None = None
    video: Path | None = None
    most: int = 200
    shown: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """What a detector is: `bytes` and `parameters` are of all its files; None where it is no network."""

    weights: str
    licence: str
    bytes: int | None = None
    parameters: int | None = None
    multiplications: int | None = None
    input: str = "any size"


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds a picture of a size, in calls of a number of pictures."""

    width: int
    height: int
    batch: int
    median: float
    p95: float


@dataclass(frozen=True, slots=True)
class Central:
    """What it found in portraits that are not annotated: shares, and boxes elsewhere a picture."""

    found: Estimate
    others: float


@dataclass(frozen=True, slots=True, eq=False)
class Surveyed:
    """Everything about one detector; `fault` says why it could not be measured."""

    name: str
    identity: Identity
    fault: str = ""
    start: float = 0.0
    memory: int = 0
    timings: tuple[Timing, ...] = ()
    frames_a_second: float | None = None
    reports: dict[str, Report] = field(default_factory=dict)
    filling: dict[str, Estimate] = field(default_factory=dict)
    central: Central | None = None
    shown: dict[str, Faces] = field(default_factory=dict)


def survey(names: Sequence[str], plan: Plan) -> Iterator[Surveyed]:
    """Measure detectors one after another."""
    for name in names:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            try:
                yield pool.submit(measure, name, plan).result()
            except BrokenProcessPool:
                yield Surveyed(
                    name, Identity("", ""), fault="its process died, for want of memory or by its own fault"
                )


def measure(name: str, plan: Plan) -> Surveyed:
    """Measure one detector."""
    try:
        began = time.perf_counter()
        detector = open_detector(name)
        detector.detect([np.zeros((*COUNTED[::-1], 3), np.uint8)])
        start = time.perf_counter() - began
        done = Surveyed(name, identify(name), start=start)
        picture = _busy_picture(plan)
        timings = tuple(_time(detector, picture, size, batch) for size in SIZES for batch in BATCHES)
        speed = _watch(detector, plan.video) if plan.video is not None else None
        memory = _peak_memory()
        most = _bearable(plan.most, timings)
        judging = open_detector(name, EngineOptions(streams=usable_cores()), LEAST)
        reports, filling = {}, {}
        for path in plan.sets:
            annotated = read_annotated(path)
            title = name_of(path)
            reports[title] = _judge(judging, annotated, path, most)
            rate = _filling(detector, annotated, max(1, most // 3))
            if rate is not None:
                filling[title] = rate
        central = _central(detector, plan.portraits, most) if plan.portraits is not None else None
        shown = {str(path): detector.detect([read_image(path)])[0] for path in plan.shown}
    except MienError as reason:
        return Surveyed(name, Identity("", ""), fault=str(reason))
    return replace(
        done,
        timings=timings,
        frames_a_second=speed,
        memory=memory,
        reports=reports,
        filling=filling,
        central=central,
        shown=shown,
    )


def identify(name: str) -> Identity:
    """What a detector is, by its card and files."""
    if name in (families := built_in()):
        return Identity(families[name].weights, families[name].licence)
    model = store.load(name)
    spec = model.card.input
    width, height = (spec.width, spec.height) if spec.width and spec.height else COUNTED
    files = {part: (model.folder / file.path).read_bytes() for part, file in model.card.files.items()}
    if model.card.family == "mtcnn":
        total, parameters = _mtcnn(files)
    else:
        costs = [complexity(data, width, height) for data in files.values()]
        parameters = sum(cost.parameters for cost in costs)
        products = [cost.multiplications for cost in costs]
        total = None if None in products else sum(product or 0 for product in products)
    return Identity(
        model.card.source,
        model.card.licence,
        sum(len(data) for data in files.values()),
        parameters,
        total,
        f"{width}x{height}" if spec.width and spec.height else f"any size, counted at {width}x{height}",
    )


def _mtcnn(files: dict[str, bytes]) -> tuple[int | None, int]:
    """P-Net on all levels of its pyramid; what R-Net and O-Net cost depends on the picture and is left out."""
    width, height = COUNTED
    total = 0
    for scale in pyramid(width, height, MtcnnSettings()):
        cost = complexity(files["pnet"], round(width * scale) + 12, round(height * scale) + 12).multiplications
        if cost is None:
            return None, 0
        total += cost
    return total, sum(complexity(data, 48, 48).parameters for data in files.values())


def _busy_picture(plan: Plan) -> Image:
    """A picture with faces to be timed on: the first of the first set, of the portraits, or noise."""
    for path in plan.shown:
        try:
            return read_image(path)
        except ImageError:
            continue
    return np.random.default_rng(0).integers(0, 256, (480, 640, 3)).astype(np.uint8)


def _time(detector: Detector, picture: Image, size: tuple[int, int], batch: int) -> Timing:
    image = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    images, took = [image] * batch, list[float]()
    detector.detect(images[:1])
    began = time.perf_counter()
    while not took or (len(took) < TIMED and time.perf_counter() - began < SECONDS):
        start = time.perf_counter()
        detector.detect(images)
        took.append(1000 * (time.perf_counter() - start) / batch)
    return Timing(*size, batch, float(np.median(took)), float(np.quantile(took, 0.95)))


def _bearable(most: int, timings: Sequence[Timing]) -> int:
    """Pictures of a set that a detector can look at in a bearable time."""
    slow = max((one.median for one in timings if (one.width, one.height) == COUNTED), default=1.0)
    return max(LEAST_PICTURES, min(most, int(1000 * BEARABLE / slow)))


def _watch(detector: Detector, path: Path) -> float:
    """Frames a second of a video, decoding included, a frame at a time."""
    began, count = time.perf_counter(), 0
    for frame in Video(str(path)):
        detector.detect([frame.image])
        count += 1
        if time.perf_counter() - began > 5 * SECONDS:
            break
    return count / (time.perf_counter() - began)


def _peak_memory() -> int:
    """The most memory that this process held, in MB; 0 where the system does not say."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return 0
    line = next((row for row in status.read_text().splitlines() if row.startswith("VmHWM")), "VmHWM 0")
    return round(int(line.split()[1]) / 1024)


def _judge(detector: Detector, annotated: AnnotatedSet, path: Path, most: int) -> Report:
    pictures, faces = [], []
    for picture, found, _ in detect_all(detector, annotated.images[:most]):
        if found is not None:
            pictures.append(picture)
            faces.append(found)
    words = f"pictures shrunk to at most {detector.longest} pixels"
    judged = Judged(detector.name, name_of(path), words, detector.min_score, tuple(pictures), tuple(faces), ())
    report = detection_report(judged)
    return report.model_copy(update={"galleries": (), "charts": ()})


def _filling(detector: Detector, annotated: AnnotatedSet, most: int) -> Estimate | None:
    """Share of portraits found whose face fills the frame, made of the largest face of each picture."""
    hits, count = 0, 0
    for picture in annotated.images[:most]:
        chosen = _largest(picture)
        if chosen is None:
            continue
        try:
            image = read_image(picture.path)
        except ImageError:
            continue
        for share in FILLED:
            portrait, box = fill(image, picture.boxes[chosen], share)
            found = detector.detect([portrait])[0]
            boxes = corners(face.box for face in found)
            hits += bool(len(boxes) and iou(boxes, box[None]).max() >= FOUND)
            count += 1
    return _rate(hits, count) if count else None


def _rate(hits: int, count: int) -> Estimate:
    low, high = wilson(hits / count, count)
    return Estimate(hits / count, low, high, count)


def _largest(picture: AnnotatedImage) -> int | None:
    heights = np.where(picture.ignore, 0, picture.boxes[:, 3] - picture.boxes[:, 1])
    return int(heights.argmax()) if len(heights) and heights.max() >= TALL else None


def fill(image: Image, box: np.ndarray, share: float) -> tuple[Image, np.ndarray]:
    """A portrait in which a face takes a share of the frame's height.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: (4,) of the face, in its pixels.
        share: of the frame's height.

    Returns:
        The portrait, its edges repeated where the picture ends, and the face's box in it, (4,) float32.
    """
    width, height = FRAME
    scale = share * height / float(box[3] - box[1])
    middle = (box[:2] + box[2:]) / 2
    shift = np.array([width / 2, height / 2]) - middle * scale
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    portrait = cv2.warpAffine(image, matrix, (width, height), flags=kind, borderMode=cv2.BORDER_REPLICATE)
    moved = box * scale + np.tile(shift, 2)
    return np.asarray(portrait, np.uint8), floats(np.clip(moved, 0, (width, height, width, height)))


def _central(detector: Detector, folder: Path, most: int) -> Central:
    """Whether the face in the middle is found, and how many boxes lie elsewhere."""
    hits, count, others = 0, 0, 0
    files = find_images(folder)
    for path in files[:: max(1, len(files) // most)][:most]:
        try:
            image = read_image(path)
        except ImageError:
            continue
        x, y = image.shape[1] / 2, image.shape[0] / 2
        covers = [f.box.x1 <= x < f.box.x2 and f.box.y1 <= y < f.box.y2 for f in detector.detect([image])[0]]
        hits, others, count = hits + any(covers), others + covers.count(False), count + 1
    if not count:
        raise ImageError(f"{folder} holds no picture that can be read")
    return Central(_rate(hits, count), others / count)
