"""Files to measures: decode, find faces, prepare the face, measure, judge its overall quality, and embed it if asked.

The one path of a portrait; `mien check` takes it for one photograph, `mien audit` for each file of a data set. A file
that cannot be read is a result with an error. Judges by no rule and writes nothing.
"""

import hashlib
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from PIL import JpegImagePlugin

from mien.align import align
from mien.data.phash import perceptual_hash
from mien.detect.detector import Detector
from mien.detect.families import open_detector
from mien.detect.prominence import most_prominent
from mien.errors import DegenerateLandmarksError, ImageError
from mien.image import BROKEN, decode
from mien.models import store
from mien.models.defaults import DEFAULT_DETECTOR
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.portrait.measures import pose, quality
from mien.portrait.measures.catalogue import Measured, measure
from mien.portrait.measures.face_chip import FaceChip, PortraitImage, make_face_chip
from mien.portrait.measures.portrait_models import PortraitModel, open_portrait_models, run_portrait_models
from mien.recognize.recognizer import Recognizer
from mien.templates import TEMPLATES
from mien.types import Face, Faces, Floats, Image, Photo, floats

DECODED = 1600
"""Pixels along the longer side down to which a JPEG may be reduced while decoding. Enlargement, noise and patterns
are then those of the reduced picture; traces of compression cannot be measured."""

STANDARD = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62], [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)  # fmt: skip
"""Luminance quantization of ISO/IEC 10918-1, Table K.1, which libjpeg scales by its quality."""


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """What was found in one file.

    Attributes:
        name: of the file.
        sha256: of its bytes; empty where it could not be read.
        portrait: decoded, with its faces; None where it could not be read.
        chip: the chosen face, prepared; None where there is none.
        measures: by name; empty where the file could not be read.
        overall: the quality of the whole, 0 to 100; None where there is no face.
        phash: perceptual hash of the picture, or None.
        face_phash: perceptual hash of the aligned face, or None.
        embedding: (D,) float32, where a recognizer was given and there is a face.
        other: (D,) float32 of the next face, where it is large enough to be the one that is meant.
        error: why it could not be read; else empty.
    """

    name: str
    sha256: str = ""
    portrait: PortraitImage | None = None
    chip: FaceChip | None = None
    measures: dict[str, Measured] | None = None
    overall: float | None = None
    phash: int | None = None
    face_phash: int | None = None
    embedding: Floats | None = None
    other: Floats | None = None
    error: str = ""

    @property
    def landmarks(self) -> Floats | None:
        """The chosen face's (5, 2) landmarks in pixels of the file; None where there is none."""
        portrait = self.portrait
        if portrait is None or portrait.chosen is None:
            return None
        return floats(portrait.face.landmarks * np.float32(portrait.reduction))


