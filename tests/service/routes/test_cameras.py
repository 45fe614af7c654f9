"""A camera is added, somebody enrolled, recognized by it, and erased, over the API; and who may not add one."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
import simplejpeg

from mien.service.app import create_app
from mien.service.config import ServiceConfig
from mien.service.engines import Engines
from mien.types import Image
from video.mjpeg import Camera, camera

Serve = Callable[..., AbstractContextManager[str]]


@pytest.fixture
def door(collins: Image) -> Iterator[Camera]:
    """Eileen Collins stands before it."""
    image, stopped = np.asarray(cv2.resize(collins, (240, 240)), np.uint8), threading.Event()

    def send(one: Camera) -> None:
        while not stopped.wait(0.08):
            one.send(image)

    with camera() as one:
        threading.Thread(target=send, args=(one,), daemon=True).start()
        yield one
        stopped.set()


def until(client: httpx.Client, path: str, wanted: Callable[[dict], bool], seconds: float = 90) -> dict:
    """Ask again until an answer is as wanted."""
    end, waiting = time.monotonic() + seconds, threading.Event()
    while time.monotonic() < end:
        if wanted(answer := client.get(path).json()):
            return answer
        waiting.wait(0.2)
    raise AssertionError(answer)


def test_from_adding_a_camera_to_an_erased_person_and_over_a_restart(
    engines: Engines, tmp_path: Path, serve_app: Serve, collins_bytes: bytes, door: Camera
) -> None:
    config = ServiceConfig(folder=tmp_path, port=0, camera_networks=("127.0.0.0/8",))
    address = door.address.replace("http://", "http://admin:Pa55-of-door@")
    with (
        serve_app(create_app(config, engines), config) as service,
        httpx.Client(timeout=60, base_url=service) as client,
    ):
        gallery = client.post("/v1/galleries", json={"name": "Door"}).json()["id"]
        subject = client.post(f"/v1/galleries/{gallery}/subjects", json={"name": "Eileen Collins"}).json()["id"]
        client.post(f"/v1/galleries/{gallery}/subjects/{subject}/samples", files={"images": collins_bytes})
        asked = {"name": "Entrance", "gallery": gallery, "address": address, "threshold": "fmr:1e-2"}
        asked |= {"keep_thumbnails": 1, "preview": True}
        added = client.post("/v1/cameras", json=asked)
        assert added.status_code == 200 and "Pa55" not in added.text and "127.0.0.1" not in added.text
        path = f"/v1/cameras/{added.json()['id']}/events"
        found = until(client, path, lambda one: any(event["event"] == "identified" for event in one["events"]))
        event = next(one for one in found["events"] if one["event"] == "identified")
        assert (event["outcome"], event["name"], event["subject"]) == ("match", "Eileen Collins", subject)
        (listed,) = until(client, "/v1/cameras", lambda one: one["cameras"][0]["state"] == "watching")["cameras"]
        assert listed["name"] == "Entrance" and listed["seen"] and "Pa55" not in str(listed)
        images = path.removesuffix("events")
        thumbnail, preview = f"{images}thumbnails/{event['thumbnail']}", client.get(f"{images}preview")
        assert simplejpeg.decode_jpeg(preview.content).shape == (240, 240, 3)
        seen = simplejpeg.decode_jpeg(client.get(thumbnail).content)
        assert seen.std() > 20 and max(seen.shape) <= 192, "a face with its surroundings"
        client.delete(f"/v1/galleries/{gallery}/subjects/{subject}")
        assert client.get(thumbnail).status_code == 404
        after = client.get(path).json()["events"]
        assert all(one["name"] is None and one["subject"] is None for one in after), "erased from the events too"
    connections = door.connections
    with (
        serve_app(create_app(config, engines), config) as service,
        httpx.Client(timeout=60, base_url=service) as client,
    ):
        assert client.get("/v1/cameras").json()["cameras"][0]["name"] == "Entrance"
        until(client, path, lambda one: door.connections > connections)
        assert client.delete(path.removesuffix("/events")).status_code == 200
        assert client.get("/v1/cameras").json()["cameras"] == []
    assert b"Pa55" not in b"".join(one.read_bytes() for one in tmp_path.glob("*") if one.is_file())


def test_an_address_outside_of_the_allowed_networks_is_refused(service: httpx.Client) -> None:
    gallery = service.post("/v1/galleries", json={"name": "Other"}).json()["id"]
    asked = {"name": "Door", "gallery": gallery, "address": "rtsp://10.0.0.7/door"}
    refused = service.post("/v1/cameras", json=asked)
    assert refused.status_code == 403 and refused.json()["code"] == "camera_not_allowed"
    assert "--camera-network" in refused.json()["message"]
    assert service.get("/v1/cameras").json() == {"cameras": []}


def test_only_an_administrator_adds_a_camera(engines: Engines, tmp_path: Path, serve_app: Serve) -> None:
    config = ServiceConfig(folder=tmp_path, port=0, camera_networks=("127.0.0.0/8",))
    app = create_app(config, engines)
    key = app.state.access.create_key("viewer", ("read", "recognize", "enrol"), None, time.time() + 3600)[1]
    with (
        serve_app(app, config) as service,
        httpx.Client(timeout=60, base_url=service) as client,
    ):
        gallery = client.post("/v1/galleries", json={"name": "Door"}).json()["id"]
        asked = {"name": "Door", "gallery": gallery, "address": "http://127.0.0.1:9/v"}
        refused = client.post("/v1/cameras", json=asked, headers={"Authorization": f"Bearer {key}"})
        assert refused.status_code == 403 and refused.json()["details"] == [{"permission": "access"}]
        assert client.get("/v1/cameras", headers={"Authorization": f"Bearer {key}"}).status_code == 200
