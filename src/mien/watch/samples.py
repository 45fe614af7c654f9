"""Samples of a track: faces measured as portraits, of which the best are kept. Embeds nothing and compares nothing.

A sample counts where the recognizer's rates hold for it (mien.scope): a blurred, turned, masked or small face never
names anybody. Of those that count, the portraits of the best quality are kept (mien.portrait.measures.quality, whose
weights say how much each measure helps to predict that a recognizer fails).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from mien.align import cut_out
from mien.detect.redaction import cut
from mien.detect.schedule import shrink
from mien.errors import DegenerateLandmarksError
from mien.gallery.records import Portrait
from mien.portrait.measures.catalogue import MEASURES
from mien.portrait.measures.face_chip import FaceChip, PortraitImage, make_face_chip
from mien.portrait.measures.quality import WEIGHTS, overall
from mien.scope import Doubt, Scope, ScopePolicy, beyond, doubts_about, scope_of
from mien.scope.aspects import ASPECTS
from mien.types import Face, Floats, Image, Threshold

MAX_SAMPLES = 20
"""Samples that are kept of a track."""
FULL_SIDE = 112.0
"""Pixels along a face's longer side from which on more pixels do not make a sample better: recognizers read 112."""
THUMBNAIL = 192
"""Pixels along the longer side of a view that is kept, at most: a long film has thousands of tracks."""
PAUSES = ((3, 0.12), (8, 0.3), (20, 0.6))
"""Below how many measured faces of a track how many seconds pass before the next is measured: frames that follow
each other show the same, and a face costs milliseconds."""
LONG_PAUSE = 1.5
"""Seconds after those."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Measured:
    """A face of a frame, measured.

    Attributes:
        at: seconds of the frame.
        face: in pixels of the frame.
        worth: how good a portrait it is, 0 to 100.
        doubts: in what it is outside of what the recognizer was measured on.
        thumbnail: (h, w, 3) uint8 RGB, the face with its surroundings, at most 192 pixels along its longer side.
    """

    at: float
    face: Face
    worth: float
    doubts: tuple[Doubt, ...]
    thumbnail: Image = field(repr=False)

    @property
    def counts(self) -> bool:
        """Whether the recognizer's rates hold for it."""
        return not beyond(self.doubts)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A face that counts, with its embedding: (D,) float32; and its portrait, where those are kept."""

    measured: Measured
    embedding: Floats
    portrait: Portrait | None = field(default=None, repr=False)


def measure_face(image: Image, face: Face, at: float, threshold: Threshold, policy: ScopePolicy) -> Measured:
    """Measure one face of a frame; this takes some milliseconds.

    Args:
        image: (H, W, 3) uint8 RGB.
        face: in its pixels.
        at: seconds of the frame.
        threshold: whose rates have to hold.
        policy: "ignore" lets every face count.
    """
    cutout = cut_out(image, face)
    height, width = cutout.image.shape[:2]
    placed = Face(face.box, face.score, cutout.landmarks)
    portrait = PortraitImage(image=cutout.image, width=width, height=height, faces=(placed,), chosen=0)
    side = max(face.box.width, face.box.height)
    try:
        chip = make_face_chip(portrait)
    except DegenerateLandmarksError:
        scope, worth = scope_of({"size": side}), 0.0
    else:
        scope, worth = _scope(chip), _quality(portrait, chip) * min(1.0, side / FULL_SIDE)
    doubts = () if policy == "ignore" else doubts_about(scope, threshold)
    view = cut(image, face.box)
    thumbnail = shrink(view, THUMBNAIL)[0] if view.size else view
    return Measured(at=at, face=face, worth=worth, doubts=doubts, thumbnail=thumbnail)


def _scope(chip: FaceChip) -> Scope:
    return scope_of({code: one.of_face(chip) for code, one in ASPECTS.items() if not one.of_portraits})


def _quality(portrait: PortraitImage, chip: FaceChip) -> float:
    return overall({name: MEASURES[name].take(portrait, chip) for name in WEIGHTS})


@dataclass(slots=True)
class SampleBook:
    """The best samples of a track, and what became of the faces that were measured.

    Attributes:
        samples: the best first.
        measured: number of faces that were measured.
        left_out: why faces did not count: how often each aspect was outside.
        last: seconds of the face that was measured last.
    """

    samples: list[Sample] = field(default_factory=list)
    measured: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    doubts: dict[str, Doubt] = field(default_factory=dict)
    last: float = float("-inf")

    def is_due(self, at: float) -> bool:
        """Whether a face is measured at a time."""
        pause = next((seconds for below, seconds in PAUSES if self.measured < below), LONG_PAUSE)
        return at - self.last >= pause or at < self.last

    def count(self, measured: Measured) -> bool:
        """Count a measured face; whether it is worth embedding, since it counts and would be kept."""
        self.measured, self.last = self.measured + 1, measured.at
        for doubt in beyond(measured.doubts):
            self.left_out[doubt.code] += 1
            self.doubts[doubt.code] = doubt
        return measured.counts and (
            len(self.samples) < MAX_SAMPLES or measured.worth > self.samples[-1].measured.worth
        )

    def add(self, sample: Sample) -> None:
        """Keep a sample; the worst leaves where there are too many."""
        self.samples.append(sample)
        self.samples.sort(key=lambda one: -one.measured.worth)
        del self.samples[MAX_SAMPLES:]

    def reasons(self, count: int = 2) -> Sequence[Doubt]:
        """The doubts because of which faces did not count, the most frequent first."""
        return [self.doubts[code] for code, _ in self.left_out.most_common(count)]
