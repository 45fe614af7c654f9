"""All measures of a portrait by name: what each is called, its unit, how it is taken, its quality, where it looks.

Owns the catalogue and the three outcomes of taking a measure: a value, a value with its standard deviation, or the
reason why there is none. Compares nothing with a limit; that is what rules do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mien.errors import DegenerateLandmarksError
from mien.geometry import similarity, transform
from mien.portrait.measures import colour, detail, framing, light, model_measures, occlusion, recapture
from mien.portrait.measures.face_chip import CHIP_POSE, FaceChip, PortraitImage
from mien.portrait.measures.scale import clamp
from mien.types import Box, Floats, floats

NO_FACE = "no face was found"
ZONES: dict[str, tuple[float, float, float, float]] = {
    "face": (40, 20, 184, 216),
    "eyes": (44, 64, 180, 122),
    "cheeks": (58, 104, 166, 146),
    "lower": (60, 126, 164, 214),
}
"""Parts of a chip that measures look at: x1, y1, x2, y2."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of taking a measure.

    Attributes:
        value: in the measure's unit; None where it could not be taken.
        sd: its standard deviation where it is known; else 0.
        quality: 0 to 100 as in ISO/IEC 29794-5; None where there is none.
        reason: why there is no value; else empty.
    """

    value: float | None
    sd: float = 0.0
    quality: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure.

    Attributes:
        unit: of its value; empty for shares and ratios.
        en, vi: what it is called.
        take: of a view; for measures that need no face, of its picture.
        quality: value to 0..100; None where more or less is neither better nor worse.
        zone: the part of the face that it looks at; empty for the whole picture.
        absent: the reason where `take` gives None.
    """

    unit: str
    en: str
    vi: str
    take: Callable[[FaceChip], float | None] | None = None
    of_image: Callable[[PortraitImage], float | None] | None = None
    quality: Callable[[float], float] | None = None
    zone: str = "face"
    absent: str = ""


NEEDS = "needs a model for {}: `mien models add FILE --expert {}`"
REDUCED = "the picture was reduced while decoding, which takes the grid away"

