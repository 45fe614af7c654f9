"""Which addresses of cameras are allowed: those in networks that the operator named at the start. Opens no stream."""

import socket
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from mien.errors import SettingsError
from mien.service.errors import ServiceError
from mien.video import is_live

Network = IPv4Network | IPv6Network


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks such as 10.0.0.0/24, or single addresses.

    Raises:
        SettingsError: one of them is not a network.
    """
    found = []
    for text in texts:
        try:
            found.append(ip_network(text))
        except ValueError:
            raise SettingsError(f"'{text}' is not a network: write 10.0.0.0/24 or 10.0.0.7, for example") from None
    return tuple(found)


def require_allowed(address: str, networks: Sequence[Network]) -> None:
    """Refuse an address that is not of a stream, or whose host has an address outside of the allowed networks.

    Raises:
        ServiceError: with what is allowed.
    """
    if not is_live(address) or "://" not in address:
        message = "the address of a camera begins with rtsp://, rtsps://, http:// or https://"
        raise ServiceError(422, "invalid_request", message, [{"field": "address", "problem": "is not of a stream"}])
    if not networks:
        message = "no network is allowed for cameras: the operator names one with `mien serve --camera-network`"
        raise ServiceError(403, "camera_not_allowed", message)
    outside = [one for one in _hosts(address) if not any(ip_address(one) in network for network in networks)]
    if outside:
        allowed = ", ".join(map(str, networks))
        message = f"this camera is not in a network that the operator allowed ({allowed})"
        raise ServiceError(403, "camera_not_allowed", message)


def _hosts(address: str) -> list[str]:
    """All addresses of the host of a stream."""
    try:
        parts = urlsplit(address)
        found = socket.getaddrinfo(parts.hostname, parts.port or 0, type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        message = "the host of this camera is not known: write its IP address"
        raise ServiceError(
            422, "invalid_request", message, [{"field": "address", "problem": "no such host"}]
        ) from None
    return [str(one[4][0]).partition("%")[0] for one in found]
