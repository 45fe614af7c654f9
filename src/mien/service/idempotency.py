"""Answers of writes that may be sent again: the same Idempotency-Key gets the first answer again.

Kept in memory for a day and never on disk, since answers hold names; a restarted service has forgotten them. Erasing
somebody forgets everything. A key belongs to its caller: nobody sees another one's answers.
"""

import hashlib
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from mien.service.auditing import SAFE_METHODS, WITHOUT_CALLER
from mien.service.auth.callers import find_caller
from mien.service.bodies import MULTIPART, content_kind, read_body
from mien.service.errors import ServiceError
from mien.service.multipart import parse_multipart
from mien.service.state import limits_of

HEADER, REPLAYED = "idempotency-key", "idempotency-replayed"
SECONDS = 24 * 3600.0
MAX_ANSWERS, MAX_BYTES = 10_000, 32 * 2**20
FORM = re.compile(r"[\x21-\x7e]{8,128}")


@dataclass(slots=True)
class _Kept:
    """The first request of a key; without an answer it is in work."""

    fingerprint: str
    since: float
    answer: tuple[int, bytes, str] | None = None


class Replays:
    """The answers that are kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def begin(self, caller: str, key: str, fingerprint: str) -> tuple[int, bytes, str] | None:
        """Begin a request, or give the answer of the first one.

        Raises:
            ServiceError: the key was used for another request, or the first one is in work.
        """
        with self._lock:
            self._drop_old()
            kept = self._kept.get((caller, key))
            if kept is None:
                self._kept[caller, key] = _Kept(fingerprint, time.monotonic())
                return None
            if kept.fingerprint != fingerprint:
                message = "this Idempotency-Key was used for another request: choose a new one for each request"
                raise ServiceError(409, "idempotency_key_reused", message)
            if kept.answer is None:
                message = "the first request with this Idempotency-Key is in work: send it again after 1 s"
                raise ServiceError(409, "in_work", message, headers={"Retry-After": "1"})
            return kept.answer

    def finish(self, caller: str, key: str, answer: tuple[int, bytes, str] | None) -> None:
        """Keep the answer of a request; None forgets it, so that it can be tried again."""
        with self._lock:
            kept = self._kept.get((caller, key))
            if kept is not None and answer is None:
                del self._kept[caller, key]
            elif kept is not None:
                kept.answer = answer
                self._bytes += len(answer[1]) if answer else 0

    def forget(self) -> None:
        """Drop all answers, since somebody who may be in them was erased."""
        with self._lock:
            self._kept = OrderedDict((key, kept) for key, kept in self._kept.items() if kept.answer is None)
            self._bytes = 0

    def _drop_old(self) -> None:
        while self._kept:
            key, kept = next(iter(self._kept.items()))
            full = len(self._kept) > MAX_ANSWERS or self._bytes > MAX_BYTES
            if not full and time.monotonic() - kept.since < SECONDS:
                return
            self._bytes -= len(kept.answer[1]) if kept.answer else 0
            del self._kept[key]


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
            caller, replays = find_caller(request).id, replays_of(request)
            kept = replays.begin(caller, key, await _fingerprint(request))
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
                replays.finish(caller, key, answer)

        return handle_once


async def _write_down(request: Request) -> None:
    """Put a change into the audit log before it happens; one that nobody known asks for is refused before."""
    if getattr(request.scope.get("route"), "operation_id", None) not in WITHOUT_CALLER:
        find_caller(request)
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
