"""What a gallery holds, as frozen values: templates, portraits, subjects, settings. Reads and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Literal

from mien.errors import GalleryError
from mien.gallery.profiles import Consent, Json, Profile, State, new_id

if TYPE_CHECKING:
    from mien.gallery.indexes.base import Ids
    from mien.types import Floats
    from mien.units import ModelMetric


@dataclass(frozen=True, slots=True)
class Identity:
    """Which embeddings a gallery holds."""

    contract: str
    model: str
    metric: ModelMetric
    dimension: int


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A face with its surroundings, from which any model can align and embed it again.

    Attributes:
        jpeg: the image, JPEG.
        landmarks: (5, 2) float32 pixels of that image.
    """

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
        subject: the name in canonical form, as mien.data.sample makes it; the one subject of that name gets the
            template, or a new subject where there is none.
        source_sha256: of the file it comes from; a file is enrolled once per subject.
        embedding: (D,) float32.
        portrait: what it was embedded from; None where it is not kept.
        source: the file it was enrolled from; None where that is not kept.
        doubts: about that portrait, which stay with the template.
        owner: the id of the subject that gets it, in place of the name.
        id: of the sample, which never changes.

    Raises:
        GalleryError: the subject has no name.
    """

    subject: str
    source_sha256: str
    embedding: Floats
    portrait: Portrait | None
    _: KW_ONLY
    source: str | None = None
    doubts: tuple[KeptDoubt, ...] = ()
    owner: str | None = None
    id: str = field(default_factory=new_id)

    def __post_init__(self) -> None:
        if self.owner is None and not self.subject.strip():
            raise GalleryError(f"{self.source or 'a sample'}: a subject needs a name that is not empty")


@dataclass(frozen=True, slots=True, order=True)
class Owner:
    """Whose a template is. Ordered by name.

    Attributes:
        name: of the subject.
        id: of the subject.
    """

    name: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRow:
    """One subject of a gallery, for lists.

    Attributes:
        id: never changes, and is never used for another subject.
        name: what people call it.
        templates: number of enrolled images.
        enrolled: when the subject was made, in seconds since 1970 (UTC).
        metadata: what the operator keeps of it.
        consent: what the subject has agreed to; None where that is not known.
        state: whether it takes part in recognition.
    """

    id: str
    name: str
    templates: int
    enrolled: float
    metadata: Mapping[str, Json] = field(default_factory=dict)
    consent: Consent | None = None
    state: State = "active"

    @property
    def profile(self) -> Profile:
        """What can be changed of it."""
        return Profile(self.name, self.metadata, self.consent, self.state)

    def is_found(self, settings: GallerySettings, at: float | None = None) -> bool:
        """Whether recognition may find the subject at a moment, in seconds since 1970 (UTC); by default now."""
        return is_found(self.state, self.consent, settings, at)


def is_found(state: State, consent: Consent | None, settings: GallerySettings, at: float | None = None) -> bool:
    """Whether recognition may find a subject; see SubjectRow.is_found."""
    if state != "active":
        return False
    return not settings.requires_consent if consent is None else consent.holds(at)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRow:
    """One enrolled image of a subject, for lists.

    Attributes:
        id: never changes, and is never used for another sample.
        number: its place in the order of enrolment, which no other sample of the gallery ever gets.
        subject: the id of its subject.
        source: the file it was enrolled from; None where that is not kept.
        enrolled: when, in seconds since 1970 (UTC); in galleries of older versions, when the subject was.
        has_portrait: whether its portrait is kept, from which another model can embed it.
        doubts: about the portrait when it was enrolled.
    """

    id: str
    number: int
    subject: str
    source: str | None
    enrolled: float
    has_portrait: bool
    doubts: tuple[KeptDoubt, ...] = ()


Keep = Literal["none", "portrait"]
KEEPS: tuple[Keep, ...] = ("portrait", "none")
"""What is kept of an enrolled image besides its embedding."""


@dataclass(frozen=True, slots=True)
class GallerySettings:
    """What holds for all subjects of a gallery.

    Attributes:
        keep: "portrait" keeps a portrait with each new template, from which another model can embed it again; "none"
            keeps the embedding alone.
        requires_consent: whether a subject without consent that holds is neither enrolled nor found.
        grace_days: days after the end of a consent until the subject is erased; None erases nobody.

    Raises:
        GalleryError: there is no such way of keeping, or the days are negative.

    Example:
        >>> mien.GallerySettings(requires_consent=True).keep
        'portrait'
    """

    keep: Keep = "portrait"
    requires_consent: bool = False
    grace_days: float | None = None

    def __post_init__(self) -> None:
        if self.keep not in KEEPS:
            raise GalleryError(f"a gallery keeps {' or '.join(KEEPS)}, not '{self.keep}'")
        if self.grace_days is not None and not 0 <= self.grace_days <= LONGEST_GRACE:
            raise GalleryError(f"days of grace are a number from 0 to {LONGEST_GRACE}")


LONGEST_GRACE = 36_500
"""Days in a century."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure did.

    Attributes:
        templates: how many were erased.
        keys: "erased" where the subject's key was overwritten, so that no copy of the gallery can be read any more;
            "none" where the gallery is not encrypted.
        log: "emptied" where nothing of it is left in the gallery's files; "pending" while another process keeps the
            log from being emptied, or a database that has vectors cannot be reached. It is emptied by the next
            erasure or list of subjects, or by the service.
        outside: "none" where the vectors are in the gallery file; "logical" where a database has removed them, so
            that nobody finds them, and their bytes stay in its files until it is compacted; "pending" where the
            database cannot be reached.
    """

    templates: int
    keys: Literal["erased", "none"]
    log: Literal["emptied", "pending"]
    outside: Literal["none", "logical", "pending"] = "none"


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
