"""Exchanges the model of a gallery: its kept portraits are aligned and embedded again."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from mien.align import typical_box
from mien.gallery.gallery import identity_of
from mien.gallery.records import Identity, Portrait
from mien.gallery.stores import open_store
from mien.gallery.stores.base import Store
from mien.image import decode
from mien.models import store as models
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.progress import OnProgress, Progress, no_progress
from mien.recognize.recognizer import BATCH, Recognizer
from mien.settings import load_settings
from mien.types import Face, Floats, Image


@dataclass(frozen=True, slots=True)
class Reenrolment:
    """What a gallery holds after its model was exchanged.

    Attributes:
        templates: number of templates, all of them embedded again.
        identity: which embeddings they have now.
    """

    templates: int
    identity: Identity


def reenrol(
    gallery: str | Path,
    recognizer: str | None = None,
    *,
    options: EngineOptions = DEFAULT_OPTIONS,
    on_progress: OnProgress = no_progress,
) -> Reenrolment:
    """Embed all portraits of a gallery with another recognizer and exchange all embeddings in one transaction.

    Args:
        gallery: path or address.
        recognizer: a model's name or the path of its card; by default the one of the settings.
        options: engine options.
        on_progress: called after each batch of portraits.

    Raises:
        GalleryError: there is no such gallery, or it was changed in the meantime; nothing was exchanged.

    Example:
        >>> mien.reenrol("staff.gallery", "dlib-resnet").templates
        2
    """
    opened = open_store(gallery)
    try:
        network = Recognizer(models.load(recognizer or load_settings().recognizer), options)
        templates = reenrol_store(opened, network, on_progress=on_progress)
        return Reenrolment(templates, opened.identity)
    finally:
        opened.close()


def reenrol_store(store: Store, recognizer: Recognizer, *, on_progress: OnProgress = no_progress) -> int:
    """Exchange the embeddings of an open gallery; see reenrol. Returns the number of templates."""
    embeddings: dict[int, Floats] = {}
    portraits, total = store.portraits(), store.count()
    while part := list(islice(portraits, BATCH)):
        vectors = recognizer.embed(np.stack([_crop(number, portrait, recognizer) for number, portrait in part]))
        embeddings.update({number: vector for (number, _), vector in zip(part, vectors, strict=True)})
        on_progress(Progress(stage="embedding", done=len(embeddings), total=total))
    store.replace_embeddings(identity_of(recognizer.card), embeddings)
    return len(embeddings)


def _crop(number: int, portrait: Portrait, recognizer: Recognizer) -> Image:
    image = decode(portrait.jpeg, f"the portrait of template {number}").image
    return recognizer.align(image, Face(typical_box(portrait.landmarks), 1.0, portrait.landmarks))
