"""All measures of a portrait by name: the one table from which rules, tables and pages take them.

Owns the table and the parts of a face that measures read. Texts are in mien.messages; limits are in rule files.
"""

from collections.abc import Callable
from typing import Literal

from mien.errors import DegenerateLandmarksError
from mien.geometry import similarity, transform
from mien.messages import Message
from mien.portrait.measures import (
    colour,
    detail,
    framing,
    light,
    mask,
    mesh,
    model_measures,
    occlusion,
    recapture,
    surroundings,
)
from mien.portrait.measures.face_chip import CHIP_POSE, FaceChip, PortraitImage
from mien.portrait.measures.measure import Measure, Measured
from mien.portrait.measures.scale import clamp
from mien.types import Box, Floats, floats

ZONES: dict[str, tuple[float, float, float, float]] = {
    "face": (40, 20, 184, 216),
    "eyes": (44, 64, 180, 122),
    "cheeks": (58, 104, 166, 146),
    "lower": (60, 126, 164, 214),
}
"""Parts of a chip that measures read: x1, y1, x2, y2."""

SMALL_FACE, SMALL_FOR_MASK, REDUCED, GREY, TURNED = (
    Message(f"reason.{name}") for name in ("small-face", "small-for-mask", "reduced", "grey", "turned")
)


RECOMMENDED = ("mesh", "iris")
"""Families of which `mien models pull recommended` brings a model."""


def _needs(family: str) -> Message:
    return Message("reason.needs-recommended" if family in RECOMMENDED else "reason.needs-model", {"family": family})


def _image(of: Callable[[PortraitImage], float | None], unit: str = "", **more: object) -> Measure:
    """A measure of the whole image, which needs no face."""
    return Measure(unit=unit, of_image=of, zone="", **more)  # type: ignore[arg-type]


def _turn(axis: Literal["yaw", "pitch", "roll"]) -> Measure:
    """An angle of the head from the mesh, next to that from the five landmarks."""
    return Measure(
        unit="degrees",
        of_face=lambda c: model_measures.turn(c, axis),
        quality=framing.angle_quality,
        absent=_needs("mesh"),
        has_sd=True,
    )