class Examiner:
    """A detector, and what else looks at portraits.

    Args:
        detector: finds the faces.
        recognizer: embeds them; None embeds nothing.
        portrait_models: models for portraits that a user has added.
        population: whose faces these may be.
    """

    def __init__(
        self,
        detector: Detector,
        recognizer: Recognizer | None = None,
        portrait_models: tuple[PortraitModel, ...] = (),
        population: pose.Population = pose.DEFAULT_POPULATION,
    ) -> None:
        self.detector, self.recognizer = detector, recognizer
        self._portrait_models, self._population = portrait_models, population

    def files(self, files: Sequence[tuple[str, bytes | str]]) -> list[Examined]:
        """Examine files; those that are images are detected together, and faces are embedded together.

        Args:
            files: a name for each, and its bytes or why they could not be read.
        """
        results = {i: Examined(name, error=data) for i, (name, data) in enumerate(files) if isinstance(data, str)}
        read: dict[int, tuple[str, Photo, float | None]] = {}
        for index, (name, data) in enumerate(files):
            if isinstance(data, str):
                continue
            digest = hashlib.sha256(data).hexdigest()
            try:
                read[index] = digest, decode(data, name, longest=DECODED), jpeg_quality(data)
            except ImageError as reason:
                results[index] = Examined(name, digest, error=str(reason))
        found = self.detector.detect([photo.image for _, photo, _ in read.values()]) if read else []
        for (index, (digest, photo, setting)), faces in zip(read.items(), found, strict=True):
            results[index] = self.photo(photo, faces, files[index][0], digest, setting)
        return self._embed([results[index] for index in range(len(files))])

    def image(self, image: Image, name: str = "image") -> Examined:
        """Examine a decoded picture: (H, W, 3) uint8 RGB, upright."""
        photo = Photo(image, image.shape[1], image.shape[0])
        return self._embed([self.photo(photo, self.detector.detect([image])[0], name)])[0]

    def photo(
        self, photo: Photo, faces: Faces, name: str, digest: str = "", setting: float | None = None
    ) -> Examined:
        """Measure a picture whose faces, in its pixels, are known."""
        portrait = choose(photo, faces, setting)
        chip = self._face_chip(portrait)
        if chip is None:
            portrait = replace(portrait, chosen=None)
        measures = measure(portrait, chip)
        return Examined(
            name,
            digest,
            portrait,
            chip,
            measures,
            None if chip is None else quality.overall(measures),
            perceptual_hash(portrait.small),
            None if chip is None else perceptual_hash(align(photo.image, portrait.face.landmarks, FACE, 112)),
        )

    def _face_chip(self, portrait: PortraitImage) -> FaceChip | None:
        if portrait.chosen is None:
            return None
        try:
            return run_portrait_models(make_face_chip(portrait, self._population), self._portrait_models)
        except DegenerateLandmarksError:
            return None

    def _embed(self, results: list[Examined]) -> list[Examined]:
        if self.recognizer is None:
            return results
        known = [
            (i, one.portrait) for i, one in enumerate(results) if one.chip is not None and one.portrait is not None
        ]
        wanted = [(i, name, pic, face) for i, pic in known for name, face in _meant(pic)]
        crops, kept = [], []
        for index, name, portrait, face in wanted:
            with suppress(DegenerateLandmarksError):
                crops.append(self.recognizer.align(portrait.image, face))
                kept.append((index, name))
        for (index, name), row in zip(kept, self.recognizer.embed(crops), strict=True):
            one = results[index]
            results[index] = replace(one, embedding=row) if name == "embedding" else replace(one, other=row)
        return results


FACE = TEMPLATES["arcface"](112)
RIVAL = 0.25
"""A second face of at least this share of the first one's area may be the one that is meant."""


def _meant(portrait: PortraitImage) -> list[tuple[str, Face]]:
    """The faces of a picture that its label may be about."""
    others = [face for index, face in enumerate(portrait.faces) if index != portrait.chosen]
    largest = max(others, key=lambda face: face.box.area, default=None)
    found = [("embedding", portrait.face)]
    if largest is not None and largest.box.area >= RIVAL * portrait.face.box.area:
        found.append(("other", largest))
    return found


def choose(photo: Photo, faces: Faces, setting: float | None = None) -> PortraitImage:
    """A picture with its faces, the most prominent of which the portrait is of."""
    chosen = most_prominent(faces, photo.image.shape[1], photo.image.shape[0])[0] if faces else None
    return PortraitImage(photo.image, photo.width, photo.height, faces, chosen, setting)


def jpeg_quality(data: bytes) -> float | None:
    """The quality setting of libjpeg, 1 to 100, that gives a file's quantization; None for other formats.

    From the mean of the table over that of Table K.1: libjpeg's scale is 5000 / q below 50 and 200 - 2 q above.
    """
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    try:
        tables = JpegImagePlugin.JpegImageFile(io.BytesIO(data)).quantization
        scale = 100 * float(np.mean(tables[0])) / float(STANDARD.mean())
    except BROKEN:
        return None
    return float(np.clip(5000 / scale if scale > 100 else (200 - scale) / 2, 1, 100))


def open_examiner(
    detector: str = DEFAULT_DETECTOR,
    recognizer: str | None = None,
    portrait_models: Sequence[str] = (),
    population: pose.Population = pose.DEFAULT_POPULATION,
    options: EngineOptions = DEFAULT_OPTIONS,
) -> Examiner:
    """Open everything by name or card; see open_detector, Recognizer and open_portrait_models."""
    return Examiner(
        open_detector(detector, options),
        None if recognizer is None else Recognizer(store.load(recognizer), options),
        open_portrait_models(portrait_models, options),
        population,
    )
