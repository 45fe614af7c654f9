"""A camera is added only where the operator allowed it, by all addresses that its host has."""

import socket

import pytest

from mien.errors import SettingsError
from mien.service.camera_networks import parse_networks, require_allowed
from mien.service.errors import ServiceError

LAN = parse_networks(["10.0.0.0/24", "fd00::/8"])


@pytest.mark.parametrize("address", ["rtsp://10.0.0.7/door", "http://a:b@10.0.0.255:80/v", "rtsps://[fd00::1]/v"])
def test_cameras_of_an_allowed_network_may_be_added(address: str) -> None:
    require_allowed(address, LAN)


@pytest.mark.parametrize(
    "address", ["rtsp://10.0.1.7/door", "http://127.0.0.1/v", "rtsp://[::1]/v", "http://8.8.8.8/"]
)
def test_other_networks_are_refused_with_those_that_are_allowed(address: str) -> None:
    with pytest.raises(ServiceError, match=r"allowed \(10.0.0.0/24, fd00::/8\)") as caught:
        require_allowed(address, LAN)
    assert caught.value.status == 403


def test_a_host_with_one_address_outside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(2, 1, 6, "", ("10.0.0.7", 0)), (2, 1, 6, "", ("192.168.0.1", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *rest, **named: both)
    with pytest.raises(ServiceError, match="not in a network"):
        require_allowed("rtsp://cam.lan/door", LAN)


@pytest.mark.parametrize("address", ["camera:0", "/etc/passwd", "file:///etc/passwd", "ftp://10.0.0.7/x"])
def test_what_is_no_stream_is_refused(address: str) -> None:
    with pytest.raises(ServiceError, match="begins with rtsp://"):
        require_allowed(address, LAN)


def test_without_a_network_no_camera_is_allowed() -> None:
    with pytest.raises(ServiceError, match="--camera-network"):
        require_allowed("rtsp://10.0.0.7/door", ())


@pytest.mark.parametrize("text", ["lan", "10.0.0.7/8", "", "10.0.0.0/33"])
def test_what_is_no_network_is_said(text: str) -> None:
    with pytest.raises(SettingsError, match=r"is not a network: write 10\.0\.0\.0/24"):
        parse_networks([text])
