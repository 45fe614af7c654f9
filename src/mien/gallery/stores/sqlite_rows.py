"""Rows of a gallery's SQLite file as values, and the reverse. Opens nothing and begins no transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from unicodedata import normalize

from mien.gallery.profiles import STATES, Consent, Json, State
from mien.gallery.records import GallerySettings, KeptDoubt, Portrait


def text_of(value: object) -> str:
    """A name as it was stored.

    Raises:
        TypeError: it is not text.
    """
    if not isinstance(value, str):
        raise TypeError("a name is not text")
    return value


def without_name(path: str, name: str) -> str:
    """A path without the folders, and without the part of the file's name, that a subject's name is in."""
    *folders, file = normalize("NFC", path).split("/")
    kept = [folder for folder in folders if name not in folder]
    if name not in file:
        return path if len(kept) == len(folders) else "/".join([*kept, file])
    return "/".join([*kept, file.replace(name, "")])


def doubts_of(text: str | None) -> tuple[KeptDoubt, ...]:
    """The doubts about a template."""
    return () if text is None else tuple(KeptDoubt(**one) for one in json.loads(text))


def doubts_text(doubts: tuple[KeptDoubt, ...]) -> str | None:
    """Doubts as they are stored."""
    return json.dumps([{"code": one.code, "value": one.value} for one in doubts]) if doubts else None


def metadata_of(text: str | None) -> Mapping[str, Json]:
    """The metadata of a subject.

    Raises:
        TypeError: it is not an object.
    """
    if text is None:
        return {}
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError("metadata is not an object")
    return found


def consent_of(text: str | None) -> Consent | None:
    """The consent of a subject."""
    return None if text is None else Consent(**json.loads(text))


def consent_text(consent: Consent | None) -> str | None:
    """A consent as it is stored."""
    return None if consent is None else json.dumps(asdict(consent), ensure_ascii=False)


def state_of(text: object) -> State:
    """The state of a subject.

    Raises:
        ValueError: there is no such state.
    """
    for state in STATES:
        if state == text:
            return state
    raise ValueError(f"the state {text} of a subject is not known")


def settings_of(text: str | None) -> GallerySettings:
    """What holds for all subjects."""
    return GallerySettings() if text is None else GallerySettings(**json.loads(text))


def portrait_of(jpeg: bytes | None, landmarks: bytes | None) -> Portrait | None:
    """A portrait as it was stored; None where there is none.

    Raises:
        TypeError: it is stored in part.
    """
    import numpy as np

    if jpeg is None and landmarks is None:
        return None
    if not isinstance(jpeg, bytes) or not isinstance(landmarks, bytes):
        raise TypeError("a part of a portrait is missing")
    return Portrait(jpeg, np.frombuffer(landmarks, np.float32).reshape(5, 2))
