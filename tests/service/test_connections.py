"""A connection that never finishes its headers is closed; one that sends requests is not."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from mien.service.connections import timed_protocol


async def answer(scope, receive, send) -> None:
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = uvicorn.Config(answer, http=timed_protocol(0.1), lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield taken.getsockname()[1]
        server.should_exit = True
        thread.join(10)


REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: local", REQUEST + b"GET / HTTP/1.1\r\n"])
def test_headers_that_never_end_close_the_connection(port: int, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        received = b"".join(iter(lambda: connection.recv(4096), b""))
    assert received.count(b"200 OK") == sent.count(REQUEST)


def test_a_connection_that_sends_requests_stays(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for _ in range(3):
            connection.sendall(REQUEST)
            received = b""
            while not received.endswith(b"ok"):
                received += connection.recv(4096)
            assert b"200 OK" in received
            time.sleep(0.12)
