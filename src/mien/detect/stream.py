"""A detector over the frames of a video: faces numbered, results in order, frames of the near future in threads.

`watch` detects in every frame. `follow` detects in some, and carries the faces through the others by what moves in
the image, which costs a small part of a detection. Recognizes nobody.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from mien.detect.detector import Detector
from mien.detect.motion import Grey, carry_faces, is_cut, make_grey
from mien.detect.tracking import Tracker
from mien.prefetch import prefetch
from mien.types import Face, Faces
from mien.video import Frame


@dataclass(frozen=True, slots=True, eq=False)
class TrackedFrame:
    """What was found in a frame.

    Attributes:
        frame: the frame.
        faces: best first, in its pixels.
        numbers: of the followed faces, one per face.
        detected: whether faces were sought in this frame; else they were carried here from the one before.
        cut: whether it shows another scene than the frame before, so that all numbers are new.
    """

    frame: Frame
    faces: Faces
    numbers: tuple[int, ...]
    detected: bool = True
    cut: bool = False


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


@dataclass(frozen=True, slots=True, eq=False)
class _Planned:
    """A frame with its faces where they are sought; they may still be being detected."""

    frame: Frame
    grey: Grey
    cut: bool
    faces: "Future[list[Faces]] | None"


def follow(
    detector: Detector, frames: Iterable[Frame], tracker: Tracker, pause: float, ahead: int = 0
) -> Iterator[TrackedFrame]:
    """Detect faces on a schedule, and carry them through the frames between.

    Faces are sought in the first frame, after a cut, and when `pause` has passed since they were sought.

    Args:
        detector: safe to call from several threads, as all of mien's are.
        frames: in order.
        tracker: numbers the faces.
        pause: seconds from one detection to the next; 0 detects in every frame.
        ahead: frames that are read before they are given out, so that detections of coming frames run meanwhile. 0
            gives each frame out before the next is read, as a live source needs it.
    """
    followed = list[tuple[int, Face]]()
    before: Grey | None = None
    with ThreadPoolExecutor(1, "detector") as pool:
        planned = _plan(detector, frames, pause, pool)
        for plan in _hold(planned, ahead):
            if plan.cut:
                tracker.forget()
                followed = []
            carried = carry_faces(before, plan.grey, [face for _, face in followed]) if before is not None else []
            pairs = [(number, face) for (number, _), face in zip(followed, carried, strict=False) if face is not None]
            tracker.carry(plan.frame.seconds, {number: face.box for number, face in pairs})
            if plan.faces is not None:
                faces = plan.faces.result()[0]
                pairs = list(zip(tracker.follow(plan.frame.seconds, faces), faces, strict=True))
            followed, before = pairs, plan.grey
            yield TrackedFrame(
                plan.frame,
                tuple(face for _, face in pairs),
                tuple(number for number, _ in pairs),
                plan.faces is not None,
                plan.cut,
            )


def _plan(detector: Detector, frames: Iterable[Frame], pause: float, pool: ThreadPoolExecutor) -> Iterator[_Planned]:
    """Begin the detections that are due."""
    last, sought = None, float("-inf")
    for frame in frames:
        grey = make_grey(frame.image)
        cut = last is not None and is_cut(last, grey)
        # Half a millisecond of rounding must not put a detection off by a frame.
        due = cut or frame.seconds - sought >= pause - 5e-4 or frame.seconds < sought
        faces = pool.submit(detector.detect, [frame.image]) if due else None
        last, sought = grey, frame.seconds if due else sought
        yield _Planned(frame, grey, cut, faces)


def _hold(items: Iterator[_Planned], count: int) -> Iterator[_Planned]:
    """Items in their order, each after `count` later ones were taken."""
    waiting = list[_Planned]()
    for item in items:
        waiting.append(item)
        if len(waiting) > count:
            yield waiting.pop(0)
    yield from waiting
