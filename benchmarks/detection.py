"""Speed of detection on a folder, on a clip, and on the clip in 1920x1080, and of identification on both videos.

    python benchmarks/detection.py FOLDER [--count 1000] [--detector mien-face]

FOLDER contains images (the published figures use LFW). Measures the pipeline of `mien detect` on all cores, then each
stage alone on one core, then the network alone on the same canvases in batches of one on all cores. The share of the
network is the network's time divided by the pipeline's.

Identification searches a gallery of one person. Its share is of processor time: the bare networks on the same
canvases and crops, as many calls at a time, over `mien identify` on the same frames. The decoding of the video is
reported next to it, since no program that reads the file can do without.
"""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

import command
import inputs
import mien
from mien.detect.families import open_detector
from mien.detect.one_stage import OneStage
from mien.detect.schedule import Candidates, ScaledView, look_at, make_views
from mien.detect.stream import watch
from mien.detect.tracking import Tracker
from mien.image import find_images, read_photo
from mien.models import store
from mien.models.engines import usable_cores
from mien.models.openvino_engine import OpenVinoSession
from mien.models.options import EngineOptions
from mien.models.session import Session
from mien.pipeline import open_pipeline
from mien.progress import Progress
from mien.types import Floats, Image
from mien.video import Video


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="images; a smoke run makes its own")
    parser.add_argument("--count", type=int, default=1000, help="maximum number of images")
    parser.add_argument("--detector", default="mien-face")
    given = parser.parse_args()
    if not (given.smoke or given.folder):
        parser.error("FOLDER is missing")
    with tempfile.TemporaryDirectory() as scratch:
        if given.smoke:
            inputs.made_people(Path(scratch), 2, 4)
        files = find_images(Path(scratch) if given.smoke else inputs.need(given.folder))[: given.count]
        clip = inputs.clip(Path(scratch) / "clip.mp4", smoke=given.smoke)
        result = {
            "detector": given.detector,
            "folder": on_folder(given.detector, files),
            "clip": on_clip(given.detector, clip),
            "clip in 1920x1080": on_clip(given.detector, large := enlarged(clip, Path(scratch) / "large.mp4")),
            "identify": identification(given.detector, {"clip": clip, "clip in 1920x1080": large}, Path(scratch)),
        }
    command.finish("detection", result, smoke=given.smoke)


def on_folder(name: str, files: list[Path]) -> dict:
    pipeline = open_pipeline(name, None, many=True)
    list(pipeline.analyse(files[:64]))
    began = time.perf_counter()
    faces = sum(len(one.faces) for one in pipeline.analyse(files))
    seconds = time.perf_counter() - began
    images = [read_photo(path, longest=1280).image for path in files]
    return {
        "images": len(files),
        "faces": faces,
        "images per second": len(files) / seconds,
        **stages(name, images, lambda: [read_photo(path, longest=1280) for path in files], seconds),
    }


def enlarged(clip: Path, path: Path) -> Path:
    """The clip as cameras of today give it: 1920x1080, as many frames as three seconds have."""
    frames = [cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR) for frame in islice(Video(str(clip)), 75)]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (1920, 1080))
    for frame in frames:
        writer.write(cv2.resize(frame, (1920, 1080), interpolation=cv2.INTER_CUBIC))
    writer.release()
    return path


def on_clip(name: str, clip: Path) -> dict:
    frames = [frame.image for frame in Video(str(clip))]
    detector = open_detector(name, EngineOptions(streams=usable_cores()))
    for _ in watch(detector, iter(Video(str(clip))), Tracker(), usable_cores()):
        pass
    began = time.perf_counter()
    count = sum(1 for _ in watch(detector, iter(Video(str(clip))), Tracker(), usable_cores()))
    seconds = time.perf_counter() - began
    return {
        "frames": count,
        "frames per second": count / seconds,
        **stages(name, frames, lambda: list(Video(str(clip))), seconds),
    }


