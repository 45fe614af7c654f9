"""What a gallery knows of a subject besides faces: name, metadata, consent and state. Checks it; stores nothing.

A subject is its id, which never changes and says nothing. Its name can change, and two subjects may have one name.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Literal, get_args

from mien.errors import GalleryError

Json = None | bool | int | float | str | list["Json"] | Mapping[str, "Json"]

State = Literal["active", "suspended"]
STATES: tuple[State, ...] = get_args(State)
"""Whether a subject takes part in recognition. A suspended one keeps its samples and is never found."""

METADATA_BYTES, METADATA_DEPTH = 4096, 4
"""Limits of a subject's metadata: bytes of its JSON in UTF-8, and objects and lists within each other."""

PURPOSE_LENGTH = NAME_LENGTH = 500
"""Characters in a purpose of consent, and in the name of a subject or a guardian."""


def new_id() -> str:
    """An opaque id of a gallery, a subject or a sample: 32 hexadecimal digits, drawn at random."""
    return token_hex(16)


@dataclass(frozen=True, slots=True)
class Consent:
    """What a subject has agreed to.

    Attributes:
        purpose: what faces are used for.
        since: when it was given, in seconds since 1970 (UTC).
        until: when it ends, in seconds since 1970 (UTC); None where it has no end.
        guardian: who gave it for a child; None where the subject did.

    Raises:
        GalleryError: it has no purpose, or ends before it begins.

    Example:
        >>> mien.Consent("entry to the house", since=1000.0, until=2000.0).holds(at=1500.0)
        True
    """

    purpose: str
    since: float
    until: float | None = None
    guardian: str | None = None

    def __post_init__(self) -> None:
        if not self.purpose.strip():
            raise GalleryError("consent needs a purpose that is not empty")
        if len(self.purpose) > PURPOSE_LENGTH or len(self.guardian or "") > NAME_LENGTH:
            raise GalleryError(f"the purpose and the guardian of a consent have at most {PURPOSE_LENGTH} characters")
        if self.until is not None and self.until <= self.since:
            raise GalleryError("consent must end after it began: give a later `until`, or none")

    def holds(self, at: float | None = None) -> bool:
        """Whether it covers a moment, in seconds since 1970 (UTC); by default now."""
        moment = time.time() if at is None else at
        return self.since <= moment and (self.until is None or moment < self.until)


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a subject; a new one replaces the former as a whole.

    Attributes:
        name: what people call it; canonical, see mien.data.sample.
        metadata: a JSON object within METADATA_BYTES and METADATA_DEPTH.
        consent: what the subject has agreed to; None where that is not known.
        state: whether it takes part in recognition.

    Raises:
        GalleryError: the name is empty or too long, or the metadata is beyond its limits.
    """

    name: str
    metadata: Mapping[str, Json] = field(default_factory=dict)
    consent: Consent | None = None
    state: State = "active"

    def __post_init__(self) -> None:
        require_name(self.name)
        metadata_text(self.metadata)
        if self.state not in STATES:
            raise GalleryError(f"a subject is {' or '.join(STATES)}, not '{self.state}'")


def require_name(name: str) -> None:
    """Refuse a name that says nothing, or more than a name.

    Raises:
        GalleryError: it is empty or too long.
    """
    if not name.strip():
        raise GalleryError("a subject needs a name that is not empty")
    if len(name) > NAME_LENGTH:
        raise GalleryError(f"a subject's name has at most {NAME_LENGTH} characters, and this one has {len(name)}")


def metadata_text(metadata: Mapping[str, Json]) -> str:
    """Metadata as JSON, in the order of its keys.

    Raises:
        GalleryError: it is not JSON, or beyond its limits.
    """
    if not isinstance(metadata, Mapping):
        raise GalleryError("metadata must be a JSON object with names and values")
    # Before JSON is written, since that fails on very deep values in its own way.
    if _is_deeper(metadata, METADATA_DEPTH):
        raise GalleryError(f"metadata may have {METADATA_DEPTH} objects and lists within each other, not more")
    try:
        text = json.dumps(metadata, ensure_ascii=False, sort_keys=True, allow_nan=False, separators=(",", ":"))
        size = len(text.encode())
    except (TypeError, ValueError) as reason:
        raise GalleryError(f"metadata cannot be written as JSON: {reason}") from reason
    if size > METADATA_BYTES:
        raise GalleryError(f"metadata may have {METADATA_BYTES} bytes as JSON, and this has {size}")
    return text


def _is_deeper(value: object, levels: int) -> bool:
    if not isinstance(value, Mapping | list | tuple):
        return False
    if levels == 0:
        return True
    inner = value.values() if isinstance(value, Mapping) else value
    return any(_is_deeper(one, levels - 1) for one in inner)
