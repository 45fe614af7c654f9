"""Images of cameras: who may see them, what is written down of that, and when they are gone."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI

from mien.client import Client, RefusedError
from mien.gallery.audit_log import read_entries
from mien.models import store
from mien.models.defaults import DEFAULT_RECOGNIZER
from mien.service.app import create_app
from mien.service.config import ServiceConfig
from mien.service.routes import thumbnails as module

CARD = store.load(DEFAULT_RECOGNIZER).card
FIRST, SECOND = "f" * 16, "5" * 16


class Door:
    """A service with a gallery, a subject, and a camera that keeps thumbnails and may be looked through."""

    def __init__(self, app: FastAPI, address: str) -> None:
        self.app, self.address, self.clients = app, address, [Client(address, retries=0)]
        (self.client,) = self.clients
        self.stores = app.state.cameras.stores
        self.gallery = self.client.create_gallery("Door")["id"]
        self.subject = self.client.create_subject(self.gallery, "An")["id"]
        self.camera = self.add(keep_thumbnails=24.0, preview=True)

    def add(self, **chosen: float) -> str:
        return str(self.stores.cameras.add("Door", self.gallery, "rtsp://10.0.0.7/", "fmr:1e-4", **chosen).id)

    def happen(self, thumbnail: str, jpeg: bytes | None, subject: str | None = None) -> None:
        """Somebody is seen."""
        if jpeg is not None:
            self.stores.thumbnails.keep(self.camera, thumbnail, jpeg, subject)
        body = {"event": "left", "track": 1, "outcome": "match" if subject else "unknown", "reasons": []}
        self.stores.cameras.add_event(self.camera, 0.0, {**body, "subject_id": subject, "thumbnail": thumbnail})

    def shown(self) -> list[str | None]:
        return [one["thumbnail"] for one in self.client.list_camera_events(self.camera)["events"]]

    def with_scopes(self, *scopes: str, galleries: list[str] | None = None) -> Client:
        secret = self.app.state.access.create_key("key", scopes, galleries, 4e9)[1]
        self.clients.append(Client(self.address, secret, retries=0))
        return self.clients[-1]


@pytest.fixture
def door(tmp_path: Path, serve_app: Callable[..., AbstractContextManager[str]]) -> Iterator[Door]:
    engines = SimpleNamespace(card=CARD, queue=SimpleNamespace(waiting=0), close=lambda: None)
    config = ServiceConfig(folder=tmp_path, port=0)
    app = create_app(config, engines)  # type: ignore[arg-type]
    with serve_app(app, config) as address:
        made = Door(app, address)
        yield made
        for client in made.clients:
            client.close()


def test_events_have_the_thumbnails_that_are_kept_and_looking_at_one_is_written_down(
    door: Door, tmp_path: Path
) -> None:
    door.happen(FIRST, b"JPEG of An", door.subject)
    door.happen(SECOND, None)
    assert door.shown() == [FIRST, None]
    assert door.client.get_camera_thumbnail(door.camera, FIRST) == b"JPEG of An"
    with pytest.raises(RefusedError) as caught:
        door.client.get_camera_thumbnail(door.camera, SECOND)
    assert caught.value.status == 404
    lines = [one for one in read_entries(tmp_path / "audit.log") if one.what == "get_camera_thumbnail"]
    assert [(one.outcome, one.gallery, one.subject) for one in lines] == [
        ("done", door.gallery, door.subject),
        ("refused", None, None),
    ]


def test_the_thumbnail_of_an_erased_subject_is_gone_with_the_answer(door: Door, tmp_path: Path) -> None:
    other = door.client.create_subject(door.gallery, "Binh")["id"]
    door.happen(FIRST, b"An", door.subject)
    door.happen(SECOND, b"Binh", other)
    door.client.erase_subject(door.gallery, door.subject)
    assert door.shown() == [None, SECOND] and door.stores.thumbnails.subjects() == [(door.gallery, other)]
    # As another process does, without the service.
    door.app.state.galleries.find(door.gallery).gallery.store.remove(other)
    with pytest.raises(RefusedError) as caught:
        door.client.get_camera_thumbnail(door.camera, SECOND)
    assert caught.value.status == 404, "at once, also before it is erased"
    door.app.state.faces.erase_missing()
    assert door.shown() == [None, None] and door.stores.thumbnails.subjects() == []


def test_whoever_was_erased_and_still_stands_before_the_camera_has_no_thumbnail_in_that_track(door: Door) -> None:
    door.happen(FIRST, b"An", door.subject)
    door.client.erase_subject(door.gallery, door.subject)
    door.happen(FIRST, b"An, now unknown", None)
    door.happen(SECOND, b"somebody else", None)
    assert door.shown() == [None, None, SECOND]
    with pytest.raises(RefusedError):
        door.client.get_camera_thumbnail(door.camera, FIRST)


def test_an_erasure_reaches_what_every_camera_kept_of_the_subject(door: Door) -> None:
    gate = door.add(keep_thumbnails=24.0)
    door.happen(FIRST, b"at the door", door.subject)
    door.stores.thumbnails.keep(gate, SECOND, b"at the gate", door.subject)
    assert door.client.get_camera_thumbnail(gate, SECOND) == b"at the gate"
    door.client.erase_subject(door.gallery, door.subject)
    for camera, thumbnail in ((door.camera, FIRST), (gate, SECOND)):
        with pytest.raises(RefusedError) as caught:
            door.client.get_camera_thumbnail(camera, thumbnail)
        assert caught.value.status == 404
    assert door.stores.thumbnails.subjects() == []


def test_what_the_hours_end_is_in_the_audit_log(door: Door, tmp_path: Path) -> None:
    door.happen(FIRST, b"JPEG", None)
    door.stores.thumbnails._clock = lambda: 4e9
    assert door.shown() == [None]
    door.app.state.faces.erase_expired(door.app.state.auditing)
    found = [(one.outcome, one.who) for one in read_entries(tmp_path / "audit.log") if one.subject == FIRST]
    # The service's own round may do it in the same moment.
    assert list(dict.fromkeys(found)) == [("begun", "service"), ("done", "service")]


def test_who_may_see_portraits_of_the_gallery_sees_images_and_nobody_else(door: Door) -> None:
    door.happen(FIRST, b"JPEG", None)
    assert door.with_scopes("read").get_camera_thumbnail(door.camera, FIRST) == b"JPEG"
    other = door.client.create_gallery("Other")["id"]
    for client in (door.with_scopes("recognize", "enrol"), door.with_scopes("read", galleries=[other])):
        for look in (
            lambda client=client: client.get_camera_thumbnail(door.camera, FIRST),
            lambda client=client: client.get_camera_preview(door.camera),
        ):
            with pytest.raises(RefusedError) as caught:
                look()
            assert caught.value.status in (403, 404)
    assert door.stores.previews.wanted() == {}, "no image is taken for them"


def test_a_preview_is_what_the_camera_sees_now_and_only_where_that_is_allowed(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped, previews = threading.Event(), door.stores.previews

    def answer() -> None:
        while not stopped.wait(0.02):
            for camera in previews.wanted():
                previews.put(camera, b"JPEG of a door")

    thread = threading.Thread(target=answer)
    thread.start()
    assert door.client.get_camera_preview(door.camera) == b"JPEG of a door"
    closed = door.add()
    with pytest.raises(RefusedError, match="an administrator allows that") as caught:
        door.client.get_camera_preview(closed)
    assert caught.value.code == "preview_not_allowed"
    stopped.set()
    thread.join()
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    with pytest.raises(RefusedError, match="gave no image within") as caught:
        door.client.get_camera_preview(door.camera)
    assert caught.value.code == "no_image"
    lines = [one for one in read_entries(tmp_path / "audit.log") if one.what == "get_camera_preview"]
    assert [(one.outcome, one.subject) for one in lines] == [
        ("done", door.camera),
        ("refused", closed),
        ("refused", door.camera),
    ]
