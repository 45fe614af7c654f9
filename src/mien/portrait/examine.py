"""Files to measures: decode, find faces, prepare the face, measure, rate its overall quality, and embed it if asked.

The one path of a portrait; `mien check` takes it for one photograph, `mien audit` for each file of a data set. A file
that cannot be read is a result with an error. Applies no rule and writes nothing.
"""

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import JpegImagePlugin

from mien.align import align
from mien.data.phash import perceptual_hash
from mien.detect.detector import Detector
from mien.detect.families import open_detector
from mien.detect.turning import look_upside_down, turn_by_landmarks
from mien.errors import DegenerateLandmarksError, ModelError
from mien.faults import describe
from mien.image import BROKEN
from mien.models import store
from mien.models.defaults import DEFAULT_DETECTOR
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
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
)
from mien.portrait.measures import pose, quality
from mien.portrait.measures.catalogue import measure
from mien.portrait.measures.face_chip import FaceChip, PortraitImage, make_face_chip
from mien.portrait.measures.measure import Measured
from mien.portrait.measures.portrait_model import PortraitModel
from mien.portrait.measures.portrait_models import open_portrait_models, run_portrait_models
from mien.recognize.recognizer import Recognizer
from mien.templates import arcface_template
from mien.types import Box, Face, Faces, Floats, Image, Photo, floats

DECODED = 1600
"""Pixels along the longer side down to which a JPEG may be reduced while decoding. Enlargement, noise and patterns
are then those of the reduced image; traces of compression cannot be measured."""

STANDARD = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62], [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)  # fmt: skip
"""Luminance quantization of ISO/IEC 10918-1, Table K.1, which libjpeg scales by its quality."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Examined:
    """What was found in one file.

    Attributes:
        name: of the file.
        sha256: of its bytes; empty where it could not be read.
        portrait: decoded, with its faces; None where it could not be read.
        chip: the chosen face, prepared; None where there is none.
        measures: by name; empty where the file could not be read.
        overall: the quality of the whole, 0 to 100; None where there is no face.
        phash: perceptual hash of the image, or None.
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
    def box(self) -> Box | None:
        """The chosen face's box in pixels of the file; None where there is none."""
        portrait = self.portrait
        if portrait is None or portrait.chosen is None:
            return None
        return Box(*(side * portrait.reduction for side in portrait.face.box.corners))

    @property
    def landmarks(self) -> Floats | None:
        """The chosen face's (5, 2) landmarks in pixels of the file; None where there is none."""
        portrait = self.portrait
        if portrait is None or portrait.chosen is None:
            return None
        return floats(portrait.face.landmarks * np.float32(portrait.reduction))


