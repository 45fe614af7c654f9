"""Webhooks go where the operator allowed, to the address that was checked, and no further."""

import socket
import ssl
import time
from pathlib import Path

import pytest

from mien.service import webhook_addresses
from mien.service.camera_networks import parse_networks
from mien.service.certificates import self_signed
from mien.service.config import ServiceConfig
from mien.service.errors import ServiceError
from mien.service.webhook_addresses import Target, find_target, post
from service.receiver import receiving

INTERNET = "0.0.0.0/0"


@pytest.mark.parametrize(
    ("address", "networks", "ip"),
    [
        ("http://10.0.0.8/in?x=1", ["10.0.0.0/24"], "10.0.0.8"),
        ("http://10.0.0.8:9000/in", ["10.0.0.8"], "10.0.0.8"),
        ("https://93.184.215.14/in", [INTERNET], "93.184.215.14"),
        ("https://127.0.0.1/in", [INTERNET, "127.0.0.0/8"], "127.0.0.1"),
        ("http://100.64.1.2/", ["100.64.0.0/10"], "100.64.1.2"),
        ("http://[fd00::7]:81/", ["fd00::/8"], "fd00::7"),
        ("http://[::ffff:10.0.0.8]/", ["10.0.0.0/24"], "10.0.0.8"),
    ],
)
def test_an_address_in_a_named_network_is_allowed(address: str, networks: list[str], ip: str) -> None:
    assert find_target(address, parse_networks(networks)).ip == ip


@pytest.mark.parametrize(
    ("address", "networks"),
    [
        ("http://10.0.1.8/", ["10.0.0.0/24"]),
        ("https://10.0.0.8/", [INTERNET]),
        ("https://127.0.0.1/", [INTERNET, "10.0.0.0/8"]),
        ("https://10.0.0.8/", ["0.0.0.0/1"]),
        ("https://169.254.169.254/", [INTERNET, "169.254.0.0/16"]),
        ("https://[::ffff:169.254.169.254]/", [INTERNET, "::/0"]),
        ("https://[::1]/", ["::/0"]),
        ("https://0.0.0.0/", [INTERNET]),
        ("https://93.184.215.14/", ["10.0.0.0/8"]),
    ],
)
def test_private_addresses_are_not_of_the_internet_and_others_not_of_a_network(
    address: str, networks: list[str]
) -> None:
    with pytest.raises(ServiceError, match="not in a network that the operator allowed") as caught:
        find_target(address, parse_networks(networks))
    assert (caught.value.status, caught.value.code) == (403, "webhook_not_allowed")


@pytest.mark.parametrize(
    "address",
    [
        "ftp://10.0.0.8/",
        "file:///etc/passwd",
        "http://",
        "10.0.0.8/in",
        "http://a:b@10.0.0.8/",
        "http://10.0.0.8/#x",
        "http://10.0.0.8:99999/",
        "http://[::1/",
        f"http://{'x' * 70}.example/",
        "http://93.184.215.14/",
    ],
)
def test_what_is_not_an_address_of_a_webhook_is_refused(address: str) -> None:
    with pytest.raises(ServiceError, match="address: ") as caught:
        find_target(address, parse_networks([INTERNET, "10.0.0.0/8"]))
    assert caught.value.status == 422


def test_without_a_network_nothing_is_allowed() -> None:
    with pytest.raises(ServiceError, match="--webhook-network"):
        find_target("https://93.184.215.14/", ())


def test_a_name_is_refused_where_one_of_its_addresses_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", (one, port)) for one in ("93.184.215.14", "10.0.0.8")]

    monkeypatch.setattr(webhook_addresses.socket, "getaddrinfo", look_up)
    with pytest.raises(ServiceError, match="not in a network"):
        find_target("https://receiver.example/", parse_networks([INTERNET]))


def target(port: int) -> Target:
    return Target(ip="127.0.0.1", host="receiver.example", port=port, path="/in?x=1", has_tls=False)


def test_a_body_goes_to_the_checked_address_with_the_name_in_its_header_and_no_redirect_is_followed() -> None:
    with receiving() as receiver:
        receiver.statuses += [200, 302]
        assert post(target(receiver.port), b"{}", {"X-One": "1"}) == 200
        assert post(target(receiver.port), b"{}", {}) == 302
    assert [path for path, _, _ in receiver.seen] == ["/in?x=1"] * 2
    _, headers, body = receiver.seen[0]
    assert (headers["host"], headers["x-one"], body) == (f"receiver.example:{receiver.port}", "1", b"{}")


def test_an_answer_that_comes_byte_by_byte_is_ended_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_addresses, "SECONDS", 0.3)
    with receiving() as receiver:
        receiver.drips, began = True, time.monotonic()
        with pytest.raises((OSError, webhook_addresses.http.client.HTTPException)):
            post(target(receiver.port), b"{}", {})
        assert time.monotonic() - began < 5


def test_a_certificate_has_to_be_trusted_and_of_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = self_signed(ServiceConfig(folder=tmp_path))
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(certificate, key)
    with receiving(own) as receiver:

        def send(host: str) -> int:
            return post(Target(ip="127.0.0.1", host=host, port=receiver.port, path="/", has_tls=True), b"{}", {})

        with pytest.raises(ssl.SSLCertVerificationError):
            send("localhost")
        trusting = ssl.create_default_context(cafile=str(certificate))
        monkeypatch.setattr(webhook_addresses, "_tls", lambda: trusting)
        with pytest.raises(ssl.SSLCertVerificationError, match=r"receiver\.example"):
            send("receiver.example")
        assert send("localhost") == 200 and len(receiver.seen) == 1


def test_where_nothing_answers_there_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="refused"):
            post(target(taken.getsockname()[1]), b"{}", {})
