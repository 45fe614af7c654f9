"""Samples to crops, through the pipeline's stages: detect unless the face is known, choose, refine, align.

Owns why a sample has no crop. Writes nothing and embeds nothing. Packs are prepared and manifests are embedded
through here, so that both see the same faces.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import cv2
import numpy as np

from mien.align import cut_out, magnification
from mien.data.encoded import read_encoded
from mien.data.landmark_check import (
    COMPARED,
    MANY_WRONG,
    MIN_COMPARED,
    NO_AGREEMENT,
    REFUSED,
    Agreement,
    agreement,
    wrong_box,
    wrong_landmarks,
)
from mien.data.manifest import Manifest
from mien.data.sample import LANDMARKS, Sample
from mien.detect.detector import Detector
from mien.errors import ManifestError
from mien.faults import describe
from mien.pipeline import (
    Broken,
    ImageFaces,
    Item,
    Policy,
    ReadOptions,
    Refused,
    Wanted,
    align_faces,
    choose,
    find_faces,
    refine,
    to_decoded,
    to_source,
)
from mien.pipeline.policy import NO_POSE, face_of
from mien.templates import Template
from mien.types import Cutout, Face, Faces, Floats, Image

STATUSES = ("written", "no face", "several faces", "too small", "wrong landmarks", "wrong box", "broken")
Status = Literal["written", "no face", "several faces", "too small", "wrong landmarks", "wrong box", "broken"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CropSettings:
    """What crops look like, and which faces are refused.

    Attributes:
        template: where the landmarks are in a crop.
        size: width and height of a crop in pixels.
        policy: which face of an image counts.
        cutouts: whether the face is also cut out with its surroundings, for measures.
    """

    template: Template
    size: int
    policy: Policy
    cutouts: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Cropped:
    """What became of a sample.

    Attributes:
        status: written, or why there is no crop.
        detail: a sentence on that, or empty.
        sha256: of the image's bytes; empty where they could not be read.
        crop: (size, size, 3) uint8 RGB, or None.
        jpeg: the sample's own bytes, where it is a JPEG that is the crop already; else empty.
        face: in pixels of the source; None where there is no cutout.
        cutout: the face with its surroundings, where it was asked for and the image is not a crop already.
        score: the detector's confidence, 0 to 1; None where no face was detected, since its landmarks were known.
    """

    status: Status
    detail: str
    sha256: str
    crop: Image | None = None
    jpeg: bytes = b""
    face: Face | None = None
    cutout: Cutout | None = None
    score: float | None = None


def crop_samples(
    samples: Sequence[Sample], detector: Detector, spec: CropSettings, reading: ReadOptions | None = None
) -> list[Cropped]:
    """Make the crop of each sample; those that need a detector are detected together.

    Args:
        samples: images with what is known of their faces.
        detector: finds the face where it is not known.
        spec: what crops look like.
        reading: how images are read.
    """
    return [crops[0] for crops in crop_variants(samples, detector, (spec,), reading)]


def crop_variants(
    samples: Sequence[Sample], detector: Detector, specs: Sequence[CropSettings], reading: ReadOptions | None = None
) -> list[tuple[Cropped, ...]]:
    """Make several crops of each sample from one detection, one for each of `specs`; see crop_samples."""
    wanted = [
        Wanted(
            _item(sample),
            detect=not sample.aligned and sample.landmarks is None,
            # A given box may be that of any face.
            subject_only=sample.box is None,
        )
        for sample in samples
    ]
    found = chain.from_iterable(find_faces(wanted, detector, reading or ReadOptions()))
    return [tuple(_cropped(sample, one, spec) for spec in specs) for sample, one in zip(samples, found, strict=True)]


def _item(sample: Sample) -> Item:
    return Item(sample.name, lambda limits: read_encoded(sample, limits))


def _cropped(sample: Sample, found: ImageFaces | Broken, spec: CropSettings) -> Cropped:
    try:
        return _crop(sample, found, spec)
    except Exception as reason:  # noqa: BLE001 - one sample's fault, whatever it is
        return Cropped("broken", describe(reason, sample.name), "")


def _crop(sample: Sample, found: ImageFaces | Broken, spec: CropSettings) -> Cropped:
    if isinstance(found, Broken):
        return Cropped("broken", found.reason, "")
    digest = found.loaded.sha256
    if sample.aligned:
        return _as_it_is(sample, found, digest, spec.size)
    wrong = _wrong(sample, found)
    if wrong is not None:
        return Cropped(*wrong, digest)
    face = _choose(sample, found, spec.policy)
    if isinstance(face, Refused):
        return Cropped(face.status, face.detail, digest)
    sharp = refine(found, (face,), spec.template)
    scale = magnification(sharp.faces[0], spec.template)
    if scale > spec.policy.max_magnification:
        return Cropped("too small", f"the crop would magnify the image {scale:.1f} times", digest)
    crop = align_faces(sharp, spec.template, spec.size)[0]
    if crop is None:
        return Cropped("no face", NO_POSE.detail, digest)
    score = face.score if sample.landmarks is None else None
    if not spec.cutouts:
        return Cropped("written", "", digest, crop, score=score)
    photo = found.loaded.photo
    placed, cutout = to_source(face, photo), cut_out(photo.image, face)
    return Cropped("written", "", digest, crop, face=placed, cutout=cutout, score=score)


def _wrong(sample: Sample, found: ImageFaces) -> tuple[Status, str] | None:
    """Why the landmarks or the box of a sample cannot be used, if they cannot."""
    photo = found.loaded.photo
    if sample.landmarks is not None:
        reason = wrong_landmarks(sample.landmarks, photo.width, photo.height, sample.box)
        return ("wrong landmarks", reason) if reason else None
    reason = wrong_box(sample.box, photo.width, photo.height) if sample.box is not None else ""
    return ("wrong box", reason) if reason else None


def _choose(sample: Sample, found: ImageFaces, policy: Policy) -> Face | Refused:
    """The face whose landmarks are given; else the detected face in the given box; else the one the policy takes."""
    if sample.landmarks is not None:
        return face_of(sample.landmarks)
    photo = found.loaded.photo
    height, width = photo.image.shape[:2]
    box = None if sample.box is None else to_decoded(sample.box, photo)
    best = choose(found.faces, width, height, policy, box)
    return best if isinstance(best, Refused) else found.faces[best]


def _as_it_is(sample: Sample, found: ImageFaces, digest: str, size: int) -> Cropped:
    """A crop that is aligned already; a JPEG of the right size keeps its own bytes, so that it loses nothing."""
    image, data = found.loaded.photo.image, found.loaded.data
    height, width = image.shape[:2]
    if height != width:
        return Cropped("broken", f"{sample.name} has {width}x{height} pixels; aligned crops are square", digest)
    if height == size:
        return Cropped("written", "", digest, image, data if data.startswith(b"\xff\xd8\xff") else b"")
    how = cv2.INTER_AREA if height > size else cv2.INTER_LINEAR
    return Cropped("written", "", digest, np.asarray(cv2.resize(image, (size, size), interpolation=how), np.uint8))


def landmark_agreement(manifest: Manifest, detector: Detector, reading: ReadOptions) -> Agreement:
    """Compare the landmarks of a few rows, which are the same ones each time, with what a detector finds there.

    Rows whose landmarks are wrong by themselves have a status of their own and are not compared.

    Raises:
        ManifestError: so few agree that none can be believed.
    """
    if LANDMARKS[0] not in manifest.columns:
        return NO_AGREEMENT
    chosen = np.random.default_rng(0).permutation(len(manifest))[: 4 * COMPARED].tolist()
    samples = [one for one in manifest.samples(chosen) if one.landmarks is not None and not one.aligned][:COMPARED]
    found = chain.from_iterable(find_faces([Wanted(_item(sample)) for sample in samples], detector, reading))
    compared: list[tuple[Floats, Faces]] = []
    wrong: list[str] = []
    for sample, one in zip(samples, found, strict=True):
        if sample.landmarks is None or isinstance(one, Broken):
            continue
        if reason := _wrong(sample, one):
            wrong.append(f"{sample.name}: {reason[1]}")
        else:
            compared.append((sample.landmarks, tuple(to_source(face, one.loaded.photo) for face in one.faces)))
    rows = len(wrong) + len(compared)
    if rows >= MIN_COMPARED and len(wrong) > MANY_WRONG * rows:
        raise ManifestError(
            f"{manifest.name}: {len(wrong)} of {rows} compared rows have wrong landmarks, so none are used; "
            f"the first: {wrong[0]}. Correct them, or remove their columns, so that faces are detected"
        )
    result = agreement([points for points, _ in compared], [faces for _, faces in compared])
    if result.share < REFUSED:
        raise ManifestError(f"{manifest.name}: {result.sentence} Nothing was written")
    return result
