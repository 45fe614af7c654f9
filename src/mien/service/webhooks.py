"""Delivers events of cameras to webhooks: signed, tried again with growing waits, given up after a day.

One worker of a service does it for all. What waits is in the state file, so a restart loses nothing; an answer that a
crash kept from being noted is delivered again, with the same id. Bodies have ids, and no names, images or embeddings.
"""

import hmac
import http.client
import json
import logging
import math
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

from mien import __version__
from mien.errors import MienError
from mien.service.camera_networks import Network
from mien.service.camera_store import CameraEvent, CameraStore
from mien.service.rounds import Rounds
from mien.service.times import time_text
from mien.service.webhook_addresses import Target, find_target, post
from mien.service.webhook_store import MAX_WEBHOOKS, Delivery, Webhook, WebhookStore
from mien.watch.events import DECIDED, NOT_ASSESSED

SIGNATURE, DELIVERY = "Mien-Signature", "Mien-Delivery"
WAITS = (10.0, 30.0, 120.0, 600.0, 1800.0, 3600.0)
"""Seconds before a delivery is tried again; the last one holds for all further tries."""
RESTS = (2.0, 5.0, 15.0, 60.0)
"""Seconds for which a receiver is left alone after it has failed so many times in a row."""
GIVE_UP = 24 * 3600.0
"""Seconds after which a delivery is given up."""
ROUND = 1.0
"""Seconds between two rounds."""
BATCH, TURN = 100, 10.0
"""Maximum number of deliveries, and of seconds, of one webhook in a round."""
STOP = 15.0

Outcome = Literal["delivered", "failed", "given_up"]
Post = Callable[[Target, bytes, Mapping[str, str]], int]
log = logging.getLogger("mien.service")


