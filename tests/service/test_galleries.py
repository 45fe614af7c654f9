"""Galleries are found again after a restart, and erase whom they have to."""

import time
from pathlib import Path

import pytest

from mien.gallery.profiles import Consent, Profile
from mien.gallery.records import GallerySettings
from mien.service.engines import Engines
from mien.service.errors import ServiceError
from mien.service.galleries import FOLDER, Galleries


def test_galleries_are_found_again_by_their_ids_and_names(engines: Engines, tmp_path: Path) -> None:
    galleries = Galleries(tmp_path, engines.card)
    made = galleries.create("Cửa trước", GallerySettings(keep="none"))
    galleries.close()
    again = Galleries(tmp_path, engines.card)
    found = again.find(made.id)
    assert found.name == "Cửa trước" and found.fits and found.gallery.store.settings().keep == "none"
    with pytest.raises(ServiceError, match="no such gallery"):
        again.find("0" * 32)
    assert again.delete(made.id, None) == 0 and not list((tmp_path / FOLDER).iterdir())
    again.close()


def test_whose_consent_ended_long_ago_is_erased(engines: Engines, tmp_path: Path) -> None:
    galleries, now = Galleries(tmp_path, engines.card), time.time()
    store = galleries.create("Door", GallerySettings(requires_consent=True, grace_days=1)).gallery.store
    for name, until in (("long ago", now - 2 * 86400), ("just now", now - 60), ("later", now + 60)):
        store.create_subject(Profile(name, consent=Consent("entry", 1000.0, until)))
    assert galleries.erase_expired() == 1 and galleries.erase_expired() == 0
    assert [row.name for row in store.subjects()] == ["just now", "later"]
    assert galleries.finish_erasures() and galleries.pending_erasures() == 0
    galleries.close()
