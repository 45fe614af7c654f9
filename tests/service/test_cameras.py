"""Camera processes: started again when they end, stopped when deleted, and run by one worker alone."""

import math
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mien.errors import GalleryError
from mien.service import cameras as module
from mien.service.camera_networks import parse_networks
from mien.service.camera_stores import CameraStores
from mien.service.cameras import Cameras
from mien.service.config import ServiceConfig
from mien.service.metrics import LOAD

CHILD = """
import json, sys
asked = json.loads(sys.stdin.readline())
print(json.dumps({"event": {"event": "appeared", "outcome": "unknown", "reasons": [], "asked": asked["address"]}}))
print(json.dumps({"state": "watching", "rate": 5.0, "delay": 0.1}), flush=True)
if asked["keep_unknown"]:
    face = {"embedding": "AACAPwAAAEA=", "jpeg": "SlBFRw==", "landmarks": [[0, 0]] * 5, "doubts": []}
    said = {"event": "left", "outcome": "unknown", "reasons": []}
    print(json.dumps({"event": said, "unknown": {"contract": "c", "faces": [face]}}), flush=True)
    for line in sys.stdin:
        heard = {"event": "heard", "outcome": "unknown", "reasons": [], "ignored": json.loads(line)["ignored"]}
        print(json.dumps({"event": heard}), flush=True)
if asked["keep_thumbnails"]:
    for kind, jpeg in (("appeared", None), ("identified", "SlBFRw=="), ("left", None)):
        said = {"event": {"event": kind, "track": 1, "outcome": "match", "reasons": []}}
        seen = {} if jpeg is None else {"thumbnail": {"jpeg": jpeg, "subject": "0" * 32}}
        print(json.dumps(said | seen), flush=True)
    for line in sys.stdin:
        print(json.dumps(json.loads(line) | {"preview": "SlBFRw=="}), flush=True)
if asked["policy"] != "fmr:0.5":
    sys.stdin.read()
"""
"""Speaks as a camera's process does; ends at once for one policy."""
ADDRESS = "http://user:secret@127.0.0.1:9/v"
GALLERY = "0" * 32


