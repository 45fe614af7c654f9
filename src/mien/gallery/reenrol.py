"""Exchanges the model of a gallery: its kept portraits are aligned and embedded anew."""

from collections.abc import Callable
from itertools import islice

import numpy as np

from mien.gallery.gallery import identity_of
from mien.gallery.stores.base import Store
from mien.image import decode
from mien.recognize.recognizer import BATCH, Recognizer
from mien.types import Box, Face, Floats


def reenrol(store: Store, recognizer: Recognizer, progress: Callable[[int], None] = lambda done: None) -> int:
    """Embed every portrait with another recognizer and exchange all embeddings in one transaction.

    Args:
        store: the gallery.
        recognizer: the new one.
        progress: told how many portraits are done.

    Returns:
        The number of templates.

    Raises:
        GalleryError: the gallery was changed in the meantime; nothing was exchanged.
    """
    embeddings: dict[int, Floats] = {}
    portraits = store.portraits()
    while part := list(islice(portraits, BATCH)):
        crops = []
        for number, portrait in part:
            image = decode(portrait.jpeg, f"the portrait of template {number}").image
            face = Face(Box(0, 0, image.shape[1], image.shape[0]), 1.0, portrait.landmarks)
            crops.append(recognizer.align(image, face))
        vectors = recognizer.embed(np.stack(crops))
        embeddings.update({number: vector for (number, _), vector in zip(part, vectors, strict=True)})
        progress(len(embeddings))
    store.replace_embeddings(identity_of(recognizer.card), embeddings)
    return len(embeddings)
