"""What a gallery holds, as frozen values: templates, portraits, subjects. Reads and writes nothing."""

import unicodedata
from dataclasses import dataclass

from mien.errors import GalleryError
from mien.gallery.index import Ids
from mien.types import Floats, Metric


@dataclass(frozen=True, slots=True)
class Identity:
    """Which embeddings a gallery holds."""

    contract: str
    model: str
    metric: Metric
    dimension: int


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A face with its surroundings, from which any model can align and embed it anew.

    Attributes:
        source: the file it was enrolled from.
        jpeg: the picture, JPEG.
        landmarks: (5, 2) float32 pixels of that picture.
    """

    source: str
    jpeg: bytes
    landmarks: Floats


@dataclass(frozen=True, slots=True, eq=False)
class NewTemplate:
    """One template to enrol."""

    subject: str
    source_sha256: str
    embedding: Floats
    portrait: Portrait


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """One subject, for lists."""

    name: str
    templates: int
    enrolled: float


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """What happened since a point in the gallery's history."""

    ids: Ids
    embeddings: Floats
    removed: Ids
    last_removal: int


def printable(name: str) -> str:
    """A file or folder name with bytes that are no UTF-8 written out, so that it can be stored and shown."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def canonical(name: str) -> str:
    """A subject's name in the form that is stored: Unicode NFC, so that one person has one name.

    Raises:
        GalleryError: empty.
    """
    name = unicodedata.normalize("NFC", printable(name)).strip()
    if not name:
        raise GalleryError("a subject needs a name that is not empty")
    return name
