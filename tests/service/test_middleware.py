"""What holds for every request: known hosts, ids, headers, one form of failure, the last net."""

import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from mien.service.app import create_app
from mien.service.config import Limits, ServiceConfig
from mien.service.engines import Engines
from mien.service.errors import ServiceError
from mien.service.middleware import require_host

CONFIG = ServiceConfig(folder=Path(), names=("faces.example.org",))


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8470", "127.0.0.1:1", "[::1]:8470", "10.1.2.3", "faces.example.org:443"]
)
def test_addresses_and_own_names_are_known(host: str) -> None:
    require_host(host, CONFIG)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "127.0.0.1.nip.io", "[x]", "a\nb"])
def test_the_name_of_another_site_is_refused_with_the_option_that_adds_it(host: str) -> None:
    with pytest.raises(ServiceError, match="start it with --name") as caught:
        require_host(host, CONFIG)
    assert caught.value.status == 421 and "\n" not in str(caught.value)


def test_a_rebound_name_reaches_no_operation(service: httpx.Client) -> None:
    answer = service.get("/v1/system", headers={"Host": "evil.example"})
    assert answer.status_code == 421 and answer.json()["code"] == "unknown_host"


def test_a_forwarded_host_changes_nothing(service: httpx.Client) -> None:
    answer = service.get("/v1/system", headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-For": "1.2.3.4"})
    assert answer.status_code == 200 and "evil" not in answer.text


def test_every_answer_has_an_id_and_safe_headers(service: httpx.Client) -> None:
    for path in ("/v1/live", "/v1/nothing", "/"):
        answer = service.get(path, headers={"x-request-id": "my-own-id.1"})
        assert answer.headers["x-request-id"] == "my-own-id.1"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    unsafe = service.get("/v1/live", headers={"x-request-id": "<script>" * 3}).headers["x-request-id"]
    assert len(unsafe) == 32 and unsafe.isalnum()


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/v1/live/", 404, "not_found"),
        ("DELETE", "/v1/live", 405, "method_not_allowed"),
        ("GET", "/v1/live?ready=1", 422, "invalid_request"),
        ("POST", "/v1/detect", 415, "unsupported_media_type"),
    ],
)
def test_every_refusal_has_one_form(service: httpx.Client, method: str, path: str, status: int, code: str) -> None:
    answer = service.request(method, path)
    assert answer.status_code == status and answer.json()["code"] == code
    assert set(answer.json()) == {"code", "message", "details", "request_id"}
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_a_body_over_the_limit_is_refused_before_and_while_it_is_read(
    engines: Engines, tmp_path: Path, serve_app: Callable[..., AbstractContextManager[str]]
) -> None:
    config = ServiceConfig(folder=tmp_path, port=0, limits=Limits(body_bytes=1000))
    headers = {"content-type": "application/json"}
    with (
        serve_app(create_app(config, engines), config) as address,
        httpx.Client(timeout=60, base_url=address) as client,
    ):
        announced = client.post("/v1/detect", content=b"x" * 1001, headers=headers)
        endless = client.post("/v1/detect", content=iter([b"x" * 600] * 3), headers=headers)
        for answer in (announced, endless):
            assert answer.status_code == 413 and answer.json()["code"] == "too_large"


def test_a_body_that_never_ends_is_given_up(
    engines: Engines, tmp_path: Path, serve_app: Callable[..., AbstractContextManager[str]]
) -> None:
    config = ServiceConfig(folder=tmp_path, port=0, limits=Limits(body_seconds=0.05))
    headers = ("Host: localhost", "Content-Type: application/json", "Content-Length: 100")
    head = "\r\n".join(("POST /v1/detect HTTP/1.1", *headers, "", "{")).encode()
    with (
        serve_app(create_app(config, engines), config) as address,
        socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=10) as connection,
    ):
        connection.sendall(head)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 408") and b'"too_slow"' in answer


def test_a_fault_of_the_service_shows_no_trace(
    engines: Engines,
    tmp_path: Path,
    serve_app: Callable[..., AbstractContextManager[str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = ServiceConfig(folder=tmp_path, port=0)
    app = create_app(config, engines)

    @app.get("/v1/fault")
    async def fault() -> None:
        raise ZeroDivisionError("a secret")

    with serve_app(app, config) as address:
        answer = httpx.get(timeout=60, url=f"{address}/v1/fault")
    assert answer.status_code == 500 and answer.json()["code"] == "failed"
    assert "secret" not in answer.text and "Traceback" not in answer.text
    assert answer.json()["request_id"] in caplog.text, "the log has the trace under the same id"
