"""The Python API of a few names, from a file to a decision. Composes rooms, adds no method.

Models are opened on first use and kept; every function takes their names or the paths of their cards. Images are
checked when they come in; every face goes through mien.pipeline.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from mien.data.manifest_io import read_samples
from mien.errors import ImageError
from mien.gallery.decide import Decision, Identification
from mien.gallery.enrolment import enrol_samples
from mien.gallery.gallery import Enrolment, Gallery, identity_of
from mien.gallery.identification import identify_images
from mien.gallery.stores.base import require_identity
from mien.gallery.thresholds import threshold_for
from mien.gallery.verification import compare_with
from mien.image import check_image
from mien.models import store
from mien.models.card import ModelCard
from mien.pipeline import Analysis, Pipeline, array_item, open_pipeline
from mien.recognize.recognizer import Recognizer
from mien.settings import load_settings
from mien.types import Face, Faces, Floats, Image


@lru_cache(maxsize=4)
def _open_recognizer(name: str) -> Recognizer:
    return Recognizer(store.load(name))


@lru_cache(maxsize=4)
def _open_pipeline(detector: str, recognizer: str | None) -> Pipeline:
    opened = open_pipeline(detector, None)
    return opened if recognizer is None else Pipeline(opened.detector, _open_recognizer(recognizer))


def _recognizer(name: str | None) -> Recognizer:
    """The recognizer of this name, or the one of the settings."""
    return _open_recognizer(name or load_settings().recognizer)


def _pipeline(detector: str | None, recognizer: str | None) -> Pipeline:
    """A pipeline with the detector of this name, or the one of the settings; None means no recognizer."""
    return _open_pipeline(detector or load_settings().detector, recognizer)


def _analyse(images: dict[str, Image], detector: str | None, recognizer: str | None) -> list[Analysis]:
    """Analyse images that a caller gave, by what to call them; one that is not an image is an error."""
    items = [array_item(name, image) for name, image in images.items()]
    found = _pipeline(detector, recognizer).analyse_chunk(items)
    for one in found:
        if one.error is not None:
            raise ImageError(one.error)
    return found


def load_card(name: str | None = None) -> ModelCard:
    """The card of a model: its contract, thresholds, licence; see mien.models.card.

    Example:
        >>> card = mien.load_card("dlib-resnet")
        >>> card.licence, card.threshold(1e-3).unit
        ('CC0-1.0', 'L2')
    """
    return store.load(name or load_settings().recognizer).card


def detect_faces(image: Image, detector: str | None = None) -> Faces:
    """Find the faces of an image.

    Args:
        image: (H, W, 3) uint8 RGB, upright, as read_image gives it.
        detector: a name in the model store, or the path of a card; by default the one of the settings.

    Returns:
        Faces, best first; boxes and landmarks in pixels; an empty tuple where there is none.

    Raises:
        ImageError: it is not an image array.
        ModelError: the detector cannot be opened.

    Example:
        >>> image = mien.read_image("collins.jpg")
        >>> [round(face.score, 1) for face in mien.detect_faces(image)]
        [1.0]
    """
    return _analyse({"the image": image}, detector, None)[0].faces


def align_face(image: Image, face: Face, recognizer: str | None = None) -> Image:
    """The crop of one face in the pose that a recognizer was trained on.

    Returns:
        (size, size, 3) uint8 RGB.

    Raises:
        ImageError: it is not an image array.
        DegenerateLandmarksError: no pose fits the face's landmarks.

    Example:
        >>> image = mien.read_image("collins.jpg")
        >>> face = mien.detect_faces(image)[0]
        >>> mien.align_face(image, face).shape
        (150, 150, 3)
    """
    return _recognizer(recognizer).align(check_image(image), face)


def embed_crops(crops: Sequence[Image] | Image, recognizer: str | None = None) -> Floats:
    """Embed aligned crops of one recognizer.

    Args:
        crops: (N, size, size, 3) uint8 RGB.
        recognizer: a name in the model store, or the path of a card; by default the one of the settings.

    Returns:
        (N, D) float32.

    Raises:
        ImageError: they are not crops of the recognizer's size.

    Example:
        >>> image = mien.read_image("collins.jpg")
        >>> crops = [mien.align_face(image, face) for face in mien.detect_faces(image)]
        >>> mien.embed_crops(crops).shape
        (1, 128)
    """
    return _recognizer(recognizer).embed(crops)


def compare_images(
    a: Image,
    b: Image,
    *,
    fmr: float | None = None,
    detector: str | None = None,
    recognizer: str | None = None,
    scope: str | None = None,
) -> Decision:
    """Compare the most prominent faces of two images.

    The score is that of the files, to 1e-3. The exception are JPEG files of 2,560 pixels or more, which are reduced
    while they are decoded: their arrays can score differently, by 0.03 in most cases and 0.15 at most (L2). Use
    mien.compare for them.

    Args:
        a: (H, W, 3) uint8 RGB.
        b: (H, W, 3) uint8 RGB.
        fmr: the false match rate whose threshold decides; by default the one of the settings.
        detector: a name in the model store, or the path of a card; by default the one of the settings.
        recognizer: see detector.
        scope: what to do with a face for which the measured rate does not hold; see mien.compare.

    Returns:
        The decision with its score and threshold, and the doubts about the faces. It is true for a match alone.

    Raises:
        ImageError: an image is not an image array, or shows no face that can be compared.
        ScopeError: the policy demands another image.
        CardError: the recognizer has no threshold for that rate.

    Example:
        >>> mien.compare_images(mien.read_image("collins.jpg"), mien.read_image("door.jpg")).outcome
        'match'
    """
    for image, name in ((a, "the first image"), (b, "the second image")):
        check_image(image, name)
    pipeline = _pipeline(detector, recognizer or load_settings().recognizer)
    items = array_item("the first image", a), array_item("the second image", b)
    return compare_with(pipeline, *items, fmr, scope=scope).decision


def enrol_folder(
    gallery: Gallery, source: str | Path, *, detector: str | None = None, scope: str | None = None
) -> list[Enrolment]:
    """Enrol a folder (FOLDER/subject/*.jpg) or a manifest (CSV or Parquet: path, subject).

    Args:
        gallery: opened or made with mien.Gallery.
        source: the folder or manifest.
        detector: a name in the model store, or the path of a card; by default the one of the settings.
        scope: what to do with a face for which the recognizer's rates do not hold; see mien.enrol.

    Returns:
        What became of each sample; all of it is on disk.

    Raises:
        ManifestError: nothing there to enrol.

    Example:
        >>> gallery = mien.Gallery.open("door.gallery")
        >>> [(one.sample.subject, one.status) for one in mien.enrol_folder(gallery, "people")]
        [('Eileen Collins', 'enrolled'), ('Grace Hopper', 'enrolled')]
        >>> gallery.close()
    """
    model = store.load(gallery.store.identity.model)
    pipeline = open_pipeline(detector or load_settings().detector, str(model.folder), many=True)
    return list(enrol_samples(gallery, read_samples(Path(source)), pipeline, model.card, scope=scope))


def identify_faces(
    gallery: Gallery,
    image: Image,
    *,
    fmr: float | None = None,
    detector: str | None = None,
    scope: str | None = None,
) -> list[tuple[Face, Identification]]:
    """Say for every face of an image which enrolled subject it is, or that it is unknown.

    Args:
        gallery: opened or made with mien.Gallery.
        image: (H, W, 3) uint8 RGB.
        fmr: the false match rate of one comparison, whose threshold decides; by default the one of the settings.
        detector: a name in the model store, or the path of a card; by default the one of the settings.
        scope: what to do with a face for which the measured rate does not hold; see mien.identify.

    Returns:
        Faces, best first, each with its candidates and decision. Faces whose landmarks fix no pose have no embedding
        and are left out.

    Raises:
        ImageError: it is not an image array.
        CardError: the gallery's model has no threshold for that rate.

    Example:
        >>> gallery = mien.Gallery.open("door.gallery")
        >>> [person.decision for face, person in mien.identify_faces(gallery, mien.read_image("door.jpg"))]
        ['Eileen Collins']
        >>> gallery.close()
    """
    network = _recognizer(gallery.store.identity.model)
    require_identity(gallery.store, identity_of(network.card))
    rate = load_settings().identification_fmr if fmr is None else fmr
    threshold = threshold_for(gallery.store, network.card, rate)
    pipeline = _pipeline(detector, gallery.store.identity.model)
    found = next(iter(identify_images(gallery, [array_item("the image", image)], pipeline, threshold, scope=scope)))
    if found.error is not None:
        raise ImageError(found.error)
    return list(zip(found.faces, found.people, strict=True))
