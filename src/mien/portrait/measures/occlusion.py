"""What covers the eyes: glasses, glare and dark lenses; from edges and colours in the chip.

Without a segmentation a thing cannot be recognized as such: these find the straight edge of a bridge and of rims, and
lenses that are darker than cheeks. They cannot separate caps and scarves from hair; that needs a model (see
model_measures). Masks have a module of their own.
"""

import cv2
import numpy as np

from mien.portrait.measures.face_chip import CHIP, IED, FaceChip
from mien.portrait.measures.scale import falling, median
from mien.types import Floats, floats


def glasses(chip: FaceChip) -> float:
    """Strength of the edges of a bridge and of lower rims, in percent of three deviations of the face's luma.

    The nose between the eyes is bare skin, and so are the lower lids; glasses draw a line across both. The strongest
    row of the slope's mean over the bridge, and over the two places under the eyes, as a geometric mean. The face's
    own contrast is the scale, so that a darker or a harsher image changes little.
    """
    x, y = (round(float(c)) for c in chip.eyes)
    top = max(0, y - round(IED))
    slope = cv2.Sobel(chip.smooth[top : y + round(IED)], cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    bridge = _line(slope, x, y - top - 2, 0.14, 0.26)
    rims = [
        _line(slope, round(float(p[0])), round(float(p[1]) - top + 0.36 * IED), 0.16, 0.14) for p in chip.points[:2]
    ]
    return float(np.sqrt(max(0.0, bridge) * max(0.0, float(np.mean(rims)))) / (3 * chip.contrast) * 100)


def _line(slope: Floats, x: int, y: int, width: float, height: float) -> float:
    """The strongest mean slope of a row in a window, half sizes in IED; rows may tilt by a pixel in five."""
    w, h = round(width * IED), round(height * IED)
    part = slope[max(0, y - h) : y + h + 1, max(0, x - w) : x + w + 1]
    if part.shape[0] < 3 or part.shape[1] < 3:
        return 0.0
    return float(np.abs(part.mean(axis=1)).max())


def _lens(chip: FaceChip, eye: Floats) -> Floats:
    """Luminance of the place that a lens covers."""
    x, y = float(eye[0]), float(eye[1]) + 0.05 * IED
    return floats(
        chip.light[
            max(0, round(y - 0.18 * IED)) : round(y + 0.26 * IED),
            max(0, round(x - 0.3 * IED)) : min(CHIP, round(x + 0.3 * IED)),
        ]
    )


def dark_lenses(chip: FaceChip) -> float:
    """How much darker the brighter eye's surroundings are than the cheek below: 0 alike, 1 black."""
    shares = []
    for eye, cheek in zip(chip.points[:2], chip.cheeks, strict=True):
        below = median(cheek) + 1e-3
        shares.append(1 - _upper_quartile(_lens(chip, eye)) / below)
    return max(0.0, min(shares))


def _upper_quartile(values: Floats) -> float:
    flat = values.reshape(-1)
    place = len(flat) * 3 // 4
    return float(np.partition(flat, place)[place])


def glare(chip: FaceChip) -> float:
    """Share of the eyes' surroundings that is white and far brighter than the cheeks."""
    both = np.concatenate([_lens(chip, eye).reshape(-1) for eye in chip.points[:2]])
    cheek = max(median(one) for one in chip.cheeks)
    return float((both > max(0.8, 1.6 * cheek)).mean()) if cheek < 0.75 else 0.0


def glasses_quality(value: float) -> float:
    """Ours."""
    return falling(value, 7.0, 1.0)


def dark_quality(value: float) -> float:
    """Ours."""
    return falling(value, 0.75, 0.07)


def glare_quality(value: float) -> float:
    """Ours: 50 where 5% of the eyes' surroundings are white."""
    return falling(value, 0.05, 0.015)
