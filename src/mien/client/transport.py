"""How the client sends: addresses, keys, retries, refusals. Knows no operation.

Each write carries an Idempotency-Key of its own, so that it can be sent again after a broken connection without
happening twice. A busy service (429) is asked again after the seconds that it names.
"""

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from mien.errors import MienError

ImageFile = bytes | str | Path
"""An image: the bytes of a file, or its path on this machine."""
WRITES = ("POST", "PATCH", "PUT", "DELETE")
LONGEST_WAIT = 30.0
"""Seconds that a busy service is waited for at most, each time."""


STREAM_WAITS = (0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 15.0, 15.0)
"""Seconds before a stream of events that broke is opened again, while nothing comes."""
SILENCE = 45.0
"""Seconds without a word after which a stream counts as broken; the service says something every 15."""


class RefusedError(MienError):
    """A request that the service refused.

    Attributes:
        status: of HTTP.
        code: for programs.
        details: field by field, where there is more to say.
        request_id: under which the service logged the request.
    """

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(str(body.get("message", f"the service answered with status {status}")))
        self.status, self.code = status, str(body.get("code", "unknown"))
        self.details: Sequence[Mapping[str, Any]] = body.get("details", ())
        self.request_id = str(body.get("request_id", ""))


class Transport:
    """Sends requests to one service.

    Args:
        address: of the service.
        key: an API key, or None.
        timeout: seconds for one answer.
        verify: whether, and by which certificate file, the service's certificate is checked.
        retries: how often a request is sent again after a broken connection, or while the service is busy.
    """

    def __init__(self, address: str, key: str | None, *, timeout: float, verify: bool | str, retries: int) -> None:
        if isinstance(verify, str):
            import ssl

            context: ssl.SSLContext | bool = ssl.create_default_context(cafile=verify)
        else:
            context = verify
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=address, headers=headers, timeout=timeout, verify=context)
        self._address, self._retries, self._timeout = address, retries, timeout

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def set_csrf(self, token: str) -> None:
        """Send the token of a session with each change; an empty one ends that."""
        self._http.headers.pop("x-csrf-token", None)
        if token:
            self._http.headers["x-csrf-token"] = token

    def send(
        self,
        method: str,
        path: str,
        *,
        fields: Mapping[str, Any] | None = None,
        images: Mapping[str, ImageFile | Sequence[ImageFile]] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        """Send a request; fields of None are left out of multipart bodies and of parameters.

        Raises:
            RefusedError: the service refuses it.
            MienError: the service cannot be reached.
        """
        headers = {"Idempotency-Key": uuid.uuid4().hex} if method in WRITES else {}
        body: dict[str, Any] = {}
        if images is not None:
            body = {"files": _files(images), "data": _texts(fields or {})}
        elif fields is not None:
            body = {"json": dict(fields)}
        query = {name: value for name, value in (params or {}).items() if value is not None}
        for left in range(self._retries, -1, -1):
            try:
                answer = self._http.request(method, path, headers=headers, params=query, **body)
            except httpx.TransportError as reason:
                if not left:
                    raise self._unreachable(reason) from None
                continue
            if not (left and _is_busy(answer)) or _wait_of(answer) > LONGEST_WAIT:
                break
            time.sleep(_wait_of(answer))
        if answer.is_error:
            raise RefusedError(answer.status_code, _body_of(answer))
        return answer

    def stream(self, path: str, *, after: int, params: Mapping[str, Any]) -> Iterator[Any]:
        """Follow server-sent events, each as the JSON value that it has; a stream that breaks is opened again.

        Args:
            path: of the operation.
            after: the number of the event that was seen last.
            params: further parameters.

        Raises:
            RefusedError: the service refuses it, or there is nothing to follow any more.
            MienError: the service could not be reached for a minute.
        """
        tries, number = 0, after
        while True:
            try:
                for seen, data in self._events(path, number, params):
                    tries, number = 0, seen
                    yield json.loads(data)
            except (httpx.TransportError, RefusedError) as reason:
                if isinstance(reason, RefusedError) and reason.status not in (429, 502, 503, 504):
                    raise
                if tries == len(STREAM_WAITS):
                    if isinstance(reason, RefusedError):
                        raise
                    raise self._unreachable(reason) from None
            # A stream that the service ended is opened again too: it may have been restarted.
            time.sleep(STREAM_WAITS[min(tries, len(STREAM_WAITS) - 1)])
            tries += 1

    def _events(self, path: str, after: int, params: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
        """The events of one stream until it ends, each with its number."""
        headers = {"accept": "text/event-stream", "last-event-id": str(after)}
        limits = httpx.Timeout(self._timeout, read=SILENCE)
        with self._http.stream("GET", path, headers=headers, params=dict(params), timeout=limits) as answer:
            if answer.is_error:
                answer.read()
                raise RefusedError(answer.status_code, _body_of(answer))
            number, data = after, ""
            for line in answer.iter_lines():
                field, _, value = line.partition(": ")
                if field == "id":
                    number = int(value)
                elif field == "data":
                    data = value
                elif not line and data:
                    yield number, data
                    data = ""

    def _unreachable(self, reason: httpx.TransportError) -> MienError:
        return MienError(
            f"{self._address} cannot be reached ({str(reason) or type(reason).__name__}): check the address, and "
            "that `mien serve` runs there"
        )


def _files(images: Mapping[str, ImageFile | Sequence[ImageFile]]) -> list[tuple[str, tuple[str, bytes]]]:
    """Images as parts; a list of them is one part each."""
    found = []
    for name, value in images.items():
        several = [value] if isinstance(value, bytes | str | Path) else value
        found += [(name, ("image", one if isinstance(one, bytes) else Path(one).read_bytes())) for one in several]
    return found


def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in fields.items()
        if value is not None
    }


def _is_busy(answer: httpx.Response) -> bool:
    """Whether it can be asked again: it is busy, or still does what was sent before the connection broke."""
    return answer.status_code == 429 or (answer.status_code == 409 and "retry-after" in answer.headers)


def _wait_of(answer: httpx.Response) -> float:
    text = answer.headers.get("retry-after", "1")
    return float(text) if text.isdecimal() else LONGEST_WAIT + 1


def _body_of(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
