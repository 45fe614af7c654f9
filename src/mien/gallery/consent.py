"""Consent of subjects: written down, ended, and what its end leads to. Opens no model.

A subject whose consent does not hold is never found, from the moment at which it ends. It is erased some days later,
where the gallery says how many (see GallerySettings.grace_days); nobody is erased without that.
"""

import time
from dataclasses import replace
from pathlib import Path

from mien.errors import GalleryError
from mien.gallery.profiles import Consent, Profile
from mien.gallery.records import Erasure, SubjectRow
from mien.gallery.stores import open_store
from mien.gallery.stores.base import Store

DAY = 86_400
"""Seconds."""


def record_consent(gallery: str | Path, subject: str, consent: Consent, *, new: bool = False) -> SubjectRow:
    """Write down what a subject has agreed to, in place of an earlier consent.

    Args:
        gallery: path or address.
        subject: the name, or the id.
        consent: with its purpose and its times.
        new: whether to make the subject, still without samples, where nobody has the name. A gallery that needs
            consent takes no sample before.

    Raises:
        SubjectNotFoundError: there is no such subject.
        GalleryError: several subjects have that name.

    Example:
        >>> row = mien.record_consent("door.gallery", "Eileen Collins", mien.Consent("entry", since=0.0))
        >>> row.consent.holds()
        True
    """
    from mien.data.sample import canonical_subject
    from mien.gallery.names import find_subject

    store = open_store(gallery)
    try:
        name = canonical_subject(subject)
        if new and not store.find(name):
            return store.create_subject(Profile(name, consent=consent))
        row = find_subject(store, subject)
        return store.change_subject(row.id, lambda profile: replace(profile, consent=consent))
    finally:
        store.close()


def end_consent(gallery: str | Path, subject: str) -> SubjectRow:
    """Let the consent of a subject end now: it is not found any more.

    Args:
        gallery: path or address.
        subject: the name, or the id.

    Raises:
        SubjectNotFoundError: there is no such subject.
        GalleryError: there is no consent to end, or several subjects have that name.

    Example:
        >>> mien.end_consent("door.gallery", "Eileen Collins").consent.holds()
        False
    """
    from mien.gallery.names import find_subject

    store = open_store(gallery)
    try:
        now = time.time()

        def ended(profile: Profile) -> Profile:
            name, consent = profile.name, profile.consent
            if consent is None or consent.since >= now:
                raise GalleryError(
                    f"'{name}' has no consent that could end; `mien remove {store.address} '{name}'` erases the "
                    "subject"
                )
            until = now if consent.until is None else min(now, consent.until)
            return replace(profile, consent=replace(consent, until=until))

        return store.change_subject(find_subject(store, subject).id, ended)
    finally:
        store.close()


def erase_expired(gallery: str | Path) -> dict[str, Erasure]:
    """Erase the subjects whose consent ended more days ago than the gallery allows; by their ids.

    Args:
        gallery: path or address.

    Example:
        >>> mien.erase_expired("door.gallery")
        {}
    """
    store = open_store(gallery)
    try:
        return {subject: store.remove(subject) for subject in expired(store)}
    finally:
        store.close()


def expired(store: Store, at: float | None = None) -> list[str]:
    """The ids of subjects that are to be erased at a moment, in seconds since 1970 (UTC); by default now."""
    days, now = store.settings().grace_days, time.time() if at is None else at
    if days is None:
        return []
    ends = {row.id: row.consent.until for row in store.subjects() if row.consent is not None}
    return [subject for subject, until in ends.items() if until is not None and until + days * DAY <= now]
