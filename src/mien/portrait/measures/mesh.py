"""What 468 points of a face say: how far eyes and mouth are open, where it looks and how it is turned, its outline.

The order of the points is MediaPipe's. Left and right are the viewer's. Functions give None where no such model was
run. Runs no network.
"""

import numpy as np

from mien.portrait.measures.face_chip import FaceChip
from mien.types import Floats

EYE_LINES = (((33, 133), ((160, 144), (159, 145), (158, 153))), ((362, 263), ((385, 380), (386, 374), (387, 373))))
"""Of each eye: its corners, and three pairs of points of the upper and the lower lid across its middle."""
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


def points_of(chip: FaceChip) -> Floats | None:
    """(468, 3) points in pixels of the image; None where no mesh was found."""
    return chip.extra.get("mesh")


def eye_ratio(chip: FaceChip) -> float | None:
    """The narrower eye's height over its width: the mean of three distances of the lids, over that of the corners."""
    mesh = points_of(chip)
    return None if mesh is None else min(_eye_ratios(mesh))


def _eye_ratios(mesh: Floats) -> tuple[float, float]:
    left, right = (
        float(np.mean([_distance(mesh, *pair) for pair in lids])) / max(1e-6, _distance(mesh, *corners))
        for corners, lids in EYE_LINES
    )
    return left, right


def _distance(mesh: Floats, one: int, other: int) -> float:
    return float(np.linalg.norm(mesh[one] - mesh[other]))