class Webhooks:
    """The webhooks of a service at work.

    Args:
        store: of webhooks and deliveries.
        cameras: whose events they are.
        networks: that the operator allowed; without one, nothing is sent.
        count: counts deliveries by their outcome.
        clock: gives the seconds since 1970 (UTC).
        send: see mien.service.webhook_addresses.post.
    """

    def __init__(
        self,
        store: WebhookStore,
        cameras: CameraStore,
        networks: Sequence[Network],
        *,
        count: Callable[[Outcome, int], None],
        clock: Callable[[], float] = time.time,
        send: Post = post,
    ) -> None:
        self.store, self.cameras, self.networks = store, cameras, tuple(networks)
        self._count, self._clock, self._send = count, clock, send
        self._rests = dict[str, tuple[int, float]]()
        self._rounds = Rounds("mien-webhooks", self.step, ROUND)

    def start(self) -> None:
        """Begin, where webhooks are allowed."""
        if self.networks:
            self._rounds.start()

    def close(self) -> None:
        """Stop; what waits is delivered when the service runs again."""
        self._rounds.stop(STOP)

    def add(self, name: str, gallery: str, address: str, events: Sequence[str]) -> tuple[Webhook, str]:
        """Add a webhook, which gets what happens from now on; gives its secret too.

        Raises:
            ServiceError: the address is not allowed, or there are too many webhooks.
        """
        host, cursor = find_target(address, self.networks).shown, self.cameras.latest()
        return self.store.add(name, gallery, address, host, events=events, cursor=cursor, now=self._clock())

    def waiting(self) -> float:
        """How many deliveries wait; not a number where the state file cannot be read, since other numbers are then
        needed all the more.
        """
        try:
            return self.store.waiting()
        except MienError:
            return math.nan

    def step(self) -> None:
        """Queue what happened, and deliver what is due: all webhooks side by side, so none waits for a slow one."""
        webhooks = self.store.all()
        for webhook in webhooks:
            self._queue(webhook)
        if webhooks:
            with ThreadPoolExecutor(MAX_WEBHOOKS, "mien-webhook") as pool:
                list(pool.map(self._deliver, webhooks))

    def _queue(self, webhook: Webhook) -> None:
        found = self.cameras.events_of_gallery(webhook.gallery, webhook.cursor, BATCH)
        if not found:
            return
        bodies = list[tuple[str, str]]()
        for camera, event in found:
            if event.body["event"] in webhook.events:
                delivery = secrets.token_hex(8)
                bodies.append((delivery, json.dumps(delivery_body(delivery, webhook, camera, event))))
        dropped = self.store.queue(webhook.id, found[-1][1].number, bodies, self._clock())
        self._give_up(webhook, dropped)

    def _deliver(self, webhook: Webhook) -> None:
        """One turn of a webhook: until nothing is due, something fails, or the turn is over."""
        began = now = self._clock()
        self._give_up(webhook, self.store.give_up(webhook.id, now - GIVE_UP))
        failures, until = self._rests.get(webhook.id, (0, 0.0))
        if now < until:
            return
        for delivery in self.store.due(webhook.id, now, BATCH):
            if self._rounds.is_stopping or self._clock() - began > TURN:
                return
            problem, now = self._try(webhook, delivery), self._clock()
            if problem:
                due = now + WAITS[min(delivery.tries, len(WAITS) - 1)]
                self.store.note_failed(webhook.id, delivery.number, due, problem)
                self._rests[webhook.id] = failures + 1, now + RESTS[min(failures, len(RESTS) - 1)]
                self._count("failed", 1)
                return
            self.store.note_delivered(webhook.id, delivery.number, now)
            self._rests.pop(webhook.id, None)
            failures = 0
            self._count("delivered", 1)

    def _try(self, webhook: Webhook, delivery: Delivery) -> str:
        """Send a delivery; gives what went wrong, or nothing."""
        try:
            address, secret = self.store.address_and_secret(webhook.id)
            # Checked each time, since a name may mean another address by now, and the operator allow other networks.
            target, body = find_target(address, self.networks), delivery.body.encode()
            headers = {
                "Content-Type": "application/json",
                "User-Agent": f"mien/{__version__}",
                DELIVERY: delivery.id,
                SIGNATURE: sign(secret, int(self._clock()), body),
            }
            status = self._send(target, body, headers)
        except MienError as reason:
            return str(reason)
        except (OSError, http.client.HTTPException):
            return "nothing answers there, or not in time"
        return "" if 200 <= status < 300 else f"it answered with status {status}"

    def _give_up(self, webhook: Webhook, dropped: int) -> None:
        if dropped:
            self._count("given_up", dropped)
            log.warning("%d deliveries of the webhook %s were given up", dropped, webhook.id)


def sign(secret: str, at: int, body: bytes) -> str:
    """The header by which a receiver knows that a body is of this service, and not an old one that is sent again.

    Args:
        secret: of the webhook.
        at: when it is sent, in seconds since 1970 (UTC).
        body: as it is sent.

    Returns:
        `t=AT,v1=HEX`, where HEX is the HMAC-SHA256 of `AT.BODY` with the secret as the key (RFC 2104).
    """
    digest = hmac.digest(secret.encode(), f"{at}.".encode() + body, "sha256")
    return f"t={at},v1={digest.hex()}"


def delivery_body(delivery: str, webhook: Webhook, camera: str, event: CameraEvent) -> dict[str, Any]:
    """What is sent: ids, and no names."""
    body = event.body
    score = body.get("score")
    return {
        "id": delivery,
        "webhook": webhook.id,
        "gallery": webhook.gallery,
        "camera": camera,
        "number": event.number,
        "at": time_text(event.at),
        "event": body["event"],
        "track": body.get("track"),
        "outcome": body["outcome"],
        "subject": body.get("subject_id"),
        "score": None if score is None else round(score, 3),
        "unit": body.get("unit"),
        "threshold": body.get("threshold"),
        "samples": body.get("samples"),
        "presentation_attacks": NOT_ASSESSED if body["event"] in DECIDED else None,
        "reasons": [reason["code"] for reason in body["reasons"]],
    }
