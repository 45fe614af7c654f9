"""Colour of a face: natural skin, a cast, or none at all (ISO/IEC 29794-5: NaturalColour).

Skin is sampled on both cheeks in CIELAB (D65), as in the standard, which cannot separate a cast from an unusual skin;
so the limits of a and b include all skins, and this measures conformance, not use to a recognizer. A grey image has
no skin colour: OFIQ gives it 100; here the measures of skin are not assessed and say why.
"""

import numpy as np

from mien.portrait.measures.face_chip import ZONE, FaceChip, lab, zone
from mien.portrait.measures.scale import clamp, sigmoid

GREY = 3.0
"""Mean chroma below which an image is grey: JPEG leaves up to 2 in one without colour."""
A, B = (5.0, 25.0), (5.0, 35.0)
"""Natural skin in a and b (ISO/IEC 29794-5)."""


def chroma(chip: FaceChip) -> float:
    """Mean distance from grey of the face's pixels in the plane of a and b."""
    return chip.chroma


def distance(chip: FaceChip) -> float | None:
    """How far the cheeks' mean colour is from natural skin, in CIELAB (NaturalColour); None where all is grey."""
    if chip.chroma < GREY:
        return None
    a, b = _cheeks(chip)
    return float(np.hypot(a - np.clip(a, *A), b - np.clip(b, *B)))


def _cheeks(chip: FaceChip) -> tuple[float, float]:
    parts = [zone(chip.pixels, chip.zones[name], ZONE).reshape(-1, 3) for name in ("left cheek", "right cheek")]
    tones = lab(np.ascontiguousarray(np.concatenate(parts)[None]))[0]
    return float(tones[:, 1].mean()), float(tones[:, 2].mean())


def distance_quality(value: float) -> float:
    """200 (1 - S(0, 10))."""
    return clamp(200 * (1 - sigmoid(value, 0, 10)))


def chroma_quality(value: float) -> float:
    """0 for grey, 100 from twice the limit of grey on; ours."""
    return clamp(100 * (value / GREY - 1))
