"""What covers a face: glasses, glare, dark lenses, masks; from edges and colours in the chip.

Without a segmentation a thing cannot be recognized as such: these find the straight edge of a bridge and of rims,
lenses that are darker than cheeks, and a lower face whose colour is not that of the upper one. They cannot separate
caps and scarves from hair, or closed eyes from narrow ones; both need a model (see model_measures).
"""

import cv2
import numpy as np

from mien.portrait.measures.face_chip import CHIP, IED, OVAL, FaceChip, zone
from mien.portrait.measures.light import ZONE, zones
from mien.portrait.measures.scale import clamp, falling
from mien.types import Floats, floats

EDGE = 1.2
"""Deviation in pixels of the chip of the smoothing before edges are looked for."""
UNLIKE_COLOUR, UNLIKE_LIGHT = 11.0, 36.0
"""Distance in a and b, and in L, from the upper face from which on a pixel is not of its skin."""


BRIDGE, LIDS = 0.12, 0.28
"""How far below the eyes the upper face's skin is sampled, on the nose and under the eyes, in IED."""
SHADED = 40.0
"""How much darker than the bridge, in 8 bits of L, both lids are behind lenses."""
ROUGH, NOISY = 6.0, 0.4
"""Fine edges, in levels, from which on a surface is hair and no cloth, and how much of the noise comes on top."""


def glasses(chip: FaceChip) -> float:
    """Strength of the edges of a bridge and of lower rims, in percent of three deviations of the face's luma.

    The nose between the eyes is bare skin, and so are the lower lids; glasses draw a line across both. The strongest
    row of the slope's mean over the bridge, and over the two places under the eyes, as a geometric mean. The face's
    own contrast is the scale, so that a darker or a harsher image changes little.
    """
    x, y = (round(float(c)) for c in chip.eyes)
    contrast = max(6.0, float(chip.grey.reshape(-1)[OVAL].std()))
    top = max(0, y - round(IED))
    smooth = cv2.GaussianBlur(chip.grey[top : y + round(IED)], (0, 0), EDGE)
    slope = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    bridge = _line(slope, x, y - top - 2, 0.14, 0.26)
    rims = [
        _line(slope, round(float(p[0])), round(float(p[1]) - top + 0.36 * IED), 0.16, 0.14) for p in chip.points[:2]
    ]
    return float(np.sqrt(max(0.0, bridge) * max(0.0, float(np.mean(rims)))) / (3 * contrast) * 100)


def _cheeks(chip: FaceChip) -> list[Floats]:
    places = zones(chip)
    return [places["left cheek"], places["right cheek"]]


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
    for eye, cheek in zip(chip.points[:2], _cheeks(chip), strict=True):
        below = float(np.median(zone(chip.light, cheek, ZONE))) + 1e-3
        shares.append(1 - _upper_quartile(_lens(chip, eye)) / below)
    return max(0.0, min(shares))


def _upper_quartile(values: Floats) -> float:
    flat = values.reshape(-1)
    place = len(flat) * 3 // 4
    return float(np.partition(flat, place)[place])


def glare(chip: FaceChip) -> float:
    """Share of the eyes' surroundings that is white and far brighter than the cheeks."""
    both = np.concatenate([_lens(chip, eye).reshape(-1) for eye in chip.points[:2]])
    cheek = max(float(np.median(zone(chip.light, c, ZONE))) for c in _cheeks(chip))
    return float((both > max(0.8, 1.6 * cheek)).mean()) if cheek < 0.75 else 0.0


HALF = 2
"""Masks are looked for at half of the chip's size."""
_ROWS, _COLUMNS = np.mgrid[0 : CHIP // HALF, 0 : CHIP // HALF].astype(np.float32)


def _reference(colours: Floats, chip: FaceChip) -> Floats:
    """The tone of the upper face: the middle one of the bridge of the nose and the lower lids by brightness.

    Where both lids are far darker than the bridge, lenses cover them, and the bridge alone is skin.
    """
    places = [chip.eyes + floats([0, BRIDGE * IED]), *(chip.points[:2] + floats([0, LIDS * IED]))]
    side = round(0.09 * IED / HALF)
    tones = []
    for place in places:
        x, y = (int(np.clip(round(float(c) / HALF), side, len(colours) - side)) for c in place)
        tones.append(np.median(colours[y - side : y + side, x - side : x + side].reshape(-1, 3), axis=0))
    bridge, middle = tones[0], sorted(tones, key=lambda tone: float(tone[0]))[1]
    return floats(bridge if bridge[0] - max(tones[1][0], tones[2][0]) > SHADED else middle)


def _lower(chip: FaceChip) -> Floats:
    """The lower face at half size, from below the nose to the chin, as wide as the cheeks: 1 inside, 0 outside."""
    x, y = (chip.eyes + chip.down * np.float32(1.1)) / HALF
    reach = 0.62 * IED / HALF
    return floats((_COLUMNS - x) ** 2 + (_ROWS - y) ** 2 <= reach * reach)


def mask(chip: FaceChip) -> float:
    """Share of the lower face whose colour or brightness is not that of the upper face, where it is smooth.

    A beard is unlike skin, too, but rough; a mask has folds, yet hardly any fine edges.
    """
    # In 8 bits, L is 255 for 100; the differences of a and b are those of CIELAB.
    small = cv2.blur(cv2.resize(chip.pixels, None, fx=1 / HALF, fy=1 / HALF, interpolation=cv2.INTER_AREA), (3, 3))
    colours = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    light, a, b = cv2.split(cv2.absdiff(colours, (*_reference(floats(colours), chip).tolist(), 0.0)))
    grey = chip.grey[::HALF, ::HALF]
    rough = cv2.GaussianBlur(cv2.absdiff(grey, cv2.GaussianBlur(grey, (0, 0), 1.5)), (0, 0), 2.0)
    colour = cv2.multiply(a, a, dtype=cv2.CV_32F) + cv2.multiply(b, b, dtype=cv2.CV_32F) > UNLIKE_COLOUR**2
    unlike = (colour | (light > UNLIKE_LIGHT * 2.55)) & (rough < ROUGH + NOISY * chip.noise)
    inside = _lower(chip)
    return float(inside[unlike].sum() / max(1.0, float(inside.sum())))


def glasses_quality(value: float) -> float:
    """Ours."""
    return falling(value, 7.0, 1.0)


def dark_quality(value: float) -> float:
    """Ours."""
    return falling(value, 0.75, 0.07)


def glare_quality(value: float) -> float:
    """Ours: 50 where 5% of the eyes' surroundings are white."""
    return falling(value, 0.05, 0.015)


def mask_quality(value: float) -> float:
    """100 (1 - x), as for OFIQ's occluded shares."""
    return clamp(100 * (1 - value))