class Examiner:
    """A detector, and what else portraits are measured with.

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
        self._reading = ReadOptions(longest=DECODED)
        self._second_look = self._reading.second_look

    @property
    def families(self) -> frozenset[str]:
        """The families of its portrait models."""
        return frozenset(model.family for model in self._portrait_models)

    def items(self, items: Sequence[Item]) -> Iterator[Examined]:
        """Examine images in their order; they are detected and embedded in groups that fit the memory budget."""
        for group in find_faces([Wanted(item) for item in items], self.detector, self._reading):
            yield from self._embed([self._examined(one) for one in group], group)

    def item(self, item: Item) -> Examined:
        """Examine one image."""
        return next(self.items([item]))

    def _examined(self, found: ImageFaces | Broken) -> Examined:
        """Examine one image; whatever goes wrong with it alone is its error."""
        try:
            return self._examine(found)
        except ModelError:
            raise
        except Exception as reason:  # noqa: BLE001 - one file's fault, whatever it is
            return _failed(found, reason)

    def _examine(self, found: ImageFaces | Broken) -> Examined:
        if isinstance(found, Broken):
            digest = hashlib.sha256(found.data).hexdigest() if found.data else ""
            return Examined(name=found.item.name, sha256=digest, error=found.reason)
        photo, setting = found.loaded.photo, jpeg_quality(found.loaded.data)
        faces = look_upside_down(self.detector, photo.image, found.faces) if self._second_look else found.faces
        portrait = choose_portrait(photo, faces, setting)
        return self.measure(portrait, found.loaded.item.name, found.loaded.sha256)

    def measure(self, portrait: PortraitImage, name: str, sha256: str = "") -> Examined:
        """Measure an image whose faces are known."""
        upright = portrait.upright()
        chip = self._face_chip(upright)
        if chip is None:
            portrait, upright = replace(portrait, chosen=None), replace(portrait, chosen=None)
        measures = measure(upright, chip)
        return Examined(
            name=name,
            sha256=sha256,
            portrait=portrait,
            chip=chip,
            measures=measures,
            overall=None if chip is None else quality.overall(measures),
            phash=perceptual_hash(portrait.small),
            face_phash=None
            if chip is None
            else perceptual_hash(align(portrait.image, portrait.face.landmarks, FACE, 112)),
        )

    def _face_chip(self, portrait: PortraitImage) -> FaceChip | None:
        if portrait.chosen is None:
            return None
        try:
            return run_portrait_models(make_face_chip(portrait, self._population), self._portrait_models)
        except DegenerateLandmarksError:
            return None

    def _embed(self, results: list[Examined], group: Sequence[ImageFaces | Broken]) -> list[Examined]:
        """Embed the face that each image was taken of, and the one that may be meant instead."""
        if self.recognizer is None:
            return results
        crops: list[Image] = []
        places: list[tuple[int, str]] = []
        for index, (one, found) in enumerate(zip(results, group, strict=True)):
            if one.chip is None or one.portrait is None or isinstance(found, Broken):
                continue
            meant = _meant(one.portrait)
            try:
                sharp = refine(found, tuple(face for _, face in meant), self.recognizer.template)
                aligned = align_faces(sharp, self.recognizer.template, self.recognizer.size)
            except Exception as reason:  # noqa: BLE001 - one file's fault, whatever it is
                results[index] = _failed(found, reason)
                continue
            for (name, _), crop in zip(meant, aligned, strict=True):
                if crop is not None:
                    crops.append(crop)
                    places.append((index, name))
        for (index, name), row in zip(places, self.recognizer.embed(crops), strict=True):
            one = results[index]
            results[index] = replace(one, embedding=row) if name == "embedding" else replace(one, other=row)
        return results


def _failed(found: ImageFaces | Broken, reason: Exception) -> Examined:
    item = found.item if isinstance(found, Broken) else found.loaded.item
    return Examined(name=item.name, error=describe(reason, item.name))


FACE = arcface_template(112)
RIVAL = 0.25
"""A second face of at least this share of the first one's area may be the one that is meant."""


def _meant(portrait: PortraitImage) -> list[tuple[str, Face]]:
    """The faces of an image that its label may be about."""
    others = [face for index, face in enumerate(portrait.faces) if index != portrait.chosen]
    largest = max(others, key=lambda face: face.box.area, default=None)
    found = [("embedding", portrait.face)]
    if largest is not None and largest.box.area >= RIVAL * portrait.face.box.area:
        found.append(("other", largest))
    return found


def choose_portrait(photo: Photo, faces: Faces, setting: float | None = None) -> PortraitImage:
    """An image with its faces; the portrait is of the most prominent one, which says how the image is turned."""
    best = choose(faces, photo.image.shape[1], photo.image.shape[0], Policy())
    chosen = None if isinstance(best, Refused) else best
    if chosen is not None:
        # A head that is tilted by 45 to 60 degrees may have been found in a turned copy; it is tilted all the same.
        turn = turn_by_landmarks(faces[chosen])
        faces = tuple(replace(face, turn=turn) for face in faces)
    return PortraitImage(
        image=photo.image, width=photo.width, height=photo.height, faces=faces, chosen=chosen, jpeg_quality=setting
    )


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
