"""What models that a user has added say of a face: more landmarks, pose, parsing, quality. Runs no network.

The default models give five landmarks; these do not show closed eyes, hats or backgrounds. Each
function here reads what a network found (see portrait_models) and gives None where there is no such network.
"""

from typing import Literal

import cv2
import numpy as np

from mien.portrait.measures import mesh
from mien.portrait.measures.face_chip import FaceChip
from mien.portrait.measures.framing import head_length
from mien.portrait.measures.pose import Angle, Pose
from mien.portrait.measures.scale import clamp, falling, rising, sigmoid
from mien.types import Floats

EYES = {68: (range(36, 42), range(42, 48)), 98: (range(60, 68), range(68, 76)), 106: (range(33, 43), range(87, 97))}
"""Points around each eye in the layouts of iBUG (68), WFLW (98) and InsightFace (106)."""
INNER_MOUTH = {68: range(60, 68), 98: range(88, 96)}
CHIN = {68: 8, 98: 16, 106: 0}

BACKGROUND, CLOTH, HAT = 0, 16, 18
"""Classes of CelebAMask-HQ, as BiSeNet's face parsing gives them."""
POSE_SD = 5.0
"""Degrees by which pose networks of the 6DRepNet kind are off on AFLW2000, on the mean of the three angles."""


def pose(chip: FaceChip) -> Pose:
    """Yaw, pitch and roll by a portrait model, or else by the five landmarks; see mien.portrait.measures.pose."""
    found = chip.extra.get("pose")
    if found is None:
        return chip.pose
    yaw, pitch, roll = (Angle(float(value), POSE_SD) for value in found)
    return Pose(yaw, pitch, roll)


def _opening(points: Floats) -> float:
    """How far points reach across their longest direction's normal."""
    centred = points - points.mean(axis=0)
    across = np.linalg.svd(centred, full_matrices=False)[2][1]
    return float(np.ptp(centred @ across))


def _reach(points: Floats) -> float:
    """How far points reach along their longest direction."""
    centred = points - points.mean(axis=0)
    return float(np.ptp(centred @ np.linalg.svd(centred, full_matrices=False)[2][0]))


def _t(chip: FaceChip, points: Floats) -> float:
    """T in the landmarks' pixels: from between the eyes to the chin."""
    chin = CHIN.get(len(points))
    if chin is None:
        return head_length(chip)
    eyes = np.mean([points[list(part)].mean(axis=0) for part in EYES[len(points)]], axis=0)
    return max(1.0, float(np.linalg.norm(points[chin] - eyes)))


def eyes_open(chip: FaceChip) -> float | None:
    """The narrower eye's opening over T (EyesOpen); OFIQ takes pairs of lids, this the reach of all points."""
    points = chip.extra.get("landmarks")
    if points is None or len(points) not in EYES:
        return None
    return min(_opening(points[list(part)]) for part in EYES[len(points)]) / _t(chip, points)


def eye_ratio(chip: FaceChip) -> float | None:
    """The wider eye's height over its width, from the outline of the lids, or else from landmarks."""
    points = chip.extra.get("landmarks")
    if "lids" in chip.extra or points is None or len(points) not in EYES:
        return mesh.eye_ratio(chip)
    eyes = [points[list(part)] for part in EYES[len(points)]]
    return max(_opening(eye) / max(1e-6, _reach(eye)) for eye in eyes)


def mouth_open(chip: FaceChip) -> float | None:
    """The opening of the inner lips over T (MouthClosed), from the mesh, or else from landmarks."""
    found = mesh.mouth_opening(chip)
    points = chip.extra.get("landmarks")
    if found is not None:
        return found
    if points is None or len(points) not in INNER_MOUTH:
        return None
    return _opening(points[list(INNER_MOUTH[len(points)])]) / _t(chip, points)


def head_covering(chip: FaceChip) -> float | None:
    """Share of the head's part of the chip that is hat or cloth above the chin (NoHeadCoverings)."""
    classes = chip.extra.get("parsing")
    if classes is None:
        return None
    above = classes[: classes.shape[0] * 4 // 5]
    head = (above != BACKGROUND).sum()
    return float(np.isin(above, (CLOTH, HAT)).sum() / max(1, head))


def background(chip: FaceChip) -> float | None:
    """Mean Sobel gradient of the luma over the background of the chip (BackgroundUniformity)."""
    classes = chip.extra.get("parsing")
    if classes is None:
        return None
    inside = cv2.erode((classes == BACKGROUND).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    if inside.sum() < 200:
        return None
    slopes = [cv2.Sobel(chip.grey, cv2.CV_32F, *order) for order in ((1, 0), (0, 1))]
    return float(np.hypot(*slopes)[inside].mean())


def eyes_seen_open(chip: FaceChip) -> float | None:
    """How sure a network is that at least one eye is open, 0 to 1."""
    found = chip.extra.get("eyes")
    return None if found is None else float(found.max())


def liveness(chip: FaceChip) -> float | None:
    """How sure the networks are that the face is a living one, 0 to 1; the mean where there are several."""
    found = chip.extra.get("liveness")
    return None if found is None else float(found.reshape(-1)[0])


def turn(chip: FaceChip, axis: Literal["yaw", "pitch", "roll"]) -> Angle | None:
    """One angle of the head from the mesh."""
    found = mesh.turn(chip)
    return None if found is None else {"yaw": found.yaw, "pitch": found.pitch, "roll": found.roll}[axis]


def model_quality(chip: FaceChip) -> float | None:
    """The quality that a network gives, on the scale of its card, 0 to 100."""
    found = chip.extra.get("quality")
    return None if found is None else float(found.reshape(-1)[0])


def ratio_quality(value: float) -> float:
    """Ours: 50 where an eye is 0.15 as high as it is wide."""
    return rising(value, 0.15, 0.02)


def gaze_quality(value: float) -> float:
    """Ours: 50 where the irises are 15% of the eyes' width off their middle."""
    return falling(abs(value), 0.15, 0.03)


def share_quality(value: float) -> float:
    """100 x."""
    return clamp(100 * value)


def eyes_quality(value: float) -> float:
    """100 S(0.02, 0.01)."""
    return rising(value, 0.02, 0.01)


def mouth_quality(value: float) -> float:
    """100 (1 - S(0.2, 0.06))."""
    return 100 * (1 - sigmoid(value, 0.2, 0.06))


def covering_quality(value: float) -> float:
    """100 up to nothing, 0 from a share of 0.95 on, as OFIQ's T0 and T1."""
    return clamp(100 * (1 - value / 0.95))


def background_quality(value: float) -> float:
    """190 (1 - S(10, 100))."""
    return clamp(190 * (1 - sigmoid(value, 10, 100)))
