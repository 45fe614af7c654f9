"""What 468 points of a face say: how far eyes and mouth are open, where it looks and how it is turned, its outline.

The order of the points is MediaPipe's. Left and right are the viewer's. Functions give None where no such model was
run. Runs no network.
"""

import numpy as np

from mien.portrait.measures.face_chip import FaceChip
from mien.portrait.measures.pose import Angle, Doubles, Pose, angles_of
from mien.types import Floats, floats

LID_CORNERS, LID_LINES = (0, 8), ((11, 3), (12, 4), (13, 5))
"""Of the points on the lids: the corners of the eye, and three pairs of the upper and the lower lid at its middle."""
LIPS = (13, 14)
"""The middle of the upper and the lower inner lip."""
CHIN, FOREHEAD = 152, 10
PAIRS = ((33, 263), (133, 362), (61, 291), (234, 454), (127, 356), (172, 397), (70, 300), (50, 280), (98, 327))
"""Points of the left half of a face and their mirror images: eyes, mouth, cheeks, jaw, brows, nostrils."""
OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
"""The outline of a face, clockwise from the middle of the forehead."""
FIVE = ((33, 133), (362, 263), (1, 4), (61,), (291,))
"""Points whose means are the five landmarks: left eye, right eye, tip of the nose, left and right mouth corner."""
FIVE_SHIFT = ((0.057, 0.004), (0.010, 0.006), (0.033, 0.004), (0.043, 0.024), (0.017, 0.025))
"""How far MTCNN's landmarks are from those means, along the eyes and down, in distances between the eyes: medians
over 1,484 faces of CelebA."""


def points_of(chip: FaceChip) -> Floats | None:
    """(468, 3) points in pixels of the image; None where no mesh was found."""
    return chip.extra.get("mesh")


def five_points(mesh: Floats, *, shifted: bool = True) -> Floats:
    """The five landmarks of a mesh.

    Args:
        mesh: (468, 3) or (468, 2) points in pixels.
        shifted: whether they are put where MTCNN has them.

    Returns:
        (5, 2) float32 pixels, in the viewer's order.
    """
    points = floats([mesh[list(group), :2].mean(axis=0) for group in FIVE])
    if not shifted:
        return points
    across = points[1] - points[0]
    down = floats([-across[1], across[0]])
    return floats(points + floats(FIVE_SHIFT) @ np.stack([across, down]))


def eye_ratio(chip: FaceChip) -> float | None:
    """The wider eye's height over its width: the mean of three distances between the lids, over that of the corners.

    The mesh itself does not follow the lids of closed eyes: this takes the outline that the model of the iris finds.
    """
    lids = chip.extra.get("lids")
    return None if lids is None else max(_height_over_width(one) for one in lids)


def _height_over_width(lids: Floats) -> float:
    heights = [_distance(lids, *pair) for pair in LID_LINES]
    return float(np.mean(heights)) / max(1e-6, _distance(lids, *LID_CORNERS))


def _distance(points: Floats, one: int, other: int) -> float:
    return float(np.linalg.norm(points[one] - points[other]))


def mouth_opening(chip: FaceChip) -> float | None:
    """The distance of the inner lips over T (MouthClosed)."""
    mesh = points_of(chip)
    if mesh is None:
        return None
    flat = mesh[:, :2]
    eyes = flat[[33, 133, 362, 263]].mean(axis=0)
    return _distance(flat, *LIPS) / max(1.0, float(np.linalg.norm(flat[CHIN] - eyes)))


def gaze(chip: FaceChip) -> float | None:
    """How far both irises are from the middle between the corners of their eyes, over the width of the eyes.

    Along the corners only, the mean of both eyes: 0 looks ahead, positive to the viewer's right.
    """
    iris, lids = chip.extra.get("iris"), chip.extra.get("lids")
    if iris is None or lids is None:
        return None
    return float(np.mean([_offset(one[0], corners) for one, corners in zip(iris, _corners(lids), strict=True)]))


def _corners(lids: Floats) -> Floats:
    """(2, 2, 2) left and right corner of both eyes; the outline of the viewer's right eye begins on the right."""
    outer, inner = LID_CORNERS
    return floats([lids[0, [outer, inner]], lids[1, [inner, outer]]])


def _offset(spot: Floats, corners: Floats) -> float:
    across = corners[1] - corners[0]
    return float((spot - corners.mean(axis=0)) @ across / max(1e-6, float(across @ across)))


POSE_SD = 6.0
"""Degrees by which the angles of the mesh and of the five landmarks differ on CelebA."""
PITCH_AHEAD = 13.1
"""How far that line leans in faces that the five landmarks call level, in degrees."""
DEPTH = 1.2
"""What the mesh's depths are multiplied by: the factor at which the distance between the eyes of CelebA's people
shrinks as the cosine of yaw."""


def turn(chip: FaceChip) -> Pose | None:
    """Yaw, pitch and roll of the mesh: by the mean direction of its mirror pairs, and by its line down the middle."""
    mesh = points_of(chip)
    if mesh is None:
        return None
    points = mesh.astype(np.float64) * (1, 1, DEPTH)
    across = _unit(np.mean([points[right] - points[left] for left, right in PAIRS], axis=0))
    leaning = points[CHIN] - points[FOREHEAD]
    leaning = _unit(leaning - across * (leaning @ across))
    ahead = np.cross(across, leaning)
    lean = np.radians(PITCH_AHEAD)
    down = leaning * np.cos(lean) - ahead * np.sin(lean)
    angles = angles_of(np.column_stack([across, down, np.cross(across, down)]))
    yaw, pitch, roll = (Angle(float(angle), POSE_SD) for angle in angles)
    return Pose(yaw, pitch, roll)


def _unit(vector: Doubles) -> Doubles:
    return vector / max(1e-9, float(np.linalg.norm(vector)))
