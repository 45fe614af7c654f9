"""What a gallery holds, as frozen values: templates, portraits, subjects. Reads and writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mien.errors import GalleryError

if TYPE_CHECKING:
    from mien.gallery.indexes.base import Ids
    from mien.types import Floats
    from mien.units import Metric


@dataclass(frozen=True, slots=True)
class Identity:
    """Which embeddings a gallery holds."""

    contract: str
    model: str
    metric: Metric
    dimension: int


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A face with its surroundings, from which any model can align and embed it again.

    Attributes:
        source: the file it was enrolled from.
        jpeg: the image, JPEG.
        landmarks: (5, 2) float32 pixels of that image.
    """

    source: str
    jpeg: bytes
    landmarks: Floats


@dataclass(frozen=True, slots=True)
class KeptDoubt:
    """Something that was doubtful of a face when it was enrolled.

    Attributes:
        code: the aspect; see mien.scope.aspects.
        value: of the aspect; None where it could not be measured.
    """

    code: str
    value: float | None


@dataclass(frozen=True, slots=True, eq=False)
class NewTemplate:
    """One template to enrol.

    Attributes:
        subject: the name in canonical form, as mien.data.sample makes it.
        source_sha256: of the file it comes from; a file is enrolled once per subject.
        embedding: (D,) float32.
        portrait: what it was embedded from.
        doubts: about that portrait, which stay with the template.

    Raises:
        GalleryError: the subject has no name.
    """

    subject: str
    source_sha256: str
    embedding: Floats
    portrait: Portrait
    doubts: tuple[KeptDoubt, ...] = ()

    def __post_init__(self) -> None:
        if not self.subject.strip():
            raise GalleryError(f"{self.portrait.source}: a subject needs a name that is not empty")


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """One subject of a gallery, for lists.

    Attributes:
        name: the subject.
        templates: number of enrolled images.
        enrolled: when the first of them was enrolled, in seconds since 1970 (UTC).
    """

    name: str
    templates: int
    enrolled: float


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One enrolled image of a subject, for lists.

    Attributes:
        number: its id, which no other sample of the gallery ever gets.
        source: the file it was enrolled from.
        enrolled: when, in seconds since 1970 (UTC); in galleries of older versions, when the subject was.
        doubts: about the portrait when it was enrolled.
    """

    number: int
    source: str
    enrolled: float
    doubts: tuple[KeptDoubt, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """What happened since a point in the gallery's history.

    Attributes:
        ids: (N,) int64, the new templates in order.
        embeddings: (N, D) float32, their vectors.
        removed: (M,) int64, templates that were removed.
        last_removal: the number of the last removal.
    """

    ids: Ids
    embeddings: Floats
    removed: Ids
    last_removal: int


def printable(name: str) -> str:
    """A file name with bytes that are not UTF-8 written out, so that it can be stored and shown."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
