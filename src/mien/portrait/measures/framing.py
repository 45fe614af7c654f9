"""How a face is placed in its image: size, place and margins (ISO/IEC 29794-5: HeadSize, crops, margins, SingleFace).

From the five landmarks alone; lengths that need a chin are estimated from the mouth. Reads no pixels.
"""

from math import cos, radians

import numpy as np

from mien.portrait.measures.face_chip import CHIN, FaceChip, PortraitImage
from mien.portrait.measures.scale import clamp, falling, rising, sigmoid


def face_side(chip: FaceChip) -> float:
    """The shorter side of the face's box, in pixels of the file."""
    box = chip.portrait.face.box
    return min(box.width, box.height) * chip.portrait.reduction


def face_share(chip: FaceChip) -> float:
    """The area of the face's box, cut at the image's border, as a share of the image."""
    box, (height, width) = chip.portrait.face.box, chip.portrait.image.shape[:2]
    across = min(box.x2, width) - max(box.x1, 0)
    along = min(box.y2, height) - max(box.y1, 0)
    return float(max(0.0, across) * max(0.0, along) / (width * height))


def second_face(portrait: PortraitImage) -> float:
    """The area of the largest other face as a share of the chosen one's (SingleFacePresent)."""
    areas = [face.box.area for index, face in enumerate(portrait.faces) if index != portrait.chosen]
    return max(areas, default=0.0) / max(1.0, portrait.face.box.area)


def faces(portrait: PortraitImage) -> float:
    """How many faces were found."""
    return float(len(portrait.faces))


def head_length(chip: FaceChip) -> float:
    """T: from between the eyes to the chin, in pixels of `image`; the chin follows from the mouth."""
    points = chip.portrait.face.landmarks
    return CHIN * float(np.linalg.norm(points[3:].mean(axis=0) - points[:2].mean(axis=0)))


def head_size(chip: FaceChip) -> float:
    """T over the image's height (HeadSize)."""
    return head_length(chip) / float(chip.portrait.image.shape[0])


def centre_x(chip: FaceChip) -> float:
    """Where the middle of the eyes and the mouth is across the image: 0 left border, 1 right border."""
    points = chip.portrait.face.landmarks
    return float(points[[0, 1, 3, 4], 0].mean()) / float(chip.portrait.image.shape[1])


def eye_line(chip: FaceChip) -> float:
    """Where the eyes are down the image: 0 upper border, 1 lower border."""
    return float(chip.portrait.face.landmarks[:2, 1].mean()) / float(chip.portrait.image.shape[0])


def _ied(chip: FaceChip) -> float:
    points = chip.portrait.face.landmarks
    return max(1.0, float(np.linalg.norm(points[1] - points[0])))


def margin_left(chip: FaceChip) -> float:
    """From the left eye to the left border, in distances between the eyes (LeftwardCropOfTheFace)."""
    return float(chip.portrait.face.landmarks[0, 0]) / _ied(chip)


def margin_right(chip: FaceChip) -> float:
    """From the right eye to the right border, in distances between the eyes (RightwardCropOfTheFace)."""
    return float(chip.portrait.image.shape[1] - chip.portrait.face.landmarks[1, 0]) / _ied(chip)


def margin_above(chip: FaceChip) -> float:
    """From between the eyes to the upper border, over T (MarginAboveOfTheFaceImage)."""
    return float(chip.portrait.face.landmarks[:2, 1].mean()) / max(1.0, head_length(chip))


def margin_below(chip: FaceChip) -> float:
    """From between the eyes to the lower border, over T (MarginBelowOfTheFaceImage)."""
    below = chip.portrait.image.shape[0] - chip.portrait.face.landmarks[:2, 1].mean()
    return float(below) / max(1.0, head_length(chip))


def inter_eye(chip: FaceChip) -> float:
    """The distance between the eyes in pixels of the file, over the cosine of yaw (InterEyeDistance)."""
    return _ied(chip) * chip.portrait.reduction / max(0.2, cos(radians(chip.pose.yaw.value)))


def head_size_quality(value: float) -> float:
    """200 (1 - S(0, 0.05)) of the distance to 0.45."""
    return clamp(200 * (1 - sigmoid(abs(value - 0.45), 0, 0.05)))


def inter_eye_quality(value: float) -> float:
    """100 S(70, 20)."""
    return rising(value, 70, 20)


def side_quality(value: float) -> float:
    """100 S(0.9, 0.1)."""
    return rising(value, 0.9, 0.1)


def above_quality(value: float) -> float:
    """100 S(1.4, 0.1)."""
    return rising(value, 1.4, 0.1)


def below_quality(value: float) -> float:
    """100 S(1.8, 0.1)."""
    return rising(value, 1.8, 0.1)


def second_face_quality(value: float) -> float:
    """100 (1 - x)."""
    return clamp(100 * (1 - value))


def angle_quality(value: float) -> float:
    """100 cos^2 of an angle in degrees; 75 at 30 degrees."""
    return 100 * max(0.0, cos(radians(value))) ** 2


def centre_quality(value: float) -> float:
    """50 where the face is 10% of the width off the centre; ours, since ISO/IEC 29794-5 has none."""
    return falling(abs(value - 0.5), 0.1, 0.02)