def stages(name: str, images: list, read: Callable[[], Iterable], whole: float) -> dict:
    """Milliseconds per image of each stage on one core, and the network alone on all cores."""
    count = len(images)
    alone = open_detector(name, EngineOptions(threads=1))
    found = {"decode": timed(read, count)}
    views = []
    found["letterbox"] = timed(lambda: views.extend(make_views(image, alone.passes) for image in images), count)
    session = store.load(name).session(options=EngineOptions(threads=1))
    canvases = needed(alone, images, views)
    for canvas in {canvas.shape: canvas for canvas in canvases}.values():
        session.run(canvas)
    found["network"] = timed(lambda: [session.run(canvas) for canvas in canvases], count)
    alone.detect(images[:8])
    found["detect, total"] = timed(lambda: alone.detect(images), count)
    both = store.load(name).session(options=EngineOptions(streams=usable_cores()))
    with ThreadPoolExecutor(usable_cores()) as pool:
        list(pool.map(both.run, canvases[:64]))
        began = time.perf_counter()
        list(pool.map(both.run, canvases))
        network = time.perf_counter() - began
    return {
        "ms on one core": found,
        "network alone, images per second": count / network,
        "share of the network": network / whole,
    }


def needed(detector: OneStage, images: list, views: list) -> list:
    """The canvases that go through the network: the second pass is left out where the first one leaves no doubt."""
    seen: list = []

    def look(view: ScaledView) -> Candidates:
        seen.append(view.canvas[None])
        return detector.candidates_in(view)

    for image, own in zip(images, views, strict=True):
        look_at(image, own, look, detector.min_score)
    return seen


def identification(name: str, clips: dict[str, Path], folder: Path) -> dict:
    """Processor time of `mien identify` on videos, and the share of the bare networks in it."""
    gallery = folder / "people.gallery"
    known = folder / "collins.png"
    cv2.imwrite(str(known), cv2.cvtColor(inputs.portrait(0), cv2.COLOR_RGB2BGR))
    mien.enrol_subject(gallery, "Eileen Collins", [known], detector=name)
    return {title: on_identified(name, gallery, clip) for title, clip in clips.items()}


def on_identified(name: str, gallery: Path, clip: Path) -> dict:
    """From the first frame to the end, so that the opening of gallery and models does not count."""
    calls: list[tuple[Session, Image]] = []
    with recording(calls):
        frames, _, _ = identified(name, gallery, clip, calls.clear)
    frames, whole, seconds = identified(name, gallery, clip, lambda: None)
    with ThreadPoolExecutor(usable_cores()) as pool:
        list(pool.map(lambda call: call[0].run(call[1]), calls[:16]))
        network = on_processor(lambda: list(pool.map(lambda call: call[0].run(call[1]), calls)))
    # No frame is kept, since memory for all of them takes longer than decoding.
    decode = on_processor(lambda: sum(1 for _ in Video(str(clip)))) * frames / (frames + 1)
    return {
        "frames": frames,
        "frames per second": frames / seconds,
        "processor ms per frame": {
            "identify": 1000 * whole / frames,
            "networks alone": 1000 * network / frames,
            "decode alone": 1000 * decode / frames,
        },
        "share of the networks": network / whole,
        "share of the networks, decoding left out": network / (whole - decode),
    }


def identified(name: str, gallery: Path, clip: Path, on_first: Callable[[], None]) -> tuple[int, float, float]:
    """Identify a video: frames behind the first one, and the seconds of processor and of the clock that they took."""
    began: list[tuple[float, float]] = []

    def on_progress(point: Progress) -> None:
        if not began:
            on_first()
            began.append((time.process_time(), time.perf_counter()))

    report = mien.identify(gallery, [], videos=[str(clip)], detector=name, on_progress=on_progress)
    processor, clock = began[0]
    return report.videos[0].frames - 1, time.process_time() - processor, time.perf_counter() - clock


@contextmanager
def recording(calls: list[tuple[Session, Image]]) -> Iterator[None]:
    """Remember each call of a network, with its images."""
    run = OpenVinoSession.run

    def remember(session: OpenVinoSession, images: Image) -> list[Floats]:
        calls.append((session, np.array(images)))
        return run(session, images)

    OpenVinoSession.run = remember
    try:
        yield
    finally:
        OpenVinoSession.run = run


def on_processor(work: Callable[[], object]) -> float:
    """Seconds of processor time of all threads."""
    began = time.process_time()
    work()
    return time.process_time() - began


def timed(work: Callable[[], object], count: int) -> float:
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began) / count


if __name__ == "__main__":
    main()
