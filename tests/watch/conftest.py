"""Scenes of coloured squares for faces: a colour is a person, and its embedding is the colour."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.detect.stream import TrackedFrame
from mien.gallery.gallery import Gallery
from mien.gallery.records import Identity, NewTemplate
from mien.gallery.stores import create_store
from mien.gallery.threshold_policies import parse_policy
from mien.gallery.thresholds import ChosenThreshold
from mien.scope import Doubt
from mien.types import Box, Face, Floats, Image, Threshold, floats
from mien.video import Frame
from mien.watch import watcher as module
from mien.watch.looks import COUNTS, LookPlan
from mien.watch.people import Likeness
from mien.watch.samples import Measured
from mien.watch.watcher import Watcher, WatchSetting

RED, GREEN, BLUE = (250, 10, 10), (10, 250, 10), (10, 10, 250)
BLURRED = (120, 120, 120)
"""Too blurred to count."""
SIDE = 40


def threshold(value: float, fmr: float = 1e-3) -> Threshold:
    return Threshold(value=value, unit="cosine", contract="c", fmr=fmr, fmr_interval=None, protocol="made up")


class Colours:
    """A recognizer: its crop is the face's middle pixel, and its embedding that colour's direction."""

    embedded = 0

    def align(self, image: Image, face: Face) -> Image:
        x, y = round((face.box.x1 + face.box.x2) / 2), round((face.box.y1 + face.box.y2) / 2)
        return image[y : y + 1, x : x + 1]

    def embed(self, crops: Image) -> Floats:
        self.embedded += len(crops)
        return embed_colours([tuple(int(v) for v in crop[0, 0]) for crop in crops])


def embed_colours(colours: Iterable[Sequence[int]]) -> Floats:
    rows = floats([[*colour, 0] for colour in colours])
    return floats(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def face(x: float, y: float = 20) -> Face:
    return Face(Box(x, y, x + SIDE, y + SIDE), 0.9, np.zeros((5, 2), np.float32))


Place = tuple[int, tuple[int, int, int], float]
"""The tracker's number, the colour, and where the face is."""


def frame(seconds: float, *places: Place, cut: bool = False, detected: bool = True) -> TrackedFrame:
    image = np.zeros((80, 400, 3), np.uint8)
    for _, colour, x in places:
        image[20 : 20 + SIDE, round(x) : round(x) + SIDE] = colour
    faces = tuple(face(x) for _, _, x in places)
    numbers = tuple(number for number, _, _ in places)
    return TrackedFrame(Frame(round(seconds * 10), seconds, image), faces, numbers, detected, cut)


def measured_by_colour(image: Image, one: Face, at: float, *rest: object) -> Measured:
    """Everything counts that is not blurred; the brighter, the better."""
    pixel = image[round(one.box.y1) + SIDE // 2, round(one.box.x1) + SIDE // 2]
    is_blurred = tuple(int(v) for v in pixel) == BLURRED
    doubt = Doubt(code="sharpness", value=-20.0, rate=None, holds=False, fmr=None)
    thumbnail = np.full((4, 4, 3), pixel, np.uint8)
    return Measured(
        at=at, face=one, worth=float(pixel.max()), doubts=(doubt,) if is_blurred else (), thumbnail=thumbnail
    )


@pytest.fixture
def colours_gallery(tmp_path: Path) -> Iterator[Gallery]:
    """Red is enrolled, with two samples."""
    store = create_store(tmp_path / "colours.gallery", Identity("c", "colours", "cosine", 4))
    rows = embed_colours([RED, (240, 40, 0)])
    store.add([NewTemplate("Mrs Red", f"sha-{place}", row, None) for place, row in enumerate(rows)])
    opened = Gallery(store)
    yield opened
    opened.close()


@pytest.fixture
def make_watcher(colours_gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Watcher]:
    monkeypatch.setattr(module, "measure_face", measured_by_colour)

    def make(counts: tuple[int, ...] = COUNTS, value: float = 0.95, **more: Any) -> Watcher:
        plan = LookPlan(parse_policy("fmr:4e-3"), counts, ChosenThreshold(threshold(value)), 4e-3)
        likeness = Likeness(metric="cosine", same=threshold(0.6), link=threshold(0.9))
        setting = WatchSetting(
            gallery=colours_gallery,
            recognizer=Colours(),  # type: ignore[arg-type]
            plan=plan,
            likeness=likeness,
            **more,
        )
        return Watcher("door.mp4", setting, pause=0.2)

    return make
