"""Which face of an image counts, and why an image has none: one policy for every caller.

An image that cannot be read is `broken`. One without a face is `no face`. One in which two faces are about as
prominent is `several faces`, unless the largest is taken. A chosen face whose landmarks fix no pose is `no face` too:
taking another one instead could enrol a bystander. Where all faces are wanted, those without a pose are left out and
reported.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mien.align import typical_box
from mien.detect.prominence import most_prominent
from mien.geometry import areas, corners, iou, overlap_of_smaller
from mien.types import Box, Face, Faces, floats

SAME_FACE = 0.3
"""Minimum IoU of a detected face with the box given for it; boxes of other tools are wider or tighter."""
CONTAINED = 0.8
"""Minimum share of a detected face that is in a loose box, such as one of the head or of the whole image."""

Refusal = Literal["no face", "several faces", "too small", "broken"]
MultipleFaces = Literal["reject", "largest"]


@dataclass(frozen=True, slots=True)
class Policy:
    """How the face that is meant is chosen.

    Attributes:
        multiple_faces: reject an image in which another face is about as prominent as the most prominent one, or
            take the most prominent one all the same.
        max_magnification: a face whose crop would magnify the image more than this is too small.
    """

    multiple_faces: MultipleFaces = "largest"
    max_magnification: float = float("inf")


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an image has no face that counts.

    Attributes:
        status: the reason in two words.
        detail: the reason as a sentence without its subject, which is the image; a whole sentence where it is broken.
    """

    status: Refusal
    detail: str

    def sentence(self, name: str) -> str:
        """The reason with the image's name."""
        return self.detail if self.status == "broken" else f"{name} {self.detail}"


NO_FACE = Refused("no face", "shows no face: give an image with the whole face, upright and not too small")
NO_POSE = Refused("no face", "shows a face whose landmarks fix no pose: they are nearly in one point or on one line")


def choose(faces: Faces, width: int, height: int, policy: Policy, box: Box | None = None) -> int | Refused:
    """Choose the face that an image was taken of.

    Args:
        faces: in pixels of an image.
        width: of that image in pixels.
        height: of that image in pixels.
        policy: what to do where several faces are about as prominent.
        box: where the face is known to be, in pixels of that image; it decides alone.

    Returns:
        The index of the chosen face, or why there is none.
    """
    if not faces:
        return NO_FACE
    if box is not None:
        return _in_box(box, faces, policy)
    best, rival = most_prominent(faces, width, height)
    if rival and policy.multiple_faces == "reject":
        return Refused(
            "several faces", f"shows {len(faces)} faces, two of them about as prominent: crop it to one person"
        )
    return best


def _in_box(box: Box, faces: Faces, policy: Policy) -> int | Refused:
    """The face that overlaps a box most; in a loose box, the most prominent one of those inside."""
    given, found = floats([box.corners]), corners(face.box for face in faces)
    overlap = iou(given, found)[0]
    best = int(np.argmax(overlap))
    if overlap[best] >= SAME_FACE:
        return best
    inside = np.flatnonzero((overlap_of_smaller(given, found)[0] >= CONTAINED) & (areas(found) <= areas(given)))
    if not len(inside):
        return Refused("no face", f"shows no face in the given box: none of the {len(faces)} detected faces is there")
    chosen = tuple(faces[place] for place in inside)
    shifted = tuple(replace(face, box=_moved(face.box, box)) for face in chosen)
    place, rival = most_prominent(shifted, int(box.width), int(box.height))
    if rival and policy.multiple_faces == "reject":
        return Refused("several faces", f"shows {len(chosen)} faces in the given box, two of them about as prominent")
    return int(inside[place])


def _moved(box: Box, frame: Box) -> Box:
    """A box in pixels of a frame."""
    return Box(box.x1 - frame.x1, box.y1 - frame.y1, box.x2 - frame.x1, box.y2 - frame.y1)


def face_of(landmarks: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Face:
    """A face that is known by its landmarks alone; its box is the one that a detector would give."""
    return Face(typical_box(landmarks), 1.0, landmarks)
