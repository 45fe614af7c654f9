"""A busy service is asked again, a broken connection is tried again, and nothing happens twice."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from mien.client import Client, RefusedError
from mien.errors import MienError


class Scripted(BaseHTTPRequestHandler):
    """Answers what a test has put into `answers`, and notes what came."""

    answers: list[tuple[int, dict[str, str], bytes]]
    seen: list[dict[str, str]]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        type(self).seen.append(dict(self.headers))
        status, headers, body = type(self).answers.pop(0)
        if status == 0:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def scripted() -> Iterator[str]:
    Scripted.answers, Scripted.seen = [], []
    server = HTTPServer(("127.0.0.1", 0), Scripted)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


OK = (200, {}, b'{"keys": []}')


def test_a_busy_service_is_asked_again_with_the_same_key_of_the_write(scripted: str) -> None:
    Scripted.answers += [(429, {"Retry-After": "0"}, b"{}"), (0, {}, b""), OK]
    with Client(scripted) as client:
        client.create_key("door", ["read"])
    keys = {one["idempotency-key"] if "idempotency-key" in one else one["Idempotency-Key"] for one in Scripted.seen}
    assert len(Scripted.seen) == 3 and len(keys) == 1


def test_a_write_that_is_in_work_after_the_connection_broke_gets_its_answer(scripted: str) -> None:
    in_work = (409, {"Retry-After": "0"}, b'{"code": "in_work", "message": "send it again"}')
    Scripted.answers += [(0, {}, b""), in_work, OK, (409, {}, b'{"code": "not_empty"}')]
    with Client(scripted) as client:
        client.create_key("door", ["read"])
        with pytest.raises(RefusedError) as refusal:
            client.create_key("door", ["read"])
    assert refusal.value.code == "not_empty" and len(Scripted.seen) == 4, "others are not asked again"


def test_a_service_that_stays_busy_or_asks_for_too_long_is_a_refusal(scripted: str) -> None:
    busy = b'{"code": "busy", "message": "send the request again after 99 s", "details": [], "request_id": "r"}'
    Scripted.answers += [(429, {"Retry-After": "99"}, busy)]
    with Client(scripted) as client, pytest.raises(RefusedError, match="after 99 s") as caught:
        client.list_keys()
    assert caught.value.code == "busy" and caught.value.request_id == "r" and len(Scripted.seen) == 1


def test_an_answer_that_is_not_of_the_service_is_a_refusal_with_its_status(scripted: str) -> None:
    Scripted.answers += [(502, {}, b"<html>bad gateway")]
    with Client(scripted) as client, pytest.raises(RefusedError, match="status 502"):
        client.list_keys()


def test_a_service_that_cannot_be_reached_is_one_sentence() -> None:
    with Client("http://127.0.0.1:9", retries=0) as client, pytest.raises(MienError, match="check the address"):
        client.live()
