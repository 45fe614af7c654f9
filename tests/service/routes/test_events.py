"""A camera is followed over the API: from where one was, as it happens, and no longer than one may read."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from mien.client import Client, RefusedError, transport
from mien.models import store
from mien.models.defaults import DEFAULT_RECOGNIZER
from mien.service import event_streams, serving
from mien.service.app import create_app
from mien.service.config import ServiceConfig

Serve = Callable[..., AbstractContextManager[str]]
EVENT = {"event": "appeared", "track": 1, "outcome": "unknown", "reasons": []}


class Door:
    """A service without models, with a gallery and a camera that is never opened."""

    def __init__(self, app: FastAPI, address: str) -> None:
        self.app, self.address = app, address
        with Client(address) as client:
            self.gallery = client.create_gallery("Door")["id"]
        self.cameras = app.state.cameras.store
        self.camera = self.cameras.add("Door", self.gallery, "rtsp://10.0.0.7/door", "fmr:1e-4").id
        self.path = f"/v1/cameras/{self.camera}/events/stream"

    def happen(self, **more: object) -> None:
        self.cameras.add_event(self.camera, time.time(), {**EVENT, **more})

    def key(self, galleries: list[str] | None = None, scopes: tuple[str, ...] = ("read",)) -> tuple[str, str]:
        key, secret = self.app.state.access.create_key("door", scopes, galleries, time.time() + 3600)
        return key.id, secret


@pytest.fixture
def door(tmp_path: Path, serve_app: Serve, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    monkeypatch.setattr(event_streams, "POLL", 0.01)
    monkeypatch.setattr(transport, "STREAM_WAITS", (0.01, 0.01))
    card = store.load(DEFAULT_RECOGNIZER).card
    engines = SimpleNamespace(card=card, queue=SimpleNamespace(waiting=0), close=lambda: None)
    config = ServiceConfig(folder=tmp_path, port=0)
    app = create_app(config, engines)  # type: ignore[arg-type]
    with serve_app(app, config) as address:
        yield Door(app, address)
        app.state.streams.end()


def events(lines: Iterator[str], count: int) -> list[dict]:
    """So many events of a stream."""
    found = list[dict]()
    while len(found) < count:
        line = next(lines)
        if line.startswith("data: "):
            found.append(json.loads(line.removeprefix("data: ")))
    return found


def until(wanted: Callable[[], bool]) -> None:
    end, waiting = time.monotonic() + 20, threading.Event()
    while not wanted():
        assert time.monotonic() < end
        waiting.wait(0.01)


def test_events_come_as_they_happen_and_a_stream_goes_on_after_the_last_seen_one(door: Door) -> None:
    door.happen(track=1)
    door.happen(track=2, event="left")
    with httpx.Client(base_url=door.address, timeout=20) as client:
        with client.stream("GET", door.path) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["cache-control"] == "no-store" and door.app.state.capacity.requests == 0
            lines = answer.iter_lines()
            first, second = events(lines, 2)
            assert (first["track"], second["track"]) == (1, 2)
            assert (first["presentation_attacks"], second["presentation_attacks"]) == (None, "not assessed")
            door.happen(track=3)
            (third,) = events(lines, 1)
            listed = client.get(door.path.removesuffix("/stream")).json()["events"]
            assert third == listed[2], "an event is the same in a stream and in a list"
        until(lambda: not door.app.state.streams._callers)
        with client.stream("GET", door.path, headers={"Last-Event-ID": str(listed[1]["number"])}) as answer:
            assert [one["track"] for one in events(answer.iter_lines(), 1)] == [3]
        assert client.get(door.path, headers={"Last-Event-ID": "x"}).status_code == 422
        for path in (door.path, door.path.removesuffix("/stream")):
            assert client.get(path, params={"after": 2**63}).status_code == 422


def test_a_client_that_hangs_up_gives_its_place_back_and_there_are_not_too_many(door: Door) -> None:
    with httpx.Client(base_url=door.address, timeout=20) as client:
        opened = [client.stream("GET", door.path) for _ in range(event_streams.PER_CALLER)]
        for one in opened:
            assert one.__enter__().status_code == 200
        refused = client.get(door.path)
        assert refused.status_code == 429 and refused.json()["code"] == "too_many_streams"
        for one in opened:
            one.__exit__(None, None, None)
        until(lambda: not door.app.state.streams._callers)


def test_the_rights_are_those_of_a_list_and_end_a_stream_that_is_open(door: Door) -> None:
    door.happen()
    other, mute = door.key(["0" * 32])[1], door.key(scopes=("recognize",))[1]
    key, secret = door.key([door.gallery])
    with httpx.Client(base_url=door.address, timeout=20) as client:
        for text, status in ((other, 404), (mute, 403), ("mien_wrong", 401)):
            assert client.get(door.path, headers={"Authorization": f"Bearer {text}"}).status_code == status
        with client.stream("GET", door.path, headers={"Authorization": f"Bearer {secret}"}) as answer:
            lines = answer.iter_lines()
            assert len(events(lines, 1)) == 1
            door.app.state.access.revoke_key(key)
            door.happen(track=2)
            assert not [line for line in lines if line.startswith("data")], "nothing after the key was revoked"


def test_a_service_that_is_stopped_does_not_wait_for_its_streams(door: Door) -> None:
    config = ServiceConfig(folder=door.app.state.config.folder, port=0)
    with serving.listen(config) as socket:
        settings = uvicorn.Config(door.app, log_config=None, access_log=False, lifespan="off")
        started = threading.Event()
        server = serving._Server(settings, started.set, door.app.state.streams.end)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
        thread.start()
        assert started.wait(20)
        with httpx.stream("GET", serving.address(config, socket) + door.path, timeout=20) as answer:
            lines = answer.iter_lines()
            assert next(lines).startswith("retry")
            server.should_exit = True
            assert not [line for line in lines if line]
        thread.join(5)
        assert not thread.is_alive()


def test_the_client_follows_a_camera_over_broken_streams_until_it_is_deleted(door: Door) -> None:
    for track in (1, 2):
        door.happen(track=track)
    with Client(door.address) as client:
        following = client.stream_camera_events(door.camera)
        assert [next(following)["track"] for _ in range(2)] == [1, 2]
        door.app.state.streams.end()
        door.happen(track=3)
        until(lambda: not door.app.state.streams._callers)
        door.app.state.streams.is_ended = False
        assert next(following)["track"] == 3
        door.cameras.delete(door.camera)
        with pytest.raises(RefusedError, match="no such camera"):
            next(following)
