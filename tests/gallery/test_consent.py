"""Consent is written down, ended, and the subject is erased when the days of grace are over."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.errors import GalleryError, SubjectNotFoundError
from mien.gallery.consent import DAY, end_consent, erase_expired, expired, record_consent
from mien.gallery.keeping import change_gallery_settings, create_gallery, gallery_settings
from mien.gallery.profiles import Consent, Profile
from mien.gallery.records import GallerySettings, Identity, NewTemplate
from mien.gallery.stores import create_store, open_store

CONSENT = Consent("entry", since=1000.0)


@pytest.fixture
def path(tmp_path: Path, identity: Identity, template: Callable[[str, int], NewTemplate]) -> Path:
    store = create_store(tmp_path / "people.gallery", identity)
    store.add([template("An", 1), template("Bình", 2)])
    store.close()
    return tmp_path / "people.gallery"


def test_consent_that_ends_keeps_its_subject_from_being_found(path: Path) -> None:
    assert record_consent(path, " An ", CONSENT).consent == CONSENT
    row = end_consent(path, "An")
    assert row.consent is not None and row.consent.since == 1000.0
    assert not row.is_found(GallerySettings())
    again = end_consent(path, row.id)
    assert again.consent == row.consent, "what ended before stays as it is"
    with pytest.raises(GalleryError, match=r"'Bình' has no consent that could end; `mien remove"):
        end_consent(path, "Bình")
    with pytest.raises(SubjectNotFoundError):
        record_consent(path, "Nobody", CONSENT)


def test_consent_comes_before_the_first_sample_where_a_gallery_needs_it(
    path: Path, template: Callable[[str, int], NewTemplate]
) -> None:
    change_gallery_settings(path, GallerySettings(requires_consent=True))
    made = record_consent(path, "  Chi ", CONSENT, new=True)
    assert (made.name, made.templates) == ("Chi", 0)
    assert open_store(path).add([template("Chi", 9)]) != [None]
    later = Consent("entry", since=2000.0)
    assert (
        record_consent(path, "Chi", later, new=True).id == made.id
        and open_store(path).find("Chi")[0].consent == later
    )


def test_nobody_is_erased_before_the_days_of_grace_are_over(path: Path) -> None:
    now = time.time()
    record_consent(path, "An", Consent("entry", since=1.0, until=now - 2 * DAY))
    assert erase_expired(path) == {}, "a gallery that says nothing erases nobody"
    change_gallery_settings(path, GallerySettings(grace_days=3))
    assert erase_expired(path) == {} and gallery_settings(path).grace_days == 3
    store = open_store(path)
    assert expired(store, now + 0.9 * DAY) == [] and expired(store, now + 1.1 * DAY) == [store.find("An")[0].id]
    change_gallery_settings(path, GallerySettings(grace_days=1))
    erased = erase_expired(path)
    assert [one.templates for one in erased.values()] == [1]
    assert [row.name for row in open_store(path).subjects()] == ["Bình"]


def test_a_new_gallery_keeps_what_was_chosen(tmp_path: Path) -> None:
    create_gallery(tmp_path / "new.gallery", "dlib-resnet", GallerySettings("none", requires_consent=True))
    store = open_store(tmp_path / "new.gallery")
    assert store.settings() == GallerySettings("none", requires_consent=True)
    assert store.read_kept("scope") == "demand" and store.create_subject(Profile("An")).consent is None
    with pytest.raises(GalleryError, match="exists already"):
        create_gallery(tmp_path / "new.gallery", None, GallerySettings())


@pytest.mark.parametrize("given", [{"keep": "all"}, {"grace_days": -1}, {"grace_days": float("nan")}])
def test_settings_that_mean_nothing_are_refused(given: dict) -> None:
    with pytest.raises(GalleryError):
        GallerySettings(**given)
