"""What holds for every request, whatever its route: an id, a known host, a seat, safe headers, the last net.

Plain ASGI, since the body has to stay a stream and a client that hangs up has to be noticed. Reads no body and knows
no route but those that must answer while the service is busy.
"""

import json
import logging
import re
import time
import uuid
from contextlib import nullcontext
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.errors import MienError
from mien.service.auditing import SAFE_METHODS, Auditing, NotWrittenError
from mien.service.bodies import too_large
from mien.service.capacity import Capacity
from mien.service.config import ServiceConfig
from mien.service.errors import UNEXPECTED, ClientGoneError, ServiceError, body_of, from_mien
from mien.service.metrics import Metrics
from mien.service.tracing import Tracing

ALWAYS = ("/v1/live", "/v1/ready", "/v1/metrics")
"""Addresses that need no seat, so that they answer while the service is busy."""
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}
"""Of every answer, unless a route sets its own."""
POLICY = "default-src 'none'; frame-ancestors 'none'"
"""Content security policy of answers that are not pages."""

log = logging.getLogger("mien.service")


class EveryRequest:
    """The outermost part of the service.

    Args:
        app: the rest of it.
        config: its names and limits.
        capacity: its seats.
        metrics: in which requests are counted.
        auditing: in which they are written down.
        tracing: which makes spans of them.
    """

    def __init__(
        self,
        app: ASGIApp,
        config: ServiceConfig,
        capacity: Capacity,
        metrics: Metrics,
        auditing: Auditing,
        tracing: Tracing,
    ) -> None:
        self._app, self._config, self._capacity = app, config, capacity
        self._metrics, self._auditing, self._tracing = metrics, auditing, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answer = _Answer(send, _request_id(headers), scope, self._auditing)
        scope.setdefault("state", {})["request_id"] = answer.request_id
        with self._tracing.request(scope["method"], answer.request_id, headers) as span:
            await self._answered(scope, headers, receive, answer)
            span.end_request(*_names(scope), answer.status)

    async def _answered(self, scope: Scope, headers: Headers, receive: Receive, answer: "_Answer") -> None:
        began = time.monotonic()
        try:
            await self._handle(scope, headers, receive, answer)
        except ClientGoneError:
            answer.status = 499
        except MienError as reason:
            await answer.refuse(from_mien(reason))
        except Exception:
            log.exception("request %s failed", answer.request_id)
            await answer.refuse(ServiceError(500, "failed", UNEXPECTED))
        finally:
            seconds = time.monotonic() - began
            self._metrics.count(_names(scope)[0], answer.status, seconds, scope["state"].get("refused", ""))
            _log(scope, answer, seconds)

    async def _handle(self, scope: Scope, headers: Headers, receive: Receive, answer: "_Answer") -> None:
        require_host(headers.get("host", ""), self._config)
        if scope["method"] not in SAFE_METHODS:
            require_own_origin(headers)
        length = headers.get("content-length", "0")
        if length.isdecimal() and (len(length) > 15 or int(length) > self._config.limits.body_bytes):
            raise too_large(self._config.limits)
        with nullcontext() if scope["path"] in ALWAYS else self._capacity.seat() as seat:
            scope["state"]["seat"] = seat
            await self._app(scope, receive, answer.send)


class _Answer:
    """An answer on its way: gets the headers that all have, and notes whether it has begun."""

    def __init__(self, send: Send, request_id: str, scope: Scope, auditing: Auditing) -> None:
        self._send, self.request_id = send, request_id
        self._scope, self._auditing = scope, auditing
        self.status = 0
        self._is_withheld = False

    async def send(self, message: Message) -> None:
        if self._is_withheld:
            return
        if message["type"] == "http.response.start":
            if not await self._auditing.record(self._scope, message["status"]):
                await self.refuse(NotWrittenError())
                self._is_withheld = True
                return
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self.request_id
            for name, value in {**HEADERS, "content-security-policy": POLICY}.items():
                headers.setdefault(name, value)
        await self._send(message)

    async def refuse(self, reason: ServiceError) -> None:
        """Answer with a refusal, unless an answer has begun; then the connection ends in the middle of it."""
        if self.status:
            raise reason
        self._scope.setdefault("state", {})["refused"] = reason.code
        content = json.dumps(body_of(reason, self.request_id)).encode()
        headers = {"content-type": "application/json", "content-length": str(len(content)), **reason.headers}
        raw = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": reason.status, "headers": raw})
        await self.send({"type": "http.response.body", "body": content})


def require_host(host: str, config: ServiceConfig) -> None:
    """Refuse a Host header that is neither an address nor a name of this service.

    A page of another site can make a browser resolve that site's name to this machine; the name gives it away.

    Raises:
        ServiceError: the name is not one of the service's.
    """
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if name.lower() in ("localhost", config.host.lower(), *(one.lower() for one in config.names)):
        return
    try:
        ip_address(name)
    except ValueError:
        shown = re.sub(r"[^A-Za-z0-9._-]", "?", name)[:80]
        message = f"this service is not called '{shown}': use its address, or start it with --name {shown}"
        raise ServiceError(421, "unknown_host", message) from None


def require_own_origin(headers: Headers) -> None:
    """Refuse changes that a page of another site sends; programs send no Origin.

    Raises:
        ServiceError: a browser says that the request comes from another site.
    """
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
    own = origin is None or origin.partition("://")[2].lower() == headers.get("host", "").lower()
    if not own or site not in ("none", "same-origin"):
        message = "a page of another site sent this request: use the pages of this service, or a program"
        raise ServiceError(403, "foreign_origin", message)


def _request_id(headers: Headers) -> str:
    """The client's own id where it is harmless, else a new one."""
    given = headers.get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _names(scope: Scope) -> tuple[str | None, str]:
    """The operation of a request, and its route without the values in its address."""
    route = scope.get("route")
    return getattr(route, "operation_id", None), getattr(route, "path", "-")


def _log(scope: Scope, answer: _Answer, seconds: float) -> None:
    """One line per request, without addresses that hold names, queries or bodies."""
    operation, route = _names(scope)
    caller = scope["state"].get("caller")
    fields = {
        "request_id": answer.request_id,
        "method": scope["method"],
        "route": route,
        "operation": operation,
        "status": answer.status,
        "milliseconds": round(1000 * seconds, 1),
        "caller": None if caller is None else caller.id,
    }
    line = "%s %s %s %d %.0f ms"
    log.info(line, answer.request_id, scope["method"], route, answer.status, seconds * 1000, extra=fields)
