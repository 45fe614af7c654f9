"""Answers of writes that may be sent again: the same Idempotency-Key gets the first answer again, for a day.

Answers hold names, so each is encrypted with a key that is made of the client's Idempotency-Key, which the service
does not keep: who has the file alone can read none. Erasing somebody deletes all of them. They survive a restart, and
all workers of a service share them. A key belongs to its caller: nobody sees another one's answers.
"""

import hashlib
import hmac
import logging
import re
import sqlite3
import time
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from mien.gallery.stores.master_key import find_master_key
from mien.service.auditing import SAFE_METHODS, WITHOUT_CALLER
from mien.service.auth.callers import find_caller
from mien.service.bodies import MULTIPART, content_kind, read_body
from mien.service.errors import ServiceError
from mien.service.multipart import parse_multipart
from mien.service.sealing import seal, unseal
from mien.service.state import in_thread, limits_of
from mien.service.state_file import StateFile, is_alive

HEADER, REPLAYED = "idempotency-key", "idempotency-replayed"
SECONDS = 24 * 3600.0
MAX_ANSWERS, MAX_BYTES = 10_000, 32 * 2**20
SHARE = 16
"""What is too much is looked for after each sixteenth of what may be kept, since counting all of it takes long."""
FORM = re.compile(r"[\x21-\x7e]{8,128}")

log = logging.getLogger("mien.service")

Kept = tuple[int, bytes, str]
"""Status, body and media type of an answer."""


class Replays:
    """The answers that are kept.

    Args:
        file: in which they are kept.
    """

    def __init__(self, file: StateFile) -> None:
        self._file, self._master = file, find_master_key() or b""
        # Of this process since it last looked for what is too much; the first request looks.
        self._new, self._new_bytes = MAX_ANSWERS, 0

    def begin(self, caller: str, key: str, fingerprint: str) -> Kept | None:
        """Begin a request, or give the answer of the first one.

        Raises:
            ServiceError: the key was used for another request, or the first one is in work.
        """
        secret = self._secret(caller, key)
        place, wanted = _name_of(secret), hmac.digest(secret, fingerprint.encode(), "sha256").hex()
        with self._file.transaction() as db:
            self._drop_old(db)
            row = db.execute("SELECT fingerprint, owner, answer FROM replays WHERE key = ?", (place,)).fetchone()
            if row is None or (row[2] is None and not is_alive(row[1])):
                db.execute(
                    "INSERT OR REPLACE INTO replays (key, fingerprint, since, owner) VALUES (?, ?, ?, ?)",
                    (place, wanted, time.time(), self._file.owner),
                )
                return None
        if row[0] != wanted:
            message = "this Idempotency-Key was used for another request: choose a new one for each request"
            raise ServiceError(409, "idempotency_key_reused", message)
        if row[2] is None:
            message = "the first request with this Idempotency-Key is in work: send it again after 1 s"
            raise ServiceError(409, "in_work", message, headers={"Retry-After": "1"})
        return _opened(secret, row[2])

    def finish(self, caller: str, key: str, answer: Kept | None) -> None:
        """Keep the answer of a request; None forgets it, so that it can be tried again."""
        secret = self._secret(caller, key)
        with self._file.transaction() as db:
            if answer is None:
                db.execute("DELETE FROM replays WHERE key = ?", (_name_of(secret),))
            else:
                values = _sealed(secret, answer), _name_of(secret)
                db.execute("UPDATE replays SET answer = ?, owner = NULL WHERE key = ?", values)
                self._new, self._new_bytes = self._new + 1, self._new_bytes + len(values[0])

    def forget(self) -> None:
        """Drop all answers, since somebody who may be in them was erased; see StateFile.empty_log for the rest."""
        with self._file.transaction() as db:
            db.execute("DELETE FROM replays WHERE answer IS NOT NULL")

    def _drop_old(self, db: sqlite3.Connection) -> None:
        """Forget what is older than a day (or from the future, since the clock was set back), and what is too much.

        A request that is in work stays, however old it is: sent again it would be done twice.
        """
        now = time.time()
        span = now - SECONDS, now + SECONDS
        old = db.execute("SELECT number, owner FROM replays WHERE since <= ? OR since >= ?", span).fetchall()
        gone = [(number,) for number, owner in old if owner is None or not is_alive(owner)]
        db.executemany("DELETE FROM replays WHERE number = ?", gone)
        if self._new >= MAX_ANSWERS // SHARE or self._new_bytes >= MAX_BYTES // SHARE:
            self._new = self._new_bytes = 0
            db.execute(TOO_MANY, (MAX_ANSWERS, MAX_BYTES))

    def _secret(self, caller: str, key: str) -> bytes:
        """32 bytes that only who sends the key again can make."""
        return hmac.digest(self._master + b"mien replay", f"{caller}\0{key}".encode(), "sha256")


