"""How fast a detector is, on images of several sizes and on a video, and how much memory its process held.

What is timed is `Detector.detect` alone, on decoded images: laying them out for the network, running it, its boxes.
Reading, decoding and resizing of the sample come before. The exception is the video: its frames are decoded inside
the timed part, one at a time, as they come from a camera.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mien.detect.detector import Detector
from mien.pipeline import file_item
from mien.types import Image
from mien.video import Video

SIZES = ((320, 240), (640, 480), (1280, 720), (1920, 1080))
"""Width and height of the images that are timed."""


BATCHES = (1, 8)


TIMED = 20
"""Calls whose median counts, of as many as fit into the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBudget:
    """How long the parts of a survey may take for one detector.

    Attributes:
        batches: images per call that are timed.
        timing: seconds for one size and batch.
        video: seconds for the video.
        per_set: seconds for the images of one set.
        min_images: of a set, also for slow detectors.
        limit: seconds after which a detector is stopped; what it measured until then is kept.
    """

    batches: tuple[int, ...] = BATCHES
    timing: float = 6.0
    video: float = 30.0
    per_set: float = 90.0
    min_images: int = 20
    limit: float = 900.0


FULL = TimeBudget()
QUICK = TimeBudget(batches=(1,), timing=1.0, video=5.0, per_set=10.0, min_images=5, limit=60.0)
"""For a first look: one size, few images."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds per image of a size, in calls of `batch` images."""

    width: int
    height: int
    batch: int
    median: float
    p95: float


def sample_image(shown: Sequence[Path]) -> Image:
    """An image to be timed on: the first that can be read, which has faces, or noise."""
    for path in shown:
        try:
            return file_item(path).image()
        except Exception:  # noqa: BLE001, S112 - the next image does as well
            continue
    return np.random.default_rng(0).integers(0, 256, (480, 640, 3)).astype(np.uint8)


def time_detector(
    detector: Detector, sample: Image, size: tuple[int, int], batch: int, seconds: float = FULL.timing
) -> Timing:
    """Time a detector on images of one size."""
    image = np.asarray(cv2.resize(sample, size, interpolation=cv2.INTER_AREA), np.uint8)
    images, took = [image] * batch, list[float]()
    detector.detect(images[:1])
    began = time.perf_counter()
    while not took or (len(took) < TIMED and time.perf_counter() - began < seconds):
        start = time.perf_counter()
        detector.detect(images)
        took.append(1000 * (time.perf_counter() - start) / batch)
    return Timing(*size, batch, float(np.median(took)), float(np.quantile(took, 0.95)))


def frames_per_second(detector: Detector, path: Path, seconds: float = FULL.video) -> float:
    """Frames per second of a video, one frame at a time, with decoding."""
    began, count = time.perf_counter(), 0
    for frame in Video(str(path)):
        detector.detect([frame.image])
        count += 1
        if time.perf_counter() - began > seconds:
            break
    return count / (time.perf_counter() - began)


def peak_memory() -> int:
    """The peak memory of this process in MB; 0 where the system does not report it."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return 0
    line = next((row for row in status.read_text().splitlines() if row.startswith("VmHWM")), "VmHWM 0")
    return round(int(line.split()[1]) / 1024)
