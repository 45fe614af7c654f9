"""A detector over the frames of a video: frames of the near future in threads, results in order, faces numbered."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from mien.detect.detector import Detector
from mien.detect.tracking import Tracker
from mien.prefetch import prefetch
from mien.types import Faces
from mien.video import Frame


@dataclass(frozen=True, slots=True, eq=False)
class TrackedFrame:
    """What was found in a frame.

    Attributes:
        frame: the frame.
        faces: best first, in its pixels.
        numbers: of the followed faces, one per face.
    """

    frame: Frame
    faces: Faces
    numbers: tuple[int, ...]


def watch(detector: Detector, frames: Iterable[Frame], tracker: Tracker, workers: int = 1) -> Iterator[TrackedFrame]:
    """Detect and follow faces.

    Args:
        detector: safe to call from several threads, as all of mien's are.
        frames: in order.
        tracker: numbers the faces.
        workers: frames in which faces are detected at the same time.
    """

    def detect(frame: Frame) -> tuple[Frame, Faces]:
        return frame, detector.detect([frame.image])[0]

    with ThreadPoolExecutor(workers, "detector") as pool:
        for frame, faces in prefetch(pool, detect, frames, workers + 1):
            yield TrackedFrame(frame, faces, tracker.follow(frame.seconds, faces))
