"""What is looked at in a face, and from which values on a face is outside of what recognizers are measured on.

Owns the table and its limits. The codes are those of a card's `conditions` (see mien.models.card.ThresholdRow); texts
are in mien.messages under `scope.`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import acos, cos, degrees, radians

from mien.messages import Message, Text, has_message
from mien.portrait.measures import colour, detail, light, mask, occlusion
from mien.portrait.measures.face_chip import FaceChip


@dataclass(frozen=True, slots=True, kw_only=True)
class Aspect:
    """One way in which a face can be unlike those that thresholds are measured on.

    Attributes:
        of_face: takes its value from a prepared face.
        limit: the value from which on a face is outside.
        above: whether faces with higher values are outside, or those with lower ones.
        unit: of the value; empty for shares.
        title: what it is called where the catalogues do not say.
        missed: whether people are missed at least twice as often beyond the limit, so that no decision stands there,
            whatever share of strangers matches.
        part_of: an aspect that brings this one along: where a face is outside in that, this is not looked at.
        of_portraits: whether it is looked at only where somebody is enrolled. No error rate is known to change with
            it; but what is enrolled is compared for years, and a better image can be taken.
    """

    of_face: Callable[[FaceChip], float]
    limit: float
    above: bool = True
    unit: str = ""
    title: str = ""
    missed: bool = False
    part_of: str = ""
    of_portraits: bool = False

    def is_outside(self, value: float) -> bool:
        """Whether a face with this value is outside; one whose value is NaN is not known to be inside."""
        return not (value <= self.limit if self.above else value >= self.limit)


def size(chip: FaceChip) -> float:
    """The longer side of the face's box in pixels of the file."""
    box = chip.portrait.face.box
    return max(box.width, box.height) * chip.portrait.reduction


def turn(chip: FaceChip) -> float:
    """The angle in degrees between the direction of the face and that to the camera: yaw and pitch together."""
    pose = chip.pose
    return degrees(acos(cos(radians(pose.yaw.value)) * cos(radians(pose.pitch.value))))


ASPECTS: dict[str, Aspect] = {
    "mask": Aspect(of_face=mask.mask, limit=0.5, part_of="size"),
    "size": Aspect(of_face=size, limit=48.0, above=False, unit="px"),
    "sharpness": Aspect(of_face=detail.sharpness, limit=-8.0, above=False, unit="dB", missed=True, part_of="size"),
    "pose": Aspect(of_face=turn, limit=45.0, unit="degrees", missed=True),
    "grey": Aspect(of_face=colour.chroma, limit=colour.GREY, above=False),
    "tones": Aspect(of_face=light.dynamic_range, limit=4.0, above=False, unit="bits", of_portraits=True),
    "burnt-out": Aspect(of_face=light.bright_share, limit=0.1, of_portraits=True),
    "dark-lenses": Aspect(of_face=occlusion.dark_lenses, limit=0.75, of_portraits=True),
}
"""A new aspect is one entry; its texts are `scope.CODE.name` and `scope.CODE.is` in the catalogues.

Limits of sharpness, pose and size are where the error rates of three recognizers visibly change on CelebA; that of
masks finds drawn ones (docs/guide/scope.md). Those of portraits are the limits of the rules `vn-portrait`. A face of
few pixels is not sharp at the chip's size, so the rate of its size includes that; and its mouth has no line to be
seen, so it cannot be said whether it wears a mask.
"""


def outside(values: Mapping[str, float]) -> tuple[str, ...]:
    """The codes of the aspects in which a face with these values is outside."""
    found = [code for code, one in ASPECTS.items() if code in values and one.is_outside(values[code])]
    return tuple(code for code in found if ASPECTS[code].part_of not in found)


def name_of(code: str) -> Text:
    """What an aspect is called, in a word or two."""
    return Message(f"scope.{code}.name") if has_message(f"scope.{code}.name") else ASPECTS[code].title or code


def sentence_about(code: str, value: float | None) -> Message:
    """What a face shows that is outside in an aspect."""
    if value is None:
        return Message(f"scope.{code}.unknown")
    if has_message(f"scope.{code}.is"):
        return Message(f"scope.{code}.is", {"value": value})
    return Message("scope.other", {"name": name_of(code), "value": value})
