"""How a face lies in its picture: size, place and margins (ISO/IEC 29794-5: HeadSize, crops, margins, SingleFace).

From the five landmarks alone; lengths that need a chin are estimated from the mouth. Looks at no pixels.
"""

from math import cos, radians

import numpy as np

from mien.portrait.measures.scale import clamp, falling, rising, sigmoid
from mien.portrait.measures.face_chip import CHIN, Picture, View


def face_side(view: View) -> float:
    """The shorter side of the face's box, in pixels of the file."""
    box = view.picture.face.box
    return min(box.width, box.height) * view.picture.reduction


def face_share(view: View) -> float:
    """The area of the face's box, cut at the picture's border, as a share of the picture."""
    box, (height, width) = view.picture.face.box, view.picture.image.shape[:2]
    across = min(box.x2, width) - max(box.x1, 0)
    along = min(box.y2, height) - max(box.y1, 0)
    return float(max(0.0, across) * max(0.0, along) / (width * height))


def second_face(picture: Picture) -> float:
    """The area of the largest other face as a share of the chosen one's (SingleFacePresent)."""
    areas = [face.box.area for index, face in enumerate(picture.faces) if index != picture.chosen]
    return max(areas, default=0.0) / max(1.0, picture.face.box.area)


def faces(picture: Picture) -> float:
    """How many faces were found."""
    return float(len(picture.faces))


def head_length(view: View) -> float:
    """T: from between the eyes to the chin, in pixels of `image`; the chin follows from the mouth."""
    points = view.picture.face.landmarks
    return CHIN * float(np.linalg.norm(points[3:].mean(axis=0) - points[:2].mean(axis=0)))


def head_size(view: View) -> float:
    """T over the picture's height (HeadSize)."""
    return head_length(view) / float(view.picture.image.shape[0])


def centre_x(view: View) -> float:
    """Where the middle of the eyes and the mouth lies across the picture: 0 left border, 1 right border."""
    points = view.picture.face.landmarks
    return float(points[[0, 1, 3, 4], 0].mean()) / float(view.picture.image.shape[1])


def eye_line(view: View) -> float:
    """Where the eyes lie down the picture: 0 upper border, 1 lower border."""
    return float(view.picture.face.landmarks[:2, 1].mean()) / float(view.picture.image.shape[0])


def _ied(view: View) -> float:
    points = view.picture.face.landmarks
    return max(1.0, float(np.linalg.norm(points[1] - points[0])))


def margin_left(view: View) -> float:
    """From the left eye to the left border, in distances between the eyes (LeftwardCropOfTheFace)."""
    return float(view.picture.face.landmarks[0, 0]) / _ied(view)


def margin_right(view: View) -> float:
    """From the right eye to the right border, in distances between the eyes (RightwardCropOfTheFace)."""
    return float(view.picture.image.shape[1] - view.picture.face.landmarks[1, 0]) / _ied(view)


def margin_above(view: View) -> float:
    """From between the eyes to the upper border, over T (MarginAboveOfTheFaceImage)."""
    return float(view.picture.face.landmarks[:2, 1].mean()) / max(1.0, head_length(view))


def margin_below(view: View) -> float:
    """From between the eyes to the lower border, over T (MarginBelowOfTheFaceImage)."""
    below = view.picture.image.shape[0] - view.picture.face.landmarks[:2, 1].mean()
    return float(below) / max(1.0, head_length(view))


def inter_eye(view: View) -> float:
    """The distance between the eyes in pixels of the file, over the cosine of yaw (InterEyeDistance)."""
    return _ied(view) * view.picture.reduction / max(0.2, cos(radians(view.pose.yaw.value)))


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
