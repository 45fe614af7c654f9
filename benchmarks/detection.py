"""The detection system: pictures a second of a folder, frames of a clip, by stage, against the bare network.

    python benchmarks/detection.py FOLDER [--count 1000] [--detector mien-face]

FOLDER has pictures (LFW here). One run of the pipeline that `mien detect` uses, all cores; then each stage alone on
one core; then the network alone on the same canvases, batch by batch of one, all cores. The ratio is what the whole
takes over what the network alone takes.
"""

import argparse
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import machine
from mien.detect.families import open_detector
from mien.detect.schedule import make_views
from mien.detect.stream import watch
from mien.detect.tracking import Tracker
from mien.image import find_images, read_photo
from mien.models import store
from mien.models.engines import usable_cores
from mien.models.options import EngineOptions
from mien.pipeline import open_pipeline
from mien.video import Video


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--detector", default="mien-face")
    given = parser.parse_args()
    files = find_images(machine.need(given.folder))[: given.count]
    clip = machine.need(machine.DATA / "video" / "short_hamilton_clip.mp4")
    result = {"detector": given.detector}
    pipeline = open_pipeline(given.detector, None, many=True)
    list(pipeline.analyse(files[:64]))
    began = time.perf_counter()
    faces = sum(len(one.faces) for one in pipeline.analyse(files))
    seconds = time.perf_counter() - began
    images = [read_photo(path, longest=1280).image for path in files]
    frames = [frame.image for frame in Video(str(clip))]
    result["folder"] = {
        "pictures": len(files),
        "faces": faces,
        "a second": len(files) / seconds,
        **stages(given.detector, images, lambda: [read_photo(path, longest=1280) for path in files], seconds),
    }
    detector = open_detector(given.detector, EngineOptions(streams=usable_cores()))
    for _ in watch(detector, iter(Video(str(clip))), Tracker(), usable_cores()):
        pass
    began = time.perf_counter()
    count = sum(1 for _ in watch(detector, iter(Video(str(clip))), Tracker(), usable_cores()))
    seconds = time.perf_counter() - began
    result["clip"] = {
        "frames": count,
        "a second": count / seconds,
        **stages(given.detector, frames, lambda: list(Video(str(clip))), seconds),
    }
    machine.write("detection", result)


def stages(name: str, images: list, read: Callable[[], Iterable], whole: float) -> dict:
    """Milliseconds a picture of each stage on one core, and the network alone on all."""
    count = len(images)
    alone = open_detector(name, EngineOptions(threads=1))
    found = {"read": timed(read, count)}
    views = []
    found["lay on canvases"] = timed(lambda: views.extend(make_views(image, alone.passes) for image in images), count)
    session = store.load(name).session(options=EngineOptions(threads=1))
    canvases = [view.canvas[None] for own in views for view in own]
    for canvas in {canvas.shape: canvas for canvas in canvases}.values():
        session.run(canvas)
    found["network"] = timed(lambda: [session.run(canvas) for canvas in canvases], count)
    alone.detect(images[:8])
    found["detect, all of it"] = timed(lambda: alone.detect(images), count)
    both = store.load(name).session(options=EngineOptions(streams=usable_cores()))
    with ThreadPoolExecutor(usable_cores()) as pool:
        list(pool.map(both.run, canvases[:64]))
        began = time.perf_counter()
        list(pool.map(both.run, canvases))
        network = time.perf_counter() - began
    return {
        "ms on one core": found,
        "network alone, a second": count / network,
        "share of the network": network / whole,
    }


def timed(work: Callable[[], object], count: int) -> float:
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began) / count


if __name__ == "__main__":
    main()
