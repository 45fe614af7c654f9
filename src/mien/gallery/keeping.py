"""What a gallery keeps and needs: chosen when it is made, and changed later. Opens no model."""

from pathlib import Path

from mien.errors import GalleryError
from mien.gallery.records import GallerySettings
from mien.gallery.stores import is_missing, open_store


def create_gallery(
    gallery: str | Path, recognizer: str | None, settings: GallerySettings, vectors: str | None = None
) -> None:
    """Make an empty gallery.

    Args:
        gallery: path or address, where nothing is yet.
        recognizer: a model's name or the path of its card; None for the one of the mien settings.
        settings: what it keeps and needs.
        vectors: the address of the database that keeps its vectors; None for the gallery file.

    Raises:
        GalleryError: there is something already, or the database cannot be reached; then nothing was made.

    Example:
        >>> mien.create_gallery("new.gallery", "dlib-resnet", mien.GallerySettings(keep="none"))
    """
    from mien.gallery.gallery import Gallery, identity_of
    from mien.gallery.transfer import keep_vectors_at, require_vectors
    from mien.models import store
    from mien.settings import load_settings

    if not is_missing(gallery):
        raise GalleryError(f"{gallery} exists already: `mien gallery settings {gallery}` changes what it keeps")
    card = store.load(recognizer or load_settings().recognizer).card
    if vectors is not None:
        require_vectors(vectors, identity_of(card))
    made = Gallery.create(gallery, card)
    try:
        made.store.change_settings(settings)
        if vectors is not None:
            keep_vectors_at(made.store, vectors)
    finally:
        made.close()


def gallery_settings(gallery: str | Path) -> GallerySettings:
    """What a gallery keeps and needs.

    Example:
        >>> mien.gallery_settings("door.gallery").keep
        'portrait'
    """
    store = open_store(gallery)
    try:
        return store.settings()
    finally:
        store.close()


def change_gallery_settings(gallery: str | Path, settings: GallerySettings) -> None:
    """Change what a gallery keeps and needs; what is kept already stays.

    Example:
        >>> mien.change_gallery_settings("door.gallery", mien.GallerySettings(keep="none"))
    """
    store = open_store(gallery)
    try:
        store.change_settings(settings)
    finally:
        store.close()
