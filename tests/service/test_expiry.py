"""Whose consent ended long ago is erased, whatever happens to others."""

import time
from pathlib import Path

import pytest

from mien.errors import GalleryError
from mien.gallery.profiles import Consent, Profile
from mien.gallery.records import Erasure, GallerySettings
from mien.service import expiry
from mien.service.auditing import NotWrittenError
from mien.service.engines import Engines
from mien.service.expiry import PAUSE, Expiry
from mien.service.galleries import Galleries, OpenGallery


@pytest.fixture
def galleries(engines: Engines, tmp_path: Path) -> Galleries:
    return Galleries(tmp_path, engines.card)


def expired_people(galleries: Galleries, *names: str) -> tuple[OpenGallery, list[str]]:
    """A gallery with subjects whose grace is over, and one whose is not; the ids of the former."""
    made, now = galleries.create("Door", GallerySettings(requires_consent=True, grace_days=1)), time.time()
    store = made.gallery.store
    gone = [
        store.create_subject(Profile(name, consent=Consent("entry", 1000.0, now - 2 * 86400))).id for name in names
    ]
    store.create_subject(Profile("just now", consent=Consent("entry", 1000.0, now - 60)))
    return made, gone


def test_whose_consent_ended_long_ago_is_erased(galleries: Galleries) -> None:
    made, (gone,) = expired_people(galleries, "An")
    lines: list[tuple[str, str, str]] = []
    assert Expiry(lambda *line: lines.append(line)).erase(galleries) == 1
    assert lines == [(made.id, gone, "begun"), (made.id, gone, "done")]
    assert [row.name for row in made.gallery.store.subjects()] == ["just now"]
    galleries.close()


def test_what_cannot_be_written_down_is_not_done(galleries: Galleries) -> None:
    made, _ = expired_people(galleries, "An")

    def refuse(*_: str) -> None:
        raise NotWrittenError

    assert Expiry(refuse).erase(galleries) == 0 and len(made.gallery.store.subjects()) == 2
    galleries.close()


def test_a_subject_that_cannot_be_erased_blocks_nobody_and_fills_no_log(
    galleries: Galleries, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, (stuck, other) = expired_people(galleries, "An", "Bình")
    lines: list[tuple[str, str, str]] = []
    eraser, remove, now = Expiry(lambda *line: lines.append(line)), made.gallery.remove, 1000.0
    is_stuck = True

    def sometimes(subject: str) -> Erasure:
        if subject == stuck and is_stuck:
            raise GalleryError("the disk is full")
        return remove(subject)

    monkeypatch.setattr(made.gallery, "remove", sometimes)
    monkeypatch.setattr(expiry.time, "monotonic", lambda: now)
    assert eraser.erase(galleries) == 1 and {row.name for row in made.gallery.store.subjects()} == {"An", "just now"}
    failed = [(made.id, stuck, "begun"), (made.id, stuck, "failed")]
    assert [line for line in lines if line[1] == stuck] == failed and "(tried again): 1" in eraser.problem
    for _ in range(10):
        assert eraser.erase(galleries) == 0
    assert len(lines) == 4, "it is not tried again at once"
    now += PAUSE
    assert eraser.erase(galleries) == 0 and len(lines) == 6
    now += PAUSE
    assert eraser.erase(galleries) == 0 and len(lines) == 6, "the pauses become longer"
    is_stuck = False
    now += PAUSE
    assert eraser.erase(galleries) == 1 and eraser.problem == ""
    assert lines[6:] == [(made.id, stuck, "begun"), (made.id, stuck, "done")]
    assert other in {line[1] for line in lines}
    galleries.close()
