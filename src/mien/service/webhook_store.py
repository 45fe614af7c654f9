"""Webhooks and what is to be delivered to them, in the service's state file. Sends nothing.

A webhook has the number of the last event that was queued for it. Queuing moves that number and writes the deliveries
in one step, so a crash neither loses nor doubles one. Addresses and secrets are encrypted.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.service.errors import ServiceError, not_found
from mien.service.sealing import Sealing
from mien.service.state_file import StateFile

MAX_WEBHOOKS, MAX_WAITING = 8, 10_000
"""Maximum number of webhooks, and of deliveries that wait for each."""
COLUMNS = "id, name, gallery, host, events, created, cursor, delivered, given_up, reached, problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A webhook, as it was at one moment.

    Attributes:
        id: opaque.
        name: what people call it.
        gallery: the id of the gallery whose cameras' events it gets.
        host: scheme, host and port of its address.
        events: the kinds that it gets.
        created: when it was added, in seconds since 1970 (UTC).
        cursor: the number of the last event that was queued for it.
        delivered: how many deliveries have arrived.
        given_up: how many were dropped.
        reached: when it took the last one; None where it never did.
        problem: why the last try failed; empty where it did not.
        waiting: how many deliveries wait.
    """

    id: str
    name: str
    gallery: str
    host: str
    events: tuple[str, ...]
    created: float
    cursor: int
    delivered: int
    given_up: int
    reached: float | None
    problem: str
    waiting: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one webhook: its place in the queue, its id, its body, and how often it was tried."""

    number: int
    id: str
    body: str
    tries: int


class WebhookStore:
    """The webhooks of a service; safe to call from several threads and processes."""

    def __init__(self, folder: Path, file: StateFile) -> None:
        self._file, self._sealing = file, Sealing(folder, "webhooks")

    def add(
        self, name: str, gallery: str, address: str, host: str, *, events: Sequence[str], cursor: int, now: float
    ) -> tuple[Webhook, str]:
        """Write a webhook down; gives its secret, which is not shown again.

        Raises:
            ServiceError: there are too many.
        """
        webhook, secret = secrets.token_hex(8), f"mien_hook_{secrets.token_urlsafe(32)}"
        sealed = [self._sealing.seal(text.encode(), webhook) for text in (address, secret)]
        with self._file.transaction() as db:
            if db.execute("SELECT count(*) FROM webhooks").fetchone()[0] >= MAX_WEBHOOKS:
                message = f"a service has at most {MAX_WEBHOOKS} webhooks: delete one first"
                raise ServiceError(409, "too_many", message)
            db.execute(
                "INSERT INTO webhooks (id, name, gallery, host, address, secret, events, created, cursor) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (webhook, name, gallery, host, *sealed, " ".join(events), now, cursor),
            )
        return self.find(webhook), secret

    def all(self) -> list[Webhook]:
        """All webhooks by name."""
        waiting = "(SELECT count(*) FROM deliveries WHERE webhook = webhooks.id)"
        with self._file.transaction() as db:
            rows = db.execute(f"SELECT {COLUMNS}, {waiting} FROM webhooks ORDER BY name, id").fetchall()  # noqa: S608 - constants
        names = (*COLUMNS.split(", "), "waiting")
        found = [dict(zip(names, row, strict=True)) for row in rows]
        return [Webhook(**{**one, "events": tuple(one["events"].split())}) for one in found]

    def find(self, webhook: str) -> Webhook:
        """One webhook.

        Raises:
            ServiceError: there is none.
        """
        found = next((one for one in self.all() if one.id == webhook), None)
        if found is None:
            raise not_found("webhook")
        return found

    def address_and_secret(self, webhook: str) -> tuple[str, str]:
        """Where deliveries go, and with what they are signed; for who sends them.

        Raises:
            ServiceError: there is no such webhook, or it was encrypted with another key.
        """
        with self._file.transaction() as db:
            row = db.execute("SELECT address, secret FROM webhooks WHERE id = ?", (webhook,)).fetchone()
        if row is None:
            raise not_found("webhook")
        address, secret = (self._sealing.open(sealed, webhook, "webhook").decode() for sealed in row)
        return address, secret

    def delete(self, webhook: str) -> None:
        """Remove a webhook and what waits for it."""
        with self._file.transaction() as db:
            db.execute("DELETE FROM deliveries WHERE webhook = ?", (webhook,))
            db.execute("DELETE FROM webhooks WHERE id = ?", (webhook,))

    def delete_of_gallery(self, gallery: str) -> None:
        """Remove the webhooks of a gallery and what waits for them."""
        for webhook in self.all():
            if webhook.gallery == gallery:
                self.delete(webhook.id)

    def waiting(self) -> int:
        """How many deliveries wait for all webhooks."""
        with self._file.transaction() as db:
            count: int = db.execute("SELECT count(*) FROM deliveries").fetchone()[0]
        return count

    def queue(self, webhook: str, cursor: int, bodies: Sequence[tuple[str, str]], now: float) -> int:
        """Queue deliveries, of a webhook that is still there.

        Args:
            webhook: by its id.
            cursor: the number of the last event that they come from.
            bodies: an id and a body of each.
            now: seconds since 1970 (UTC).

        Returns:
            How many of the oldest ones were dropped, since too many wait.
        """
        with self._file.transaction() as db:
            moved = db.execute(
                "UPDATE webhooks SET cursor = ? WHERE id = ? AND cursor < ?", (cursor, webhook, cursor)
            )
            if not moved.rowcount:
                return 0
            db.executemany(
                "INSERT INTO deliveries (id, webhook, body, created, due) VALUES (?, ?, ?, ?, ?)",
                [(one, webhook, body, now, now) for one, body in bodies],
            )
            dropped = db.execute(
                "DELETE FROM deliveries WHERE webhook = ? AND number <= (SELECT number FROM deliveries "
                "WHERE webhook = ? ORDER BY number DESC LIMIT 1 OFFSET ?)",
                (webhook, webhook, MAX_WAITING),
            ).rowcount
            db.execute("UPDATE webhooks SET given_up = given_up + ? WHERE id = ?", (dropped, webhook))
        return dropped

    def due(self, webhook: str, now: float, limit: int) -> list[Delivery]:
        """Deliveries that are to be tried now, the oldest first."""
        with self._file.transaction() as db:
            rows = db.execute(
                "SELECT number, id, body, tries FROM deliveries WHERE webhook = ? AND due <= ? "
                "ORDER BY number LIMIT ?",
                (webhook, now, limit),
            ).fetchall()
        return [Delivery(*row) for row in rows]

    def note_delivered(self, webhook: str, number: int, now: float) -> None:
        """A delivery has arrived."""
        with self._file.transaction() as db:
            db.execute("DELETE FROM deliveries WHERE number = ?", (number,))
            db.execute(
                "UPDATE webhooks SET delivered = delivered + 1, reached = ?, problem = '' WHERE id = ?",
                (now, webhook),
            )

    def note_failed(self, webhook: str, number: int, due: float, problem: str) -> None:
        """A delivery has not arrived, and is tried again."""
        with self._file.transaction() as db:
            db.execute("UPDATE deliveries SET tries = tries + 1, due = ? WHERE number = ?", (due, number))
            db.execute("UPDATE webhooks SET problem = ? WHERE id = ?", (problem, webhook))

    def give_up(self, webhook: str, before: float) -> int:
        """Drop deliveries that were queued before a time; gives their number."""
        with self._file.transaction() as db:
            values = webhook, before
            dropped = db.execute("DELETE FROM deliveries WHERE webhook = ? AND created <= ?", values).rowcount
            if dropped:
                db.execute("UPDATE webhooks SET given_up = given_up + ? WHERE id = ?", (dropped, webhook))
        return dropped
