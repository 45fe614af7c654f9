"""Samples to crops: decode, detect unless boxes or landmarks are given, choose the face that is meant, align.

Owns which face of a sample counts and why a sample has none. Writes nothing and embeds nothing. Packs are prepared
and manifests are embedded through here, so that both see the same faces.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from mien.align import align, magnification
from mien.data.encoded import read_encoded
from mien.data.sample import Sample
from mien.detect.detector import Detector
from mien.detect.prominence import most_prominent
from mien.errors import DegenerateLandmarksError, ImageError
from mien.geometry import corners, iou
from mien.image import decode
from mien.pipeline import DECODED, SOFT
from mien.templates import Template
from mien.types import Box, Face, Faces, Image, Photo, floats

SAME_FACE = 0.3
"""Least IoU of a detected face with the box that is given for it; boxes of other tools are wider or tighter."""

STATUSES = ("written", "no face", "several faces", "too small", "broken")
Status = Literal["written", "no face", "several faces", "too small", "broken"]
Several = Literal["take", "reject"]


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """What crops shall look like, and which faces are refused.

    Attributes:
        template: where the landmarks lie in a crop.
        size: width and height of a crop in pixels.
        several: take or reject an image with several faces, none of which is clearly the one that is meant.
        magnified: a face whose crop would magnify the picture more than this is too small.
    """

    template: Template
    size: int
    several: Several
    magnified: float


@dataclass(frozen=True, slots=True, eq=False)
class Cropped:
    """What became of a sample.

    Attributes:
        status: written, or why there is no crop.
        detail: a sentence on that, or empty.
        sha256: of the image's bytes; empty where they could not be read.
        crop: (size, size, 3) uint8 RGB, or None.
        jpeg: the sample's own bytes, where it is a JPEG that is the crop already; else empty.
    """

    status: Status
    detail: str
    sha256: str
    crop: Image | None = None
    jpeg: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """A decoded sample, with its bytes in case a small face needs more pixels."""

    data: bytes
    photo: Photo


def crop_samples(samples: Sequence[Sample], detector: Detector, pose: Pose) -> list[Cropped]:
    """Make the crop of each sample; those that need a detector are detected together."""
    read = [_read(sample, detector) for sample in samples]
    unknown = [i for i, one in enumerate(read) if isinstance(one, _Read) and _needs_detector(samples[i])]
    pictures = [one.photo.image for i in unknown if isinstance(one := read[i], _Read)]
    found = dict(zip(unknown, detector.detect(pictures), strict=True)) if pictures else {}
    return [
        Cropped("broken", one, "") if isinstance(one, str) else _crop(sample, one, found.get(index), pose)
        for index, (sample, one) in enumerate(zip(samples, read, strict=True))
    ]


def _needs_detector(sample: Sample) -> bool:
    return not sample.aligned and sample.landmarks is None


def _read(sample: Sample, detector: Detector) -> _Read | str:
    """The decoded sample, reduced where only a detector looks at it; or why it cannot be read."""
    try:
        data = read_encoded(sample)
        longest = max(DECODED, detector.longest) if _needs_detector(sample) else None
        return _Read(data, decode(data, sample.name, longest=longest))
    except ImageError as reason:
        return str(reason)


def _crop(sample: Sample, read: _Read, faces: Faces | None, pose: Pose) -> Cropped:
    digest = hashlib.sha256(read.data).hexdigest()
    if sample.aligned:
        return _as_it_is(sample, read, digest, pose.size)
    photo, landmarks = read.photo, sample.landmarks
    if landmarks is None:
        chosen = _choose(sample, photo, faces or (), pose)
        if not isinstance(chosen, Face):
            return Cropped(*chosen, digest)
        landmarks = chosen.landmarks
    scale = magnification(landmarks, pose.template)
    if photo.reduction > 1 and scale > SOFT:
        full = decode(read.data, sample.name)
        landmarks = landmarks * floats([full.width / photo.image.shape[1], full.height / photo.image.shape[0]])
        photo, scale = full, magnification(landmarks, pose.template)
    if scale > pose.magnified:
        return Cropped("too small", f"the crop would magnify the picture {scale:.1f} times", digest)
    try:
        return Cropped("written", "", digest, align(photo.image, landmarks, pose.template, pose.size))
    except DegenerateLandmarksError as reason:
        return Cropped("no face", str(reason), digest)


def _as_it_is(sample: Sample, read: _Read, digest: str, size: int) -> Cropped:
    """A crop that is aligned already; a JPEG of the right size keeps its own bytes, so that it loses nothing."""
    image = read.photo.image
    height, width = image.shape[:2]
    if height != width:
        return Cropped("broken", f"{sample.name} has {width}x{height} pixels; aligned crops are square", digest)
    if height == size:
        return Cropped("written", "", digest, image, read.data if read.data.startswith(b"\xff\xd8\xff") else b"")
    how = cv2.INTER_AREA if height > size else cv2.INTER_LINEAR
    return Cropped("written", "", digest, np.asarray(cv2.resize(image, (size, size), interpolation=how), np.uint8))


def _choose(sample: Sample, photo: Photo, faces: Faces, pose: Pose) -> Face | tuple[Status, str]:
    """The face that is meant: the one in the given box, else the most prominent one."""
    if not faces:
        return "no face", "the detector found none"
    if sample.box is not None:
        return _in_box(sample.box, photo, faces)
    best, rival = most_prominent(faces, photo.image.shape[1], photo.image.shape[0])
    if rival and pose.several == "reject":
        return "several faces", f"{len(faces)} faces, and two are about as prominent"
    return faces[best]


def _in_box(box: Box, photo: Photo, faces: Sequence[Face]) -> Face | tuple[Status, str]:
    x, y = photo.image.shape[1] / photo.width, photo.image.shape[0] / photo.height
    given = floats([[box.x1 * x, box.y1 * y, box.x2 * x, box.y2 * y]])
    overlap = iou(given, corners(face.box for face in faces))[0]
    best = int(np.argmax(overlap))
    if overlap[best] < SAME_FACE:
        return "no face", f"none of the {len(faces)} found faces lies in the given box"
    return faces[best]
