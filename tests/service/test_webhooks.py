"""Deliveries are signed, tried again with growing waits, over a restart too, and given up after a day."""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from mien.client import is_signed
from mien.service import webhook_store
from mien.service.camera_file import CameraFile
from mien.service.camera_networks import Network, parse_networks
from mien.service.camera_store import CameraStore
from mien.service.errors import ServiceError
from mien.service.state_file import FILE, StateFile
from mien.service.webhook_addresses import Target
from mien.service.webhook_store import MAX_WEBHOOKS, WebhookStore
from mien.service.webhooks import DELIVERY, GIVE_UP, SIGNATURE, WAITS, Webhooks

GALLERY, ADDRESS = "0" * 32, "https://93.184.215.14/in?token=hidden-token"
KINDS = ("identified", "left")
EVENT = {
    "event": "identified",
    "track": 3,
    "outcome": "match",
    "subject_id": "a1",
    "score": 0.61234,
    "unit": "cosine",
}
REASON = {"code": "watch.nobody", "arguments": {"name": "Eileen Collins"}}
Answer = int | OSError


class Office:
    """A service's webhooks with a clock and a receiver of the test's own."""

    def __init__(self, folder: Path, networks: tuple[Network, ...]) -> None:
        self.folder, self.networks = folder, networks
        self.now, self.answer = 1_764_000_000.0, 200
        self.sent, self.counts = list[tuple[float, Mapping[str, str], bytes]](), Counter[str]()
        self.camera_file = CameraFile(folder)
        self.cameras = CameraStore(self.camera_file)
        self.open()

    def open(self) -> None:
        self.file = StateFile(self.folder)
        self.webhooks = Webhooks(
            WebhookStore(self.folder, self.file),
            self.cameras,
            self.networks,
            count=lambda outcome, count: self.counts.update({outcome: count}),
            clock=lambda: self.now,
            send=self.send,
        )

    def restart(self) -> None:
        self.webhooks.close()
        self.file.close()
        self.open()

    def send(self, target: Target, body: bytes, headers: Mapping[str, str]) -> int:
        self.sent.append((self.now, headers, body))
        if not self.answer:
            raise OSError
        return self.answer

    def happen(self, camera: str, **more: object) -> None:
        self.cameras.add_event(camera, self.now, {**EVENT, "reasons": [REASON], **more})


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path, parse_networks(["0.0.0.0/0"]))
    yield made
    made.webhooks.close()
    made.camera_file.close()
    made.file.close()


@pytest.fixture
def door(office: Office) -> str:
    return office.cameras.add("Door", GALLERY, "rtsp://10.0.0.7/door", "fmr:1e-4").id


def test_events_of_the_gallery_from_then_on_are_delivered_once_signed_and_without_names(
    office: Office, door: str
) -> None:
    gate = office.cameras.add("Gate", "1" * 32, "rtsp://10.0.0.7/gate", "fmr:1e-4").id
    office.happen(door, track=1)
    webhook, secret = office.webhooks.add("Desk", GALLERY, ADDRESS, KINDS)
    office.happen(door, track=2)
    office.happen(gate)
    office.happen(door, event="appeared")
    for _ in range(3):
        office.webhooks.step()
    ((at, headers, body),) = office.sent
    found = json.loads(body)
    assert (found["track"], found["camera"], found["subject"], found["score"]) == (2, door, "a1", 0.612)
    assert found["presentation_attacks"] == "not assessed"
    assert found["reasons"] == ["watch.nobody"] and b"Collins" not in body
    assert found["id"] == headers[DELIVERY] and found["webhook"] == webhook.id
    assert is_signed(secret, headers[SIGNATURE], body, now=at)
    assert office.counts == {"delivered": 1} and office.webhooks.store.find(webhook.id).delivered == 1


def test_waits_grow_and_the_delivery_keeps_its_id(office: Office, door: str) -> None:
    webhook, _ = office.webhooks.add("Desk", GALLERY, ADDRESS, KINDS)
    office.happen(door)
    began, office.answer = office.now, 500
    for _ in range(2000):
        office.webhooks.step()
        office.now += 5
    times = [at - began for at, _, _ in office.sent]
    waits = [after - before for before, after in pairwise(times)]
    expected = [*WAITS, *[WAITS[-1]] * len(waits)][: len(waits)]
    assert waits == expected and len(waits) >= 6
    assert len({headers[DELIVERY] for _, headers, _ in office.sent}) == 1
    assert len({headers[SIGNATURE] for _, headers, _ in office.sent}) == len(times), "each try is signed again"
    assert office.webhooks.store.find(webhook.id).problem == "it answered with status 500"


def test_what_waits_is_delivered_after_a_restart_in_order(office: Office, door: str) -> None:
    webhook, secret = office.webhooks.add("Desk", GALLERY, ADDRESS, KINDS)
    for track in (1, 2, 3):
        office.happen(door, track=track)
    office.answer = 0
    office.webhooks.step()
    assert office.webhooks.store.find(webhook.id).problem == "nothing answers there, or not in time"
    office.restart()
    assert office.webhooks.store.waiting() == 3
    office.sent.clear()
    office.answer, office.now = 204, office.now + WAITS[0]
    office.webhooks.step()
    assert [json.loads(body)["track"] for _, _, body in office.sent] == [1, 2, 3]
    assert all(is_signed(secret, headers[SIGNATURE], body, now=at) for at, headers, body in office.sent)
    assert office.webhooks.store.waiting() == 0 and office.counts == {"failed": 1, "delivered": 3}


