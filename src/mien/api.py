"""The Python API of a few names: read_image, detect, align, embed, compare. Composes rooms, adds no method.

Models are opened on first use and kept; every function takes their names or the paths of their cards.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from mien.detect.detector import Detector, open_detector
from mien.detect.prominence import most_prominent
from mien.errors import ImageError
from mien.gallery.decide import DEFAULT_VERIFICATION_FMR, Decision, verify
from mien.models import store
from mien.models.card import ModelCard
from mien.models.defaults import DEFAULT_DETECTOR, DEFAULT_RECOGNIZER
from mien.recognize.recognizer import Recognizer
from mien.scores import UNIT_OF, score_pairs
from mien.types import Face, Faces, Floats, Image, Score


@lru_cache(maxsize=4)
def _detector(name: str) -> Detector:
    return open_detector(name)


@lru_cache(maxsize=4)
def _recognizer(name: str) -> Recognizer:
    return Recognizer(store.load(name))


def card(name: str = DEFAULT_RECOGNIZER) -> ModelCard:
    """The card of a model: its contract, thresholds, licence; see mien.models.card."""
    return store.load(name).card


def detect(image: Image, detector: str = DEFAULT_DETECTOR) -> Faces:
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


def align(image: Image, face: Face, recognizer: str = DEFAULT_RECOGNIZER) -> Image:
    """The crop of one face in the pose that a recognizer was trained on.

    Returns:
        (size, size, 3) uint8 RGB.

    Raises:
        DegenerateLandmarksError: no pose fits the face's landmarks.
    """
    return _recognizer(recognizer).align(image, face)


def embed(crops: Sequence[Image] | Image, recognizer: str = DEFAULT_RECOGNIZER) -> Floats:
    """Embed aligned crops of one recognizer.

    Args:
        crops: (N, size, size, 3) uint8 RGB.
        recognizer: a name in the model store, or the path of a card.

    Returns:
        (N, D) float32.
    """
    return _recognizer(recognizer).embed(crops)


def compare(
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


def _subject(image: Image, name: str, detector: str) -> Face:
    faces = detect(image, detector)
    if not faces:
        raise ImageError(f"the {name} image shows no face: give one with the whole face, upright and not too small")
    return faces[most_prominent(faces, image.shape[1], image.shape[0])[0]]
