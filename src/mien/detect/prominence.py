"""Which face of an image is the one that it was taken of. Finds no faces."""

import math

from mien.types import Face, Faces

RIVAL = 0.6
"""A second face with more than this share of the first one's prominence makes the choice ambiguous."""


def prominence(face: Face, width: int, height: int) -> float:
    """How much a face is the image's subject: large, near the centre, and surely a face.

    The side of the box, times a Gaussian of the distance to the image's centre whose standard deviation is
    half of the shorter side, times the fourth power of the detector's score, which separates real faces from
    patterns that happen to be in the middle (chosen on CelebA and LFW View 1, docs/log.md).
    """
    x = (face.box.x1 + face.box.x2) / 2 - width / 2
    y = (face.box.y1 + face.box.y2) / 2 - height / 2
    spread = max(1.0, min(width, height) / 2)
    return math.sqrt(face.box.area) * math.exp(-(x * x + y * y) / (2 * spread * spread)) * face.score**4


def most_prominent(faces: Faces, width: int, height: int) -> tuple[int, bool]:
    """Choose the image's subject.

    Args:
        faces: at least one.
        width: of the image in pixels.
        height: of the image in pixels.

    Returns:
        The index of the most prominent face, and whether another one comes close to it.
    """
    weights = [prominence(face, width, height) for face in faces]
    best = max(range(len(faces)), key=weights.__getitem__)
    rivals = [weight for index, weight in enumerate(weights) if index != best]
    return best, bool(rivals) and max(rivals) > RIVAL * weights[best]
