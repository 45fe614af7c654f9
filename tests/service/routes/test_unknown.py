"""People whom nobody knows are listed, named, ignored and erased, by those who may."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from mien.gallery.audit_log import read_entries
from mien.gallery.records import Portrait
from mien.models import store
from mien.models.defaults import DEFAULT_RECOGNIZER
from mien.service.app import create_app
from mien.service.config import ServiceConfig
from mien.watch.unknown import KeptFace

CARD = store.load(DEFAULT_RECOGNIZER).card
AN, BINH = np.random.default_rng(0).normal(0, 0.09, (2, 128))


class Door:
    """A service with a gallery and a camera that keeps people for a day."""

    def __init__(self, app: FastAPI, http: httpx.Client) -> None:
        self.app, self.http = app, http
        self.gallery = http.post("/v1/galleries", json={"name": "Door"}).json()["id"]
        cameras, address = app.state.cameras.store, "rtsp://10.0.0.7/"
        self.camera = cameras.add("Door", self.gallery, address, "fmr:1e-4", keep_unknown=24.0).id
        self.number = 0

    def visit(self, person: np.ndarray, camera: str | None = None) -> str:
        """Somebody comes and leaves, with two samples."""
        faces = []
        for _ in range(2):
            self.number += 1
            noise = np.random.default_rng(self.number).normal(0, 0.01, 128)
            portrait = Portrait(b"JPEG %d" % self.number, np.zeros((5, 2), np.float32))
            faces.append(KeptFace((person + noise).astype(np.float32), portrait))
        kept = self.app.state.cameras.stores.unknown.keep(camera or self.camera, faces, CARD.contract)
        return str(kept.id)

    def path(self, rest: str = "") -> str:
        return f"/v1/galleries/{self.gallery}/unknown{rest}"

    def listed(self) -> list[list[str]]:
        return [[one["id"] for one in each["visits"]] for each in self.http.get(self.path()).json()["people"]]

    def subjects(self) -> dict[str, int]:
        found = self.http.get(f"/v1/galleries/{self.gallery}/subjects").json()["subjects"]
        return {one["name"]: one["samples"] for one in found}


@pytest.fixture
def door(tmp_path: Path, serve_app: Callable[..., AbstractContextManager[str]]) -> Iterator[Door]:
    engines = SimpleNamespace(card=CARD, queue=SimpleNamespace(waiting=0), close=lambda: None)
    config = ServiceConfig(folder=tmp_path, port=0)
    app = create_app(config, engines)  # type: ignore[arg-type]
    with serve_app(app, config) as address, httpx.Client(base_url=address) as http:
        yield Door(app, http)


def test_visits_are_listed_in_groups_and_named_with_all_their_samples(door: Door) -> None:
    first, other, second = door.visit(AN), door.visit(BINH), door.visit(AN)
    assert door.listed() == [[second, first], [other]]
    assert door.http.get(door.path(f"/{first}/portrait")).content == b"JPEG 1"
    answer = door.http.post(door.path("/name"), json={"visits": [first, second], "name": "An"}).json()
    assert (answer["subject"]["name"], answer["subject"]["samples"], answer["added"]) == ("An", 4, 4)
    assert answer["conflicts"] == [] and door.listed() == [[other]] and door.subjects() == {"An": 4}
    subject = answer["subject"]["id"]
    answer = door.http.post(door.path("/name"), json={"visits": [other], "subject": subject}).json()
    assert answer["added"] == 2 and {one["kind"] for one in answer["conflicts"]} == {"same subject"}
    assert door.http.get(door.path(f"/{first}/portrait")).status_code == 404


def test_whom_two_cameras_of_a_gallery_see_is_one_person_with_the_visits_of_both(door: Door) -> None:
    cameras = door.app.state.cameras.store
    gate = cameras.add("Gate", door.gallery, "rtsp://10.0.0.8/", "fmr:1e-4", keep_unknown=24.0).id
    at_door, at_gate = door.visit(AN), door.visit(AN, gate)
    assert door.listed() == [[at_gate, at_door]]
    answer = door.http.post(door.path("/name"), json={"visits": [at_door, at_gate], "name": "An"}).json()
    assert answer["added"] == 4 and door.listed() == [] and door.subjects() == {"An": 4}


def test_whom_one_names_needs_one_name_and_visits_that_are_there(door: Door) -> None:
    visit = door.visit(AN)
    for json, status in (
        ({"visits": [visit]}, 422),
        ({"visits": [visit], "name": "An", "subject": "0" * 32}, 422),
        ({"visits": [], "name": "An"}, 422),
        ({"visits": [visit], "name": "\u202egnp"}, 422),
        ({"visits": ["0" * 16], "name": "An"}, 404),
        ({"visits": [visit], "subject": "0" * 32}, 404),
    ):
        assert door.http.post(door.path("/name"), json=json).status_code == status, json
    assert door.listed() == [[visit]] and door.subjects() == {}


def test_where_a_consent_is_required_nobody_is_enrolled_without_one(door: Door) -> None:
    visit, at = door.visit(AN), f"/v1/galleries/{door.gallery}"
    door.http.patch(at, json={"requires_consent": True})
    refused = door.http.post(door.path("/name"), json={"visits": [visit], "name": "An"})
    assert refused.status_code == 409 and "requires a consent: add the subject" in refused.json()["message"]
    subject = door.http.post(f"{at}/subjects", json={"name": "An"}).json()["id"]
    refused = door.http.post(door.path("/name"), json={"visits": [visit], "subject": subject})
    assert refused.status_code == 409 and "consent of An is missing" in refused.json()["message"]
    consent = {"purpose": "door", "since": "2020-01-01T00:00:00Z"}
    door.http.patch(f"{at}/subjects/{subject}", json={"consent": consent})
    assert door.http.post(door.path("/name"), json={"visits": [visit], "subject": subject}).json()["added"] == 2


def test_somebody_is_ignored_until_they_are_erased(door: Door) -> None:
    visits = [door.visit(AN), door.visit(AN)]
    answer = door.http.post(door.path("/ignore"), json={"visits": visits}).json()
    assert [one["expires"] for one in answer["visits"]] == [None, None] and door.listed() == []
    (ignored,) = door.http.get(door.path()).json()["ignored"]
    assert {one["id"] for one in ignored["visits"]} == set(visits)
    assert door.http.post(door.path("/ignore"), json={"visits": visits}).status_code == 409
    assert door.http.post(door.path("/erase"), json={"visits": visits}).json() == {"visits": 2}
    assert door.http.get(door.path()).json() == {"people": [], "ignored": []}


def test_a_viewer_sees_nobody_an_operator_names_and_an_officer_erases(door: Door) -> None:
    visit = door.visit(AN)
    scopes = {"viewer": ["recognize", "read"], "operator": ["read", "enrol"], "officer": ["read", "enrol", "erase"]}
    keys = {
        role: door.http.post("/v1/keys", json={"name": role, "scopes": mine}).json()["secret"]
        for role, mine in scopes.items()
    }
    tries = [("GET", ""), ("GET", f"/{visit}/portrait"), ("POST", "/erase"), ("POST", "/ignore")]
    found = {
        role: [
            door.http.request(
                method,
                door.path(rest),
                headers={"Authorization": f"Bearer {key}"},
                json={"visits": [visit]} if method == "POST" else None,
            ).status_code
            for method, rest in (tries if role == "officer" else tries[:3])
        ]
        for role, key in keys.items()
    }
    assert found == {"viewer": [403, 403, 403], "operator": [200, 200, 403], "officer": [200, 200, 200, 404]}


def test_looking_naming_and_the_end_of_the_hours_are_in_the_audit_log(door: Door, tmp_path: Path) -> None:
    first, second = door.visit(AN), door.visit(BINH)
    door.http.get(door.path(f"/{first}/portrait"))
    named = door.http.post(door.path("/name"), json={"visits": [first], "name": "An"}).json()["subject"]["id"]
    door.app.state.cameras.stores.unknown._clock = lambda: 4e9
    door.app.state.faces.erase_expired(door.app.state.auditing)
    door.app.state.cameras.stores.unknown._clock = lambda: 0.0
    assert door.listed() == []
    lines = [(one.what, one.outcome, one.subject) for one in read_entries(tmp_path / "audit.log")]
    assert ("get_unknown_portrait", "done", None) in lines and ("name_unknown", "done", named) in lines
    assert lines.index(("erase_unknown", "begun", second)) < lines.index(("erase_unknown", "done", second))


def test_what_depends_on_a_gallery_is_deleted_with_it(door: Door) -> None:
    state = door.app.state
    door.visit(AN)
    state.webhooks.store.add("Desk", door.gallery, "http://10.0.0.8/", "h", events=["left"], cursor=0, now=0.0)
    subject = door.http.post(f"/v1/galleries/{door.gallery}/subjects", json={"name": "An"}).json()["id"]
    assert subject and door.http.delete(f"/v1/galleries/{door.gallery}").status_code == 409
    assert len(state.cameras.store.all()) == len(state.webhooks.store.all()) == len(door.listed()) == 1
    assert door.http.delete(f"/v1/galleries/{door.gallery}?name=Door").status_code == 200
    assert (
        state.cameras.store.all()
        == state.webhooks.store.all()
        == state.cameras.stores.unknown.visits(door.gallery)
        == []
    )