def until(wanted: Callable[[], bool], seconds: float = 20) -> None:
    end, waiting = time.monotonic() + seconds, threading.Event()
    while not wanted():
        assert time.monotonic() < end
        waiting.wait(0.02)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that were run, in place of which the child above runs."""
    run, seen = subprocess.Popen, list[list[str]]()

    def popen(command: list[str], **named: object) -> subprocess.Popen[str]:
        seen.append(command)
        return run([sys.executable, "-c", CHILD], **named)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(module.subprocess, "Popen", popen)
    monkeypatch.setattr(module, "ROUND", 0.02)
    monkeypatch.setattr(module, "WAITS", (0.02, 0.05))
    return seen


def find_path(gallery: str) -> Path:
    if gallery != GALLERY:
        raise GalleryError("there is no such gallery")
    return Path("staff.gallery")


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[], Cameras]]:
    made = list[Cameras]()

    def one() -> Cameras:
        networks = parse_networks(["127.0.0.0/8"])
        made.append(Cameras(ServiceConfig(folder=tmp_path), CameraStores.open(tmp_path), networks, find_path))
        return made[-1]

    yield one
    for each in made:
        each.close()


def test_a_camera_is_watched_and_its_address_is_no_argument(
    make: Callable[[], Cameras], commands: list[list[str]]
) -> None:
    cameras = make()
    camera = cameras.store.add("Door", GALLERY, ADDRESS, "fmr:1e-4")
    cameras.start()
    until(lambda: cameras.store.find(camera.id).state == "watching")
    assert cameras.store.find(camera.id).rate == 5.0
    assert cameras.store.events(camera.id, 0, 10)[0].body["asked"] == ADDRESS
    assert len(commands) == 1 and "secret" not in str(commands)


def test_a_process_that_ends_is_started_again_and_a_deleted_one_is_not(
    make: Callable[[], Cameras], commands: list[list[str]]
) -> None:
    cameras = make()
    camera = cameras.store.add("Door", GALLERY, ADDRESS, "fmr:0.5")
    cameras.start()
    until(lambda: len(commands) >= 3)
    cameras.store.delete(camera.id)
    until(lambda: not cameras._running)
    count = len(commands)
    threading.Event().wait(0.2)
    assert len(commands) == count


def test_a_camera_whose_gallery_is_gone_says_so_and_starts_nothing(
    make: Callable[[], Cameras], commands: list[list[str]]
) -> None:
    cameras = make()
    camera = cameras.store.add("Door", "1" * 32, ADDRESS, "fmr:1e-4")
    cameras.start()
    until(lambda: cameras.store.find(camera.id).state == "failed")
    assert cameras.store.find(camera.id).message == "there is no such gallery" and commands == []


def test_of_two_workers_one_runs_the_cameras_and_the_other_takes_over(
    make: Callable[[], Cameras], commands: list[list[str]]
) -> None:
    first, second = make(), make()
    first.store.add("Door", GALLERY, ADDRESS, "fmr:1e-4")
    first.start()
    until(lambda: bool(commands))
    second.start()
    threading.Event().wait(0.2)
    assert len(commands) == 1 and not second._running
    first.close()
    until(lambda: len(commands) == 2)
    assert second._running


def test_whom_a_camera_does_not_recognize_is_kept_and_it_hears_who_is_ignored(
    make: Callable[[], Cameras], commands: list[list[str]]
) -> None:
    cameras = make()
    camera = cameras.store.add("Door", GALLERY, ADDRESS, "fmr:1e-4", keep_unknown=24.0)
    cameras.start()
    until(lambda: bool(cameras.stores.unknown.visits(GALLERY)))
    (visit,) = cameras.stores.unknown.visits(GALLERY)
    (vectors,) = cameras.stores.unknown.embeddings([visit])
    assert vectors.tolist() == [[1, 2]] and cameras.stores.unknown.faces(visit)[0].portrait.jpeg == b"JPEG"

    def heard() -> list[object]:
        events = cameras.store.events(camera.id, 0, 100)
        return [one.body["ignored"] for one in events if one.body["event"] == "heard"]

    cameras.stores.unknown.ignore([visit])
    until(lambda: len(heard()) == 1)
    cameras.stores.unknown.delete(cameras.stores.unknown.visits(GALLERY))
    until(lambda: len(heard()) == 2)
    assert heard() == [{"c": [["AACAPwAAAEA="]]}, {}]


def test_events_of_a_track_share_one_thumbnail_and_an_image_comes_when_it_is_asked_for(
    make: Callable[[], Cameras], commands: list[list[str]]
) -> None:
    cameras = make()
    camera = cameras.store.add("Door", GALLERY, ADDRESS, "fmr:1e-4", keep_thumbnails=24.0)
    cameras.start()
    until(lambda: len(cameras.store.events(camera.id, 0, 10)) == 4)
    start, *events = cameras.store.events(camera.id, 0, 10)
    (thumbnail,) = {one.body["thumbnail"] for one in events}
    assert "thumbnail" not in start.body, "it is of no track"
    found = cameras.stores.thumbnails.find(camera.id, thumbnail)
    assert cameras.stores.thumbnails.image(found) == b"JPEG" and found.subject == "0" * 32
    assert "JPEG" not in str(events) and cameras.stores.previews.find(camera.id) is None
    cameras.stores.previews.ask(camera.id)
    until(lambda: cameras.stores.previews.find(camera.id) == b"JPEG")


def test_the_delay_of_the_slowest_watched_camera_is_a_number_of_the_metrics(
    make: Callable[[], Cameras], monkeypatch: pytest.MonkeyPatch
) -> None:
    cameras = make()
    door, gate, yard = (cameras.store.add(name, GALLERY, ADDRESS, "fmr:1e-4").id for name in ("A", "B", "C"))
    cameras.store.note(door, "watching", delay=0.2)
    cameras.store.note(gate, "watching", delay=0.7)
    cameras.store.note(yard, "lost", delay=9.0)
    assert cameras.load() == {"cameras_watched": 2, "cameras_not_watched": 1, "camera_delay_seconds": 0.7}
    assert set(cameras.load()) < set(LOAD)

    def fail() -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(cameras.store, "all", fail)
    assert all(math.isnan(value) for value in cameras.load().values())
