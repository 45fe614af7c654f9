"""Faces of images that are on their side or are upside down: a second look where the first one found none for sure.

Detectors know faces that are upright, or tilted by up to about 45 degrees. A scan, or a photograph whose orientation
was lost, is turned by 90, 180 or 270 degrees. In such an image a detector finds nothing, or a face with landmarks in
the wrong places, which then has a low score or is tilted. So an image without a sure, upright face is shown to
the detector again in the three other turns. Boxes and landmarks come back in the pixels of the image as it is, and
each face says its turn. Owns the turns and the way back; decides nothing about the image.
"""

import math
from collections.abc import Sequence

import numpy as np

from mien.detect.detector import Detector, SubjectDetector
from mien.types import Box, Face, Faces, Image, floats

TURNS = (90, 270, 180)
"""Degrees clockwise, in the order in which they are tried; the first of equally good ones counts."""

UPRIGHT = 45
"""Maximum tilt of an upright face in degrees: with more, the next turn fits better."""

LYING = 60
"""Tilt in degrees beyond which it is the image of a portrait that is turned, not the head."""

HOME = 0.05
"""By how much a turned face's score must exceed those of upright ones: a doubtful face is more often upright."""

STEADY = 0.985
"""Score from which an upright face is not doubted. MTCNN gives 10% of upright faces less, and 97% of those that are
upside down and that it takes for upright (271 photographs of CelebA)."""

CLEARLY = 1.0
"""By how much the log odds of the score of a face that is upside down must exceed that of the upright one."""

_COSINE_AND_SINE = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}


def detect_in_any_turn(detector: Detector, images: Sequence[Image], *, subjects_only: bool = False) -> list[Faces]:
    """Find the faces of each image; where none is sure and upright, look again with the image turned.

    Args:
        detector: any.
        images: (H, W, 3) uint8 RGB each, of any sizes.
        subjects_only: whether faces that are too small to count may be missing; see detect_once.

    Returns:
        For each image its faces, best first, in that image's pixels. All faces of an image have one turn. It is not 0
        only where a turned image shows a sure, upright face, with a better score than the image as it is.
    """
    found = detect_once(detector, images, subjects_only=subjects_only)
    return [
        faces if any(_is_sure(face, detector.min_score) for face in faces) else _look_again(detector, image, faces)
        for image, faces in zip(images, found, strict=True)
    ]


def detect_once(detector: Detector, images: Sequence[Image], *, subjects_only: bool = False) -> list[Faces]:
    """Find the faces of each image as it is.

    Args:
        detector: any.
        images: (H, W, 3) uint8 RGB each, of any sizes.
        subjects_only: whether the most prominent face and its rivals are enough, where the detector can find them
            with less work.
    """
    if subjects_only and isinstance(detector, SubjectDetector):
        return detector.detect_subjects(images)
    return detector.detect(images)


def _is_sure(face: Face, min_score: float) -> bool:
    """Whether a face is upright, and its score is in the upper half of what counts as a face."""
    return tilt(face) <= UPRIGHT and face.score >= (1 + min_score) / 2


def _look_again(detector: Detector, image: Image, first: Faces) -> Faces:
    """The faces of the turn with the best sure face, or else of the first look; one turned copy is in memory."""
    best, value = first, max((face.score + HOME for face in first if tilt(face) <= UPRIGHT), default=0.0)
    for turn in TURNS:
        seen = detector.detect([turn_image(image, turn)])[0]
        score = max((face.score for face in seen if _is_sure(face, detector.min_score)), default=0.0)
        if score > value:
            height, width = image.shape[:2]
            best, value = tuple(turn_back(face, turn, width, height) for face in seen), score
    return best


def look_upside_down(detector: Detector, image: Image, faces: Faces) -> Faces:
    """Look at an image upside down where its face is not beyond doubt.

    Some detectors take eyebrows for a mouth, and find a face upside down with a high score. Portraits are looked at
    once more for that; the pipeline is not, since it would take time for every image.

    Args:
        detector: that found the faces.
        image: (H, W, 3) uint8 RGB.
        faces: what was found in it.

    Returns:
        The faces of the image turned by 180 degrees where these are clearly better, in its own pixels; else `faces`.
    """
    first = max((face.score for face in faces if tilt(face) <= UPRIGHT and not face.turn), default=0.0)
    if not 0 < first < STEADY:
        return faces
    turned = turn_image(image, 180)
    (seen,) = detect_once(detector, [turned], subjects_only=True)
    second = max((face.score for face in seen if _is_sure(face, detector.min_score)), default=0.0)
    if _log_odds(second) <= _log_odds(first) + CLEARLY:
        return faces
    if isinstance(detector, SubjectDetector):
        # Its first look was for the most prominent face alone.
        (seen,) = detector.detect([turned])
    height, width = image.shape[:2]
    return tuple(turn_back(face, 180, width, height) for face in seen)


def turn_by_landmarks(face: Face) -> int:
    """The turn that makes a face upright, from its landmarks: 0 up to a tilt of LYING, else the nearest turn."""
    x, y = (face.landmarks[3:].mean(axis=0) - face.landmarks[:2].mean(axis=0)).tolist()
    return round(math.degrees(math.atan2(x, y)) / 90) % 4 * 90 if tilt(face) > LYING else 0


def _log_odds(score: float) -> float:
    kept = min(max(score, 1e-6), 1 - 1e-6)
    return math.log(kept / (1 - kept))


def tilt(face: Face) -> float:
    """By how many degrees a face is tilted to either side, 0 to 180: the angle from its eyes to its mouth."""
    x, y = (face.landmarks[3:].mean(axis=0) - face.landmarks[:2].mean(axis=0)).tolist()
    return abs(math.degrees(math.atan2(x, y)))


def turn_image(image: Image, turn: int) -> Image:
    """The image turned clockwise by a multiple of 90 degrees."""
    return np.ascontiguousarray(np.rot90(image, -turn // 90))


def turn_back(face: Face, turn: int, width: int, height: int) -> Face:
    """A face of a turned image in pixels of the image before it was turned.

    Args:
        face: in pixels of the turned image.
        turn: by which the image was turned, in degrees clockwise: 0, 90, 180 or 270.
        width: of the image before it was turned.
        height: of the image before it was turned.

    Returns:
        The same face. Its landmarks keep their order: that of a viewer for whom the face is upright.
    """
    cosine, sine = _COSINE_AND_SINE[turn]
    linear = floats([[cosine, sine], [-sine, cosine]])
    corner = floats([width if cosine + sine < 0 else 0, height if cosine - sine < 0 else 0])
    ends = floats(face.box.corners).reshape(2, 2) @ linear.T + corner
    (x1, y1), (x2, y2) = ends.min(axis=0).tolist(), ends.max(axis=0).tolist()
    # A box has edges of pixels, landmarks have their centres: those of the last pixel are one less than the size.
    landmarks = face.landmarks @ linear.T + np.maximum(corner - 1, 0)
    return Face(Box(x1, y1, x2, y2), face.score, landmarks, turn)