def _name_of(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()


def _sealed(secret: bytes, answer: Kept) -> bytes:
    status, content, media_type = answer
    return seal(secret, f"{status} {media_type}\n".encode() + content)


def _opened(secret: bytes, sealed: bytes) -> Kept:
    head, _, content = unseal(secret, sealed).partition(b"\n")
    status, _, media_type = head.decode().partition(" ")
    return int(status), content, media_type


TOO_MANY = (
    "DELETE FROM replays WHERE answer IS NOT NULL AND number <= (SELECT max(number) FROM ("
    "SELECT number, count(*) OVER newer AS answers, sum(length(answer)) OVER newer AS bytes FROM replays "
    "WHERE answer IS NOT NULL WINDOW newer AS (ORDER BY number DESC)) WHERE answers > ? OR bytes > ?)"
)
"""Deletes the answers that are beyond both limits, counted from the newest one."""


class WriteRoute(APIRoute):
    """A route whose writes may be sent again with the same Idempotency-Key."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, between looking for a kept answer and keeping one."""
        handle = super().get_route_handler()

        async def handle_once(request: Request) -> Response:
            key = request.headers.get(HEADER)
            if request.method in SAFE_METHODS:
                return await handle(request)
            if key is None:
                await _write_down(request)
                return await handle(request)
            if not FORM.fullmatch(key):
                raise ServiceError(422, "invalid_request", f"{HEADER}: 8 to 128 visible ASCII characters")
            caller, replays = (await find_caller(request)).id, replays_of(request)
            kept = await in_thread(replays.begin, caller, key, await _fingerprint(request))
            if kept is not None:
                status, content, media_type = kept
                return Response(content, status, {REPLAYED: "true"}, media_type)
            answer = None
            try:
                await _write_down(request)
                response = await handle(request)
                content = bytes(response.body)
                answer = (response.status_code, content, response.headers.get("content-type", ""))
                return response
            finally:
                await _keep(replays, caller, key, answer)

        return handle_once


async def _keep(replays: Replays, caller: str, key: str, answer: Kept | None) -> None:
    """Keep an answer, or forget the request. Where neither can be written the client gets its answer all the same.

    The same key is refused then as one that is in work, and nothing is done twice.
    """
    try:
        await in_thread(replays.finish, caller, key, answer)
    except ServiceError:
        log.exception("an answer could not be kept for the case that its request is sent again")


async def _write_down(request: Request) -> None:
    """Put a change into the audit log before it happens; one that nobody known asks for is refused before."""
    if getattr(request.scope.get("route"), "operation_id", None) not in WITHOUT_CALLER:
        await find_caller(request)
    await request.app.state.auditing.begin(request.scope)


def replays_of(request: Request) -> Replays:
    """The service's kept answers."""
    replays: Replays = request.app.state.replays
    return replays


async def _fingerprint(request: Request) -> str:
    """What a request asks for: two of them are the same request, although multipart boundaries differ."""
    digest = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    data = await read_body(request)
    if data and content_kind(request) == MULTIPART:
        for part in parse_multipart(data, request.headers.get("content-type", ""), limits_of(request).parts):
            digest.update(f"{part.name} {part.is_file} {len(part.data)}\n".encode("utf-8", "replace"))
            digest.update(part.data)
    else:
        digest.update(data)
    return digest.hexdigest()
