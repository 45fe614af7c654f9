"""Colour of a face: natural skin, a cast, or none at all (ISO/IEC 29794-5: NaturalColour).

Skin is sampled on both cheeks in CIELAB (D65), as in the standard, which cannot separate a cast from an unusual skin;
so the limits of a and b include all skins, and this measures conformance, not use to a recognizer. A grey image has
no skin colour: OFIQ gives it 100; here the measures of skin are not assessed and say why.
"""

import cv2
import numpy as np

from mien.portrait.measures.face_chip import FaceChip, zone
from mien.portrait.measures.light import ZONE, zones
from mien.portrait.measures.scale import clamp, sigmoid
from mien.types import Floats, Image, floats

GREY = 3.0
"""Mean chroma below which an image is grey: JPEG leaves up to 2 in one without colour."""
A, B = (5.0, 25.0), (5.0, 35.0)
"""Natural skin in a and b (ISO/IEC 29794-5)."""


def lab(image: Image) -> Floats:
    """CIELAB (D65) of an sRGB image: L 0 to 100, a and b about -128 to 127."""
    return floats(cv2.cvtColor(image.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB))


def chroma(chip: FaceChip) -> float:
    """Mean distance from grey of the face's pixels in the plane of a and b."""
    small = lab(np.ascontiguousarray(chip.pixels[40:212:4, 48:176:4]))
    return float(np.hypot(small[..., 1], small[..., 2]).mean())


def distance(chip: FaceChip) -> float | None:
    """How far the cheeks' mean colour is from natural skin, in CIELAB (NaturalColour); None where all is grey."""
    if chroma(chip) < GREY:
        return None
    a, b = _cheeks(chip)
    return float(np.hypot(a - np.clip(a, *A), b - np.clip(b, *B)))


def _cheeks(chip: FaceChip) -> tuple[float, float]:
    places = zones(chip)
    parts = [zone(chip.pixels, places[name], ZONE).reshape(-1, 3) for name in ("left cheek", "right cheek")]
    tones = lab(np.ascontiguousarray(np.concatenate(parts)[None]))[0]
    return float(tones[:, 1].mean()), float(tones[:, 2].mean())


def distance_quality(value: float) -> float:
    """200 (1 - S(0, 10))."""
    return clamp(200 * (1 - sigmoid(value, 0, 10)))


def chroma_quality(value: float) -> float:
    """0 for grey, 100 from twice the limit of grey on; ours."""
    return clamp(100 * (value / GREY - 1))