def test_a_receiver_that_is_gone_is_left_alone_between_tries(office: Office, door: str) -> None:
    office.webhooks.add("Desk", GALLERY, ADDRESS, KINDS)
    for track in range(50):
        office.happen(door, track=track)
    office.answer = 0
    for _ in range(30):
        office.webhooks.step()
        office.now += 1
    assert len(office.sent) <= 4, "not one try per waiting delivery"


@pytest.mark.parametrize("status", [302, 404, 500])
def test_any_answer_but_a_success_is_tried_again(office: Office, door: str, status: int) -> None:
    office.webhooks.add("Desk", GALLERY, ADDRESS, KINDS)
    office.happen(door)
    office.answer = status
    office.webhooks.step()
    assert office.webhooks.store.waiting() == 1 and office.counts == {"failed": 1}


def test_one_delivery_that_is_always_refused_does_not_hold_the_others_back(office: Office, door: str) -> None:
    office.webhooks.add("Desk", GALLERY, ADDRESS, KINDS)
    for track in (1, 2):
        office.happen(door, track=track)
    office.answer = 422
    office.webhooks.step()
    office.answer, office.now = 200, office.now + 5
    office.webhooks.step()
    assert [json.loads(body)["track"] for _, _, body in office.sent] == [1, 2]


def test_after_a_day_a_delivery_is_given_up_and_counted(office: Office, door: str) -> None:
    webhook, _ = office.webhooks.add("Desk", GALLERY, ADDRESS, KINDS)
    office.happen(door)
    office.answer = 0
    office.webhooks.step()
    office.now += GIVE_UP
    office.webhooks.step()
    found = office.webhooks.store.find(webhook.id)
    assert (found.waiting, found.given_up, office.counts["given_up"], len(office.sent)) == (0, 1, 1, 1)


def test_too_many_waiting_deliveries_drop_the_oldest(
    office: Office, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_store, "MAX_WAITING", 3)
    webhook, _ = office.webhooks.add("Desk", GALLERY, ADDRESS, KINDS)
    for track in range(5):
        office.happen(door, track=track)
    office.webhooks.step()
    assert [json.loads(body)["track"] for _, _, body in office.sent] == [2, 3, 4]
    assert office.webhooks.store.find(webhook.id).given_up == 2 == office.counts["given_up"]


def test_nothing_is_sent_to_where_the_operator_does_not_allow_it_any_more(office: Office, door: str) -> None:
    webhook, _ = office.webhooks.add("Desk", GALLERY, ADDRESS, KINDS)
    office.happen(door)
    office.networks = parse_networks(["10.0.0.0/8"])
    office.restart()
    office.webhooks.step()
    assert office.sent == [] and "operator allowed" in office.webhooks.store.find(webhook.id).problem


def test_secrets_and_addresses_are_in_no_file_and_of_another_key_say_what_to_do(office: Office, door: str) -> None:
    webhook, secret = office.webhooks.add("Desk", GALLERY, ADDRESS, KINDS)
    assert webhook.host == "https://93.184.215.14:443" and len(secret) > 40
    office.happen(door)
    office.file.empty_log()
    kept = b"".join(one.read_bytes() for one in office.folder.iterdir())
    assert b"hidden-token" not in kept and secret.encode() not in kept and (office.folder / FILE).exists()
    (office.folder / "webhooks.key").write_bytes(b"x" * 32)
    office.restart()
    office.webhooks.step()
    assert office.sent == [] and "another key" in office.webhooks.store.find(webhook.id).problem


def test_a_deleted_webhook_gets_nothing_and_leaves_nothing(office: Office, door: str) -> None:
    webhook, _ = office.webhooks.add("Desk", GALLERY, ADDRESS, KINDS)
    office.happen(door)
    office.answer = 0
    office.webhooks.step()
    store = office.webhooks.store
    store.delete(webhook.id)
    assert store.waiting() == 0 and store.all() == []
    assert store.queue(webhook.id, 99, [("1", "{}")], office.now) == 0 and store.waiting() == 0
    calls: list[Callable[[str], object]] = [store.find, store.address_and_secret]
    for call in calls:
        with pytest.raises(ServiceError, match="no such webhook"):
            call(webhook.id)


def test_a_state_file_that_cannot_be_read_hides_no_other_number(office: Office, door: str) -> None:
    office.webhooks.add("Desk", GALLERY, ADDRESS, KINDS)
    office.happen(door)
    office.answer = 0
    office.webhooks.step()
    assert office.webhooks.waiting() == 1
    office.file.close()
    assert math.isnan(office.webhooks.waiting())


def test_there_are_not_too_many_webhooks(office: Office) -> None:
    for place in range(MAX_WEBHOOKS):
        office.webhooks.add(str(place), GALLERY, ADDRESS, KINDS)
    with pytest.raises(ServiceError, match="at most 8 webhooks"):
        office.webhooks.add("one more", GALLERY, ADDRESS, KINDS)