MEASURES: dict[str, Measure] = {
    "width": _image(lambda p: float(p.width), "px"),
    "height": _image(lambda p: float(p.height), "px"),
    "aspect": _image(lambda p: p.width / p.height),
    "jpeg_quality": _image(lambda p: p.jpeg_quality, quality=clamp, absent=Message("reason.no-jpeg")),
    "paper_border": _image(recapture.border, quality=recapture.border_quality),
    "stamp": _image(recapture.stamp, quality=recapture.stamp_quality),
    "faces": _image(framing.faces),
    "turn": Measure(unit="degrees", of_face=lambda c: float(c.portrait.turn), zone=""),
    "second_face": Measure(
        of_face=lambda c: framing.second_face(c.portrait), quality=framing.second_face_quality, zone=""
    ),
    "face_side": Measure(unit="px", of_face=framing.face_side),
    "face_share": Measure(of_face=framing.face_share),
    "head_size": Measure(of_face=framing.head_size, quality=framing.head_size_quality),
    "centre_x": Measure(of_face=framing.centre_x, quality=framing.centre_quality),
    "eye_line": Measure(of_face=framing.eye_line),
    "margin_left": Measure(unit="IED", of_face=framing.margin_left, quality=framing.side_quality, zone=""),
    "margin_right": Measure(unit="IED", of_face=framing.margin_right, quality=framing.side_quality, zone=""),
    "margin_above": Measure(unit="T", of_face=framing.margin_above, quality=framing.above_quality, zone=""),
    "margin_below": Measure(unit="T", of_face=framing.margin_below, quality=framing.below_quality, zone=""),
    "inter_eye": Measure(unit="px", of_face=framing.inter_eye, quality=framing.inter_eye_quality, zone="eyes"),
    "yaw": Measure(
        unit="degrees", of_face=lambda c: model_measures.pose(c).yaw, quality=framing.angle_quality, has_sd=True
    ),
    "pitch": Measure(
        unit="degrees", of_face=lambda c: model_measures.pose(c).pitch, quality=framing.angle_quality, has_sd=True
    ),
    "roll": Measure(
        unit="degrees", of_face=lambda c: model_measures.pose(c).roll, quality=framing.angle_quality, has_sd=True
    ),
    "illumination": Measure(of_face=light.uniformity, quality=light.uniformity_quality, zone="cheeks"),
    "cheek_balance": Measure(of_face=light.sides, quality=light.ratio_quality, zone="cheeks"),
    "four_zones": Measure(of_face=light.four_zones, quality=light.ratio_quality),
    "luminance": Measure(of_face=light.mean, quality=light.mean_quality),
    "luminance_variance": Measure(of_face=light.variance, quality=light.variance_quality),
    "under_exposure": Measure(of_face=light.dark_share, quality=light.dark_quality),
    "over_exposure": Measure(of_face=light.bright_share, quality=light.bright_quality),
    "dynamic_range": Measure(unit="bits", of_face=light.dynamic_range, quality=light.range_quality),
    "chroma": Measure(of_face=colour.chroma, quality=colour.chroma_quality),
    "natural_colour": Measure(of_face=colour.distance, quality=colour.distance_quality, zone="cheeks", absent=GREY),
    "glasses": Measure(of_face=occlusion.glasses, quality=occlusion.glasses_quality, zone="eyes"),
    "dark_lenses": Measure(of_face=occlusion.dark_lenses, quality=occlusion.dark_quality, zone="eyes"),
    "glare": Measure(of_face=occlusion.glare, quality=occlusion.glare_quality, zone="eyes"),
    "mask": Measure(
        of_face=lambda c: mask.mask(c) if mask.large_enough(c) else None,
        quality=mask.mask_quality,
        zone="lower",
        absent=SMALL_FOR_MASK,
    ),
    "eyes_open": Measure(
        of_face=model_measures.eyes_open,
        quality=model_measures.eyes_quality,
        zone="eyes",
        absent=_needs("landmarks"),
    ),
    "eye_ratio": Measure(
        of_face=model_measures.eye_ratio,
        quality=model_measures.ratio_quality,
        zone="eyes",
        absent=_needs("iris"),
    ),
    "eyes_seen_open": Measure(
        of_face=model_measures.eyes_seen_open,
        quality=model_measures.share_quality,
        zone="eyes",
        absent=_needs("eyes"),
    ),
    "gaze": Measure(of_face=mesh.gaze, quality=model_measures.gaze_quality, zone="eyes", absent=_needs("iris")),
    "mouth_open": Measure(
        of_face=model_measures.mouth_open,
        quality=model_measures.mouth_quality,
        zone="lower",
        absent=_needs("mesh"),
    ),
    "head_covering": Measure(
        of_face=model_measures.head_covering, quality=model_measures.covering_quality, absent=_needs("parsing")
    ),
    "background": Measure(
        of_face=model_measures.background,
        quality=model_measures.background_quality,
        zone="",
        absent=_needs("parsing"),
    ),
    "surroundings": Measure(
        of_face=surroundings.unevenness, quality=surroundings.quality, zone="", absent=_needs("mesh")
    ),
    "mesh_yaw": _turn("yaw"),
    "mesh_pitch": _turn("pitch"),
    "mesh_roll": _turn("roll"),
    "liveness": Measure(
        of_face=model_measures.liveness,
        quality=model_measures.share_quality,
        zone="",
        absent=_needs("liveness"),
    ),
    "model_quality": Measure(of_face=model_measures.model_quality, quality=clamp, absent=_needs("quality")),
    "sharpness": Measure(unit="dB", of_face=detail.sharpness, quality=detail.sharpness_quality),
    "motion_blur": Measure(unit="dB", of_face=detail.motion, quality=detail.motion_quality),
    "noise": Measure(unit="levels", of_face=detail.noise, quality=detail.noise_quality),
    "compression": Measure(unit="levels", of_face=detail.blocks, quality=detail.blocks_quality, absent=REDUCED),
    "enlargement": Measure(unit="times", of_face=recapture.enlargement, quality=recapture.enlargement_quality),
    "halftone": Measure(unit="dB", of_face=recapture.halftone, quality=recapture.pattern_quality, absent=SMALL_FACE),
    "screen": Measure(unit="dB", of_face=recapture.screen, quality=recapture.pattern_quality, absent=SMALL_FACE),
}
"""A new measure is a function in its module, an entry here, and its texts in the catalogues of messages."""


OF_FRAMING = (
    *("width", "height", "aspect", "turn", "second_face", "face_side", "face_share", "head_size", "centre_x"),
    *("eye_line", "margin_left", "margin_right", "margin_above", "margin_below", "inter_eye"),
)
"""Measures of where the face is in the image: the whole image with the face's box shows them."""

OF_POSE = ("yaw", "pitch", "roll", "mesh_yaw", "mesh_pitch", "mesh_roll")
"""Measures of how the head is held. In an image that is turned they would say to turn the head instead."""


def measure(portrait: PortraitImage, chip: FaceChip | None) -> dict[str, Measured]:
    """Take every measure.

    Args:
        portrait: the image with its facts, upright.
        chip: its face, prepared; None where there is none.
    """
    turned = {name: Measured(None, reason=TURNED) for name in OF_POSE} if portrait.turn else {}
    return {name: turned.get(name) or one.take(portrait, chip) for name, one in MEASURES.items()}


def with_deviation() -> tuple[str, ...]:
    """The names of the measures whose values have a standard deviation."""
    return tuple(name for name, one in MEASURES.items() if one.has_sd)


def place(landmarks: Floats | None, name: str) -> Box | None:
    """The part of an image that a measure reads, around a face with these landmarks; None for all of it.

    Args:
        landmarks: (5, 2) pixels, or None where there is no face.
        name: of the measure.
    """
    zone = MEASURES[name].zone
    if landmarks is None or not zone:
        return None
    try:
        back = similarity(CHIP_POSE.points, landmarks)
    except DegenerateLandmarksError:
        return None
    x1, y1, x2, y2 = ZONES[zone]
    corners = transform(floats([[x1, y1], [x2, y1], [x1, y2], [x2, y2]]), back)
    return Box(*(float(v) for v in (*corners.min(axis=0), *corners.max(axis=0))))
