"""`mien watch` against detecting and embedding every face of every frame, on the clip of 275 frames of 640x360.

Both ways see the same frames with the same models, in turns. The gallery holds the singer, from five frames of the
clip, and somebody who is not in it. Frames a second, processor time, and who was found are compared; "found" is a
name for a track, and for the plain way a name for any face of any frame, at the same threshold of one comparison.

Identity switches are counted by a truth that was checked by hand, frame by frame: the four scenes and who is where in
them. A switch is a number that two people have; a break is a person who gets another number within 5 seconds.

    python benchmarks/watch.py [--pairs 2]
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

import command
import inputs
import mien
from mien.gallery.gallery import Gallery
from mien.gallery.threshold_policies import parse_policy
from mien.image import read_image
from mien.models.defaults import package_file
from mien.pipeline import open_pipeline
from mien.save_image import encode_to
from mien.settings import load_settings
from mien.video import Video
from mien.watch.looks import plan_looks
from mien.watch.watcher import WatchedFrame
from mien.watch.watching import watch_source

CLIP = inputs.DATA / "video" / "short_hamilton_clip.mp4"
ENROLLED = (85, 115, 145, 175, 205)
"""Frames from which the singer is enrolled."""
POLICY = "fmr:1e-2"
"""Loose enough for the default recognizer to recognize the singer, and to be shared among the looks."""
TRUTH = {
    (0, 20): {"pianist": (0, 160, 0, 360), "singer": (480, 640, 0, 200)},
    (20, 82): {"pianist": (200, 640, 0, 360)},
    (82, 211): {"singer": (100, 560, 0, 360)},
    (211, 275): {
        "man in the dark": (0, 135, 0, 200),
        "woman with short hair": (135, 260, 0, 180),
        "president": (300, 388, 0, 200),
        "first lady": (388, 500, 0, 240),
    },
}
"""Scenes by their first frame and the one after their last; in each, who has the middle of the face in which
rectangle (x from, to, y from, to). Every box of the detector there was looked at; others show no face."""


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--pairs", type=int, default=2, help="how often both ways are timed, in turns")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        clip = made_clip(folder / "clip.avi") if given.smoke else inputs.need(CLIP)
        gallery = enrol(clip, folder, (0, 5) if given.smoke else ENROLLED)
        ways = {"every frame": plain, "mien watch": watch}
        turns = [{name: way(gallery, clip) for name, way in ways.items()} for _ in range(given.pairs)]
        seen = list[tuple[int, np.ndarray, tuple[int, ...]]]()

        def keep(frame: WatchedFrame) -> None:
            seen.append(numbered(frame))

        watch_source(gallery, str(clip), policy=parse_policy(POLICY), on_frame=keep)
    ratios = [turn["mien watch"]["frames per second"] / turn["every frame"]["frames per second"] for turn in turns]
    command.finish(
        "watch",
        {
            "turns": turns,
            "times the frames per second": [round(one, 2) for one in ratios],
            "identity": identity(seen),
        },
        smoke=given.smoke,
    )


def made_clip(path: Path) -> Path:
    """Eileen Collins in 12 frames at 12 per second."""
    image = cv2.resize(read_image(package_file("scikit-image", "skimage/data/astronaut.png")), (256, 256))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 12, (256, 256))
    for _ in range(12):
        writer.write(image[:, :, ::-1])
    writer.release()
    return path


def enrol(clip: Path, folder: Path, chosen: tuple[int, ...]) -> Path:
    """A gallery with the singer and two others."""
    frames = {frame.number: frame.image for frame in Video(str(clip)) if frame.number in chosen}
    path = folder / "people.gallery"
    portraits = {"somebody": "skimage/data/astronaut.png"}
    for number, image in frames.items():
        (folder / "singer").mkdir(exist_ok=True)
        encode_to(folder / "singer" / f"{number}.jpg", image)
    mien.enrol_subject(path, "singer", sorted((folder / "singer").iterdir()), scope="warn")
    for name, file in portraits.items():
        mien.enrol_subject(path, name, [package_file("scikit-image", file)], scope="warn")
    return path


def timed(work: Iterator[object]) -> dict:
    """Frames per second, and processor seconds, of going through frames."""
    wall, processor = time.perf_counter(), time.process_time()
    frames = sum(1 for _ in work)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    rates = {"frames": frames, "frames per second": round(frames / wall, 2)}
    return rates | {"processor ms per frame": round(1000 * processor / frames, 2)}


def plain(gallery: Path, clip: Path) -> dict:
    """Detect in every frame, embed every face, search each."""
    settings = load_settings()
    card = mien.load_card()
    opened = Gallery.open(gallery, card)
    chosen = plan_looks(parse_policy(POLICY), opened.store, card).chosen.threshold
    pipeline = open_pipeline(settings.detector, card.name, many=False)
    pipeline.detector.detect([np.zeros((360, 640, 3), np.uint8)])
    names, faces = set[str](), 0

    def run() -> Iterator[int]:
        nonlocal faces
        for frame in Video(str(clip)):
            found = pipeline.detector.detect([frame.image])[0]
            if found:
                crops = np.stack([pipeline.recognizer.align(frame.image, one) for one in found])
                people = opened.identify(pipeline.recognizer.embed(crops), chosen, 1)
                names.update(one.subject for one in people if one.subject is not None)
                faces += len(found)
            yield frame.number

    rates = timed(run())
    opened.close()
    return rates | {"faces embedded": faces, "found": sorted(names)}


def watch(gallery: Path, clip: Path) -> dict:
    began = list[float]()

    def first(frame: WatchedFrame) -> None:
        if not began:
            began.append(time.process_time())

    report = watch_source(gallery, str(clip), policy=parse_policy(POLICY), on_frame=first)
    processor = time.process_time() - began[0]
    names = sorted({one.person.subject for one in report.tracks if one.person and one.person.subject})
    return {
        "frames": report.frames,
        "frames per second": round(report.frames / report.seconds, 2),
        "processor ms per frame": round(1000 * processor / report.frames, 2),
        "detections": report.detections,
        "samples embedded": sum(one.samples for one in report.tracks),
        "tracks": len(report.tracks),
        "found": names,
    }


def numbered(frame: WatchedFrame) -> tuple[int, np.ndarray, tuple[int, ...]]:
    """The frame's number, the middles of its faces, and their tracks."""
    boxes = np.array([one.box.corners for one in frame.seen.faces]).reshape(-1, 4)
    return frame.seen.frame.number, (boxes[:, :2] + boxes[:, 2:]) / 2, tuple(number for number, _ in frame.people)


def identity(seen: list[tuple[int, np.ndarray, tuple[int, ...]]]) -> dict:
    """Switches and breaks by the truth."""
    owners, numbers, other = dict[int, set[str]](), dict[str, list[int]](), 0
    for frame, middles, tracks in seen:
        scene = next((who for (first, end), who in TRUTH.items() if first <= frame < end), {})
        for (x, y), track in zip(middles.tolist(), tracks, strict=True):
            if not track:
                continue
            who = next((name for name, (a, b, c, d) in scene.items() if a <= x < b and c <= y < d), None)
            if who is None:
                other += 1
                continue
            owners.setdefault(track, set()).add(who)
            if numbers.setdefault(who, [track])[-1] != track:
                numbers[who].append(track)
    return {
        "switches": sum(len(people) - 1 for people in owners.values()),
        "breaks": sum(len(tracks) - 1 for tracks in numbers.values()),
        "tracks by person": numbers,
        "labelled boxes without a face": other,
    }


if __name__ == "__main__":
    main()
