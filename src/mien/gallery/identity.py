"""Which embeddings a gallery holds, and by which recognizer. Opens a gallery only to ask it for its recognizer.

Imports no store and no index until then, since two images are compared without either.
"""

from pathlib import Path

from mien.gallery.records import Identity
from mien.models.card import ModelCard
from mien.settings import load_settings


def identity_of(card: ModelCard) -> Identity:
    """Which embeddings a recognizer gives.

    Raises:
        CardError: the model is a detector.
    """
    contract = card.contract
    assert card.embedding is not None
    return Identity(contract, card.name, card.embedding.metric, card.embedding.size)


def recognizer_of(gallery: str | Path, asked: str | None) -> str:
    """The recognizer that was asked for, else the gallery's own, else the one of the settings."""
    if asked is not None:
        return asked
    from mien.gallery.stores import is_missing, open_store

    if is_missing(gallery):
        return load_settings().recognizer
    opened = open_store(gallery)
    opened.close()
    return opened.identity.model