MEASURES: dict[str, Measure] = {
    "width": Measure("px", "width", "chiều rộng", of_image=lambda p: float(p.width), zone=""),
    "height": Measure("px", "height", "chiều cao", of_image=lambda p: float(p.height), zone=""),
    "aspect": Measure("", "width over height", "tỉ lệ rộng trên cao", of_image=lambda p: p.width / p.height, zone=""),
    "jpeg_quality": Measure(
        "",
        "JPEG quality",
        "chất lượng JPEG",
        of_image=lambda p: p.jpeg_quality,
        quality=clamp,
        zone="",
        absent="the file is no JPEG",
    ),
    "paper_border": Measure(
        "", "even border", "viền giấy", of_image=recapture.border, quality=recapture.border_quality, zone=""
    ),
    "stamp": Measure("", "stamp", "con dấu", of_image=recapture.stamp, quality=recapture.stamp_quality, zone=""),
    "faces": Measure("", "faces", "số khuôn mặt", of_image=framing.faces, zone=""),
    "second_face": Measure(
        "",
        "second face over first",
        "khuôn mặt thứ hai so với thứ nhất",
        lambda v: framing.second_face(v.portrait),
        quality=framing.second_face_quality,
        zone="",
    ),
    "face_side": Measure("px", "shorter side of the face's box", "cạnh ngắn của khung mặt", framing.face_side),
    "face_share": Measure("", "face over picture", "tỉ lệ mặt trên ảnh", framing.face_share),
    "head_size": Measure(
        "",
        "eyes to chin over height",
        "mắt đến cằm trên chiều cao",
        framing.head_size,
        quality=framing.head_size_quality,
    ),
    "centre_x": Measure(
        "", "face across the picture", "vị trí ngang của mặt", framing.centre_x, quality=framing.centre_quality
    ),
    "eye_line": Measure("", "eyes down the picture", "vị trí dọc của mắt", framing.eye_line),
    "margin_left": Measure(
        "IED", "room on the left", "khoảng trống bên trái", framing.margin_left, quality=framing.side_quality, zone=""
    ),
    "margin_right": Measure(
        "IED",
        "room on the right",
        "khoảng trống bên phải",
        framing.margin_right,
        quality=framing.side_quality,
        zone="",
    ),
    "margin_above": Measure(
        "T",
        "room above the eyes",
        "khoảng trống phía trên",
        framing.margin_above,
        quality=framing.above_quality,
        zone="",
    ),
    "margin_below": Measure(
        "T",
        "room below the eyes",
        "khoảng trống phía dưới",
        framing.margin_below,
        quality=framing.below_quality,
        zone="",
    ),
    "inter_eye": Measure(
        "px",
        "distance between the eyes",
        "khoảng cách hai mắt",
        framing.inter_eye,
        quality=framing.inter_eye_quality,
        zone="eyes",
    ),
    "yaw": Measure("degrees", "yaw", "quay ngang", quality=framing.angle_quality),
    "pitch": Measure("degrees", "pitch", "cúi ngửa", quality=framing.angle_quality),
    "roll": Measure("degrees", "roll", "nghiêng đầu", quality=framing.angle_quality),
    "illumination": Measure(
        "",
        "likeness of the cheeks' light",
        "độ đều ánh sáng hai má",
        light.uniformity,
        quality=light.uniformity_quality,
        zone="cheeks",
    ),
    "cheek_balance": Measure(
        "",
        "darker over brighter cheek",
        "má tối trên má sáng",
        light.sides,
        quality=light.ratio_quality,
        zone="cheeks",
    ),
    "four_zones": Measure(
        "",
        "darkest over brightest zone",
        "vùng tối nhất trên sáng nhất",
        light.four_zones,
        quality=light.ratio_quality,
    ),
    "luminance": Measure("", "mean luminance", "độ sáng trung bình", light.mean, quality=light.mean_quality),
    "luminance_variance": Measure(
        "", "variance of luminance", "phương sai độ sáng", light.variance, quality=light.variance_quality
    ),
    "under_exposure": Measure("", "dark share", "phần thiếu sáng", light.dark_share, quality=light.dark_quality),
    "over_exposure": Measure("", "white share", "phần cháy sáng", light.bright_share, quality=light.bright_quality),
    "dynamic_range": Measure("bits", "range of tones", "dải tông", light.dynamic_range, quality=light.range_quality),
    "chroma": Measure("", "colourfulness", "độ màu", colour.chroma, quality=colour.chroma_quality),
    "natural_colour": Measure(
        "",
        "distance from natural skin",
        "độ lệch màu da tự nhiên",
        colour.distance,
        quality=colour.distance_quality,
        zone="cheeks",
        absent="the picture is grey",
    ),
    "glasses": Measure(
        "", "edges of glasses", "gọng kính", occlusion.glasses, quality=occlusion.glasses_quality, zone="eyes"
    ),
    "dark_lenses": Measure(
        "", "darkness of the eyes", "kính tối màu", occlusion.dark_lenses, quality=occlusion.dark_quality, zone="eyes"
    ),
    "glare": Measure(
        "", "glare at the eyes", "lóa ở mắt", occlusion.glare, quality=occlusion.glare_quality, zone="eyes"
    ),
    "mask": Measure(
        "", "covered lower face", "phần dưới mặt bị che", occlusion.mask, quality=occlusion.mask_quality, zone="lower"
    ),
    "eyes_open": Measure(
        "",
        "opening of the eyes over T",
        "độ mở mắt",
        model_measures.eyes_open,
        quality=model_measures.eyes_quality,
        zone="eyes",
        absent=NEEDS.format("landmarks", "landmarks"),
    ),
    "mouth_open": Measure(
        "",
        "opening of the mouth over T",
        "độ mở miệng",
        model_measures.mouth_open,
        quality=model_measures.mouth_quality,
        zone="lower",
        absent=NEEDS.format("landmarks", "landmarks"),
    ),
    "head_covering": Measure(
        "",
        "hat or cloth over the head",
        "khăn mũ trên đầu",
        model_measures.head_covering,
        quality=model_measures.covering_quality,
        absent=NEEDS.format("parsing", "parsing"),
    ),
    "background": Measure(
        "",
        "unevenness of the background",
        "độ loang của nền",
        model_measures.background,
        quality=model_measures.background_quality,
        zone="",
        absent=NEEDS.format("parsing", "parsing"),
    ),
    "model_quality": Measure(
        "",
        "quality by a model",
        "chất lượng theo mô hình",
        model_measures.model_quality,
        quality=clamp,
        absent=NEEDS.format("quality", "quality"),
    ),
    "sharpness": Measure("dB", "sharpness", "độ nét", detail.sharpness, quality=detail.sharpness_quality),
    "motion_blur": Measure("dB", "motion blur", "nhòe chuyển động", detail.motion, quality=detail.motion_quality),
    "noise": Measure("levels", "noise", "nhiễu", detail.noise, quality=detail.noise_quality),
    "compression": Measure(
        "levels", "traces of compression", "vết nén ảnh", detail.blocks, quality=detail.blocks_quality, absent=REDUCED
    ),
    "enlargement": Measure(
        "times", "enlargement", "phóng to", recapture.enlargement, quality=recapture.enlargement_quality
    ),
    "halftone": Measure(
        "dB",
        "printer's dots",
        "chấm in",
        quality=recapture.pattern_quality,
        absent="the face is too small for a spectrum",
    ),
    "screen": Measure(
        "dB",
        "screen's lines",
        "vân màn hình",
        quality=recapture.pattern_quality,
        absent="the face is too small for a spectrum",
    ),
}
"""A new measure is a function in its module and an entry here."""

ANGLES = ("yaw", "pitch", "roll")
PATTERNS = ("halftone", "screen")


def measure(portrait: PortraitImage, chip: FaceChip | None) -> dict[str, Measured]:
    """Take every measure.

    Args:
        portrait: the picture with its facts.
        chip: its face, prepared; None where there is none.
    """
    together = {} if chip is None else _together(chip)
    return {
        name: together[name] if name in together else _take(one, portrait, chip) for name, one in MEASURES.items()
    }


def _take(one: Measure, portrait: PortraitImage, chip: FaceChip | None) -> Measured:
    if one.of_image is not None:
        return _measured(one, one.of_image(portrait))
    if chip is None or one.take is None:
        return Measured(None, reason=NO_FACE)
    return _measured(one, one.take(chip))


def _measured(one: Measure, value: float | None, sd: float = 0.0) -> Measured:
    if value is None:
        return Measured(None, reason=one.absent)
    return Measured(value, sd, None if one.quality is None else round(one.quality(value), 2))


def _together(chip: FaceChip) -> Mapping[str, Measured]:
    """Measures that are taken in one go."""
    angles = model_measures.angles(chip) or chip.pose
    turned = {name: getattr(angles, name) for name in ANGLES}
    found: dict[str, Measured] = {
        name: _measured(MEASURES[name], angle.value, angle.sd) for name, angle in turned.items()
    }
    peaks = recapture.patterns(chip) or (None, None)
    return found | {name: _measured(MEASURES[name], peak) for name, peak in zip(PATTERNS, peaks, strict=True)}


def place(landmarks: Floats | None, name: str) -> Box | None:
    """The part of a picture that a measure looks at, around a face with these landmarks; None for all of it.

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
