"""The frozen values that pass between rooms. Owns their meaning; computes nothing costly.

Images are (H, W, 3) uint8 RGB, upright. Boxes are x1, y1, x2, y2 in pixels of the source image, x2 and
y2 exclusive. Landmarks are (5, 2) float32 pixels x, y in the viewer's order: left eye, right eye, nose,
left mouth corner, right mouth corner.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.units import Unit

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]


def floats(values: ArrayLike) -> Floats:
    """A float32 array."""
    return np.asarray(values, np.float32)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the source image; x2 and y2 are exclusive, and it may leave the image."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        """Width in pixels."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.y2 - self.y1

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """x1, y1, x2, y2."""
        return self.x1, self.y1, self.x2, self.y2

    @property
    def area(self) -> float:
        """Area in square pixels, 0 for an empty box."""
        return max(0.0, self.width) * max(0.0, self.height)


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One detected face.

    Attributes:
        box: pixels of the source image.
        score: the detector's confidence, 0 to 1.
        landmarks: (5, 2) float32 pixels x, y of the source image, in the viewer's order.
        turn: degrees clockwise by which the image has to be turned for the face to be upright: 0, 90, 180 or 270.
            The landmarks are in the order of a viewer of the turned image.
    """

    box: Box
    score: float
    landmarks: Floats
    turn: int = 0


Faces = tuple[Face, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A decoded image and the size of the file's image, which may be larger after a reduced decode.

    Attributes:
        image: (h, w, 3) uint8 RGB, upright.
        width: width in pixels of the upright image in the file.
        height: height in pixels of the upright image in the file.
    """

    image: Image
    width: int
    height: int

    @property
    def reduction(self) -> float:
        """How many source pixels one decoded pixel spans along the longer side; 1 when not reduced."""
        return float(max(self.width, self.height) / max(self.image.shape[:2]))


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """A face with its surroundings, cut from its image, from which any model can align it.

    Attributes:
        image: (h, w, 3) uint8 RGB.
        landmarks: (5, 2) float32 pixels of this image.
    """

    image: Image
    landmarks: Floats


@dataclass(frozen=True, slots=True)
class Score:
    """How alike two embeddings are, with its unit and the embedding contract it was computed under."""

    value: float
    unit: Unit
    contract: str


PLAIN = "plain"
"""The condition of images that are as the protocol has them, to which the rates of other conditions are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A decision threshold, never a bare number.

    Attributes:
        value: in `unit`; a cosine is accepted at or above it, a distance at or below it.
        unit: cosine, L2 or squared L2.
        contract: the embedding contract of the model it was measured with.
        fmr: the false match rate it was chosen for.
        fmr_interval: 95% interval of the false match rate on subjects it was not chosen on, or None
            when it was not scored on held-out subjects.
        protocol: how and on what it was measured.
        strata: the false match rate within and between groups of people, by "group | group": value and 95% interval.
        conditions: the false match rate where an image is outside of the protocol, by the code of the condition
            (see mien.models.card.ThresholdRow): value and 95% interval. PLAIN is that of the protocol itself, which
            can differ from `fmr` where the threshold is promised for a group.
    """

    value: float
    unit: Unit
    contract: str
    fmr: float
    fmr_interval: tuple[float, float] | None
    protocol: str
    strata: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    conditions: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)

    def within(self, group: str) -> tuple[float, float, float] | None:
        """The false match rate within a group of people and its 95% interval; None where it is not known."""
        return self.strata.get(f"{group} | {group}")

    @property
    def worst_group(self) -> tuple[str, float] | None:
        """The group within which most strangers pass, and its false match rate; None where none is known."""
        named = {name.partition(" | ")[0] for name in self.strata}
        rates = {group: measured[0] for group in sorted(named) if (measured := self.within(group)) is not None}
        return max(rates.items(), key=lambda item: item[1]) if rates else None

    @property
    def failing_group(self) -> str | None:
        """The worst group, where the promised rate does not hold within it, beyond its interval; else None."""
        if self.worst_group is None:
            return None
        group = self.worst_group[0]
        measured = self.within(group)
        return group if measured is not None and measured[1] > self.fmr else None
