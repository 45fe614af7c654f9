"""The Python API of a few names, from a file to a decision. Composes rooms, adds no method.

Models are opened on first use and kept; every function takes their names or the paths of their cards.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from mien.data.manifest_io import read_samples
from mien.detect.detector import Detector
from mien.detect.families import open_detector
from mien.detect.prominence import most_prominent
from mien.errors import ImageError
from mien.gallery.decide import (
    DEFAULT_IDENTIFICATION_FMR,
    DEFAULT_VERIFICATION_FMR,
    Decision,
    Identification,
    verify,
)
from mien.gallery.enrolment import enrol_samples
from mien.gallery.gallery import Enrolment, Gallery, identity_of
from mien.gallery.stores.base import require_identity
from mien.gallery.thresholds import threshold_for
from mien.image import read_image as load_image
from mien.models import store
from mien.models.card import ModelCard
from mien.models.defaults import DEFAULT_DETECTOR, DEFAULT_RECOGNIZER
from mien.pipeline import open_pipeline
from mien.recognize.recognizer import Recognizer
from mien.scores import UNIT_OF, score_pairs
from mien.types import Face, Faces, Floats, Image, Score


@lru_cache(maxsize=4)
def _detector(name: str) -> Detector:
    return open_detector(name)


@lru_cache(maxsize=4)
def _recognizer(name: str) -> Recognizer:
    return Recognizer(store.load(name))


def load_card(name: str = DEFAULT_RECOGNIZER) -> ModelCard:
    """The card of a model: its contract, thresholds, licence; see mien.models.card."""
    return store.load(name).card


def read_image(path: str | Path) -> Image:
    """Read a photograph: (H, W, 3) uint8 RGB, upright.

    Raises:
        ImageError: missing, too large, of no known format, or broken.
    """
    return load_image(Path(path))


def detect_faces(image: Image, detector: str = DEFAULT_DETECTOR) -> Faces:
    """Find the faces of an image.

    Args:
        image: (H, W, 3) uint8 RGB, upright, as read_image gives it.
        detector: a name in the model store, or the path of a card.

    Returns:
        Faces, best first; boxes and landmarks in pixels; an empty tuple where there is none.

    Raises:
        ModelError: the detector cannot be opened.
    """
    return _detector(detector).detect([image])[0]


def align_face(image: Image, face: Face, recognizer: str = DEFAULT_RECOGNIZER) -> Image:
    """The crop of one face in the pose that a recognizer was trained on.

    Returns:
        (size, size, 3) uint8 RGB.

    Raises:
        DegenerateLandmarksError: no pose fits the face's landmarks.
    """
    return _recognizer(recognizer).align(image, face)


def embed_crops(crops: Sequence[Image] | Image, recognizer: str = DEFAULT_RECOGNIZER) -> Floats:
    """Embed aligned crops of one recognizer.

    Args:
        crops: (N, size, size, 3) uint8 RGB.
        recognizer: a name in the model store, or the path of a card.

    Returns:
        (N, D) float32.
    """
    return _recognizer(recognizer).embed(crops)


def compare_images(
    a: Image,
    b: Image,
    *,
    fmr: float = DEFAULT_VERIFICATION_FMR,
    detector: str = DEFAULT_DETECTOR,
    recognizer: str = DEFAULT_RECOGNIZER,
) -> Decision:
    """Compare the most prominent faces of two images.

    Args:
        a: (H, W, 3) uint8 RGB.
        b: (H, W, 3) uint8 RGB.
        fmr: the false match rate whose threshold decides.
        detector: a name in the model store, or the path of a card.
        recognizer: likewise.

    Returns:
        The decision with its score and threshold.

    Raises:
        ImageError: an image shows no face.
        CardError: the recognizer has no threshold for that rate.
    """
    network = _recognizer(recognizer)
    crops = [network.align(image, _subject(image, name, detector)) for image, name in ((a, "first"), (b, "second"))]
    embeddings = network.embed(np.stack(crops))
    metric = network.spec.metric
    value = float(score_pairs(embeddings[:1], embeddings[1:], metric)[0])
    return verify(Score(value, UNIT_OF[metric], network.card.contract), network.card.threshold(fmr))


def enrol_folder(gallery: Gallery, source: str | Path, *, detector: str = DEFAULT_DETECTOR) -> list[Enrolment]:
    """Enrol a folder (FOLDER/subject/*.jpg) or a manifest (CSV or Parquet: path, subject).

    Args:
        gallery: opened or made with mien.Gallery.
        source: the folder or manifest.
        detector: a name in the model store, or the path of a card.

    Returns:
        What became of each sample; all of it is on disk.

    Raises:
        ManifestError: nothing there to enrol.
    """
    model = store.load(gallery.store.identity.model)
    pipeline = open_pipeline(detector, str(model.folder), many=True)
    return list(enrol_samples(gallery, read_samples(Path(source)), pipeline, model.card))


def identify_faces(
    gallery: Gallery, image: Image, *, fmr: float = DEFAULT_IDENTIFICATION_FMR, detector: str = DEFAULT_DETECTOR
) -> list[tuple[Face, Identification]]:
    """Say for every face of an image which enrolled subject it is, or that it is unknown.

    Args:
        gallery: opened or made with mien.Gallery.
        image: (H, W, 3) uint8 RGB.
        fmr: the false match rate, for one comparison, whose threshold decides.
        detector: a name in the model store, or the path of a card.

    Returns:
        Faces, best first, each with its candidates and decision.

    Raises:
        CardError: the gallery's model has no threshold for that rate.
    """
    network = _recognizer(gallery.store.identity.model)
    require_identity(gallery.store, identity_of(network.card))
    threshold = threshold_for(gallery.store, network.card, fmr)
    faces = detect_faces(image, detector)
    embeddings = network.embed([network.align(image, face) for face in faces])
    return list(zip(faces, gallery.identify(embeddings, threshold), strict=True))


def _subject(image: Image, name: str, detector: str) -> Face:
    faces = detect_faces(image, detector)
    if not faces:
        raise ImageError(f"the {name} image shows no face: give one with the whole face, upright and not too small")
    return faces[most_prominent(faces, image.shape[1], image.shape[0])[0]]
